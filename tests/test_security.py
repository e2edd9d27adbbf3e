"""What comes from elsewhere (files, names of classes, packages) is data, and is never run."""

import ast
import gzip
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner

from ffhelpers import __main__, datasets, formats, plots
from written import tar_of

ROOT = Path(__file__).parent.parent


# --- Archives --------------------------------------------------------------------------------


def archive(files):
    return {"cifar-10-python.tar.gz": tar_of(files)}


@pytest.mark.parametrize(
    "name, files",
    [
        ("mnist", {"train-images-idx3-ubyte.gz": gzip.compress(bytes(3000))}),
        ("cifar10", archive({"cifar-10-batches-py/test_batch": bytes(3000)})),
    ],
)
def test_what_unpacks_to_more_than_it_should_is_not_read(monkeypatch, name, files):
    monkeypatch.setattr(formats, "LARGEST", 2000)
    with pytest.raises(formats.DataError, match="unpacks to more than 2000 bytes"):
        formats.verified(files, datasets.DATASETS[name])
    monkeypatch.setattr(formats, "LARGEST", 4000)
    with pytest.raises(formats.DataError, match="as published|missing|cannot be read"):
        formats.verified(files, datasets.DATASETS[name])


def test_nothing_else_of_an_archive_is_read_or_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(formats, "LARGEST", 2000)
    files = archive({"../out": b"1", str(tmp_path / "absolute"): b"1", "vast": bytes(3000)})
    with pytest.raises(formats.DataError, match="data_batch_1 missing"):
        formats.verified(files, datasets.DATASETS["cifar10"])
    assert list(tmp_path.iterdir()) == [] and not (tmp_path.parent / "out").exists()


# --- Names of classes, and other text that is shown ------------------------------------------

NAMES = [r"$\one$", "$5-$10", "<script>1</script>", "a_{b^", "|", "%s {0}"]


@pytest.fixture
def drawn(monkeypatch):
    """The texts of the figures that a function shows."""
    texts = []

    def show():
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
            texts.extend(t.get_text() for t in plt.figure(number).findobj(plt.Text))
            plt.close(number)

    monkeypatch.setattr(plt, "show", show)
    return texts


n = len(NAMES)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.images(np.zeros((n, 4, 4)), NAMES),
        lambda: plots.candidates(np.zeros((n, 4, 4)), np.arange(n), NAMES, 0),
        lambda: plots.confusions(np.eye(n), NAMES),
        lambda: plots.intervals({name: (1, 0, 2) for name in NAMES}, "error"),
        lambda: plots.rows({"image": np.zeros((n, 4, 4))}, NAMES),
        lambda: plots.grids([np.eye(n)], ["share"], "share", names=NAMES),
        lambda: plots.curves([0, 1], {name: [0, 1] for name in NAMES}, "x", "y"),
        lambda: plots.multiples({name: [0, 1] for name in NAMES}, {}, "x", "y"),
    ],
)
def test_names_are_drawn_as_they_are(drawn, draw):
    """No TeX: half of a formula would raise, a whole one would be another name."""
    draw()
    shown = "".join(drawn).replace("\n", "")  # a long one is broken into lines
    assert [name for name in NAMES if name not in shown] == []


def test_a_table_in_markdown_shows_text_as_it_is(tmp_path):
    runs = [
        {"notebook": "a", "parameters": {"names": name, "seed": 0}, "figures": {"test_error": 0.1}}
        for name in ("<script>", "a | b", "plain")
    ]
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    arguments = ["table", str(tmp_path / "runs.jsonl"), "--by", "names", "--format"]
    written = CliRunner().invoke(__main__.main, [*arguments, "markdown"]).output
    assert "&lt;script&gt;" in written and r"a \| b" in written and "<" not in written
    assert "<script>" in CliRunner().invoke(__main__.main, [*arguments, "text"]).output


# --- Code ------------------------------------------------------------------------------------

FILES = [
    path
    for folder in ("ffhelpers", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
]


def calls(source):
    """Each call: its name as written, and its keywords."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}


def cells():
    for path in sorted(ROOT.glob("notebooks/**/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield re.sub(r"^\s*[%!].*", "", "".join(cell["source"]), flags=re.M)


def forbidden(source):
    """What reads code out of data, writes HTML, or has Keras trust a file: bandit knows none."""
    for name, given in calls(source):
        last = name.rsplit(".", 1)[-1]
        if (
            (last == "load" and name.startswith(("np.", "numpy.")) and given != {"allow_pickle": "False"})
            or given.get("allow_pickle") == "True"
            or last == "load_model" and "safe_mode" in given
            or last in ("enable_unsafe_deserialization", "HTML", "Markdown", "Javascript")
            or given.get("escape") == "False"
        ):  # fmt: skip
            yield name


@pytest.mark.parametrize(
    "source",
    [
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.lib.format.read_array(file, allow_pickle=True)",
        "keras.saving.load_model(path, safe_mode=False)",
        "keras.config.enable_unsafe_deserialization()",
        "display(HTML(name))",
        "frame.to_html(escape=False)",
    ],
)
def test_it_would_be_found(source):
    assert list(forbidden(source))


def test_no_code_trusts_data():
    for source in [*(path.read_text(encoding="utf-8") for path in FILES), *cells()]:
        assert list(forbidden(source)) == []
    assert len(FILES) > 40


# --- Packages, and JupyterLab ----------------------------------------------------------------


def test_packages_are_installed_by_their_hashes():
    """But our own, which is built without others, and those too new to have any. Where a file has
    hashes, and `test_environment` sees to that, pip checks them unasked."""
    for name in ("Makefile", ".ci/run"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        installed = re.findall(r"pip\)? install .*?(?:\n|\|\||&&|;)", text)
        by_hash = [
            each for each in installed if re.search("--require-hashes -r |-r pins/uv.txt", each)
        ]
        ours = [each for each in installed if "--no-deps --no-build-isolation -e ." in each]
        newest = [each for each in installed if " .venv-newest/" in each]
        assert len(by_hash) + len(ours) + len(newest) == len(installed)
        assert max(len(ours), len(newest)) <= 1


def test_jupyterlab_keeps_its_loopback_interface_and_token():
    """As it does unless it is told otherwise. CI asks a real one."""
    (started,) = re.findall(r"-m jupyterlab ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text())
    as_root = "$(if $(filter 0,$(shell id -u)),--allow-root)"
    assert started.split() == ["\\", "--LabApp.default_url=/lab/tree/notebooks", *as_root.split()]
