"""Parameters, figures and runs of notebooks, and the command line over them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ffhelpers import runs
from ffhelpers.__main__ import main

PARAMETERS = """\
epochs: int = 10  # passes over the training images
learning_rate: float = 1e-3  # Adam's step
widths: list = [500, 500]  # units of each layer
dataset: str = "mnist"  # größe = 1 # a name or a path
shuffle: bool = True
"""
USE = "import ffhelpers as ff; ff.record(test_error=0.0152, epochs=epochs, dataset=dataset)"


def save(path, *cells, parameters=None):
    """A notebook of code cells, the first of them tagged `parameters` if it is given."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "3"}
    if parameters is not None:
        tags = {"tags": ["parameters"]}
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata=tags))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, path)
    return path


@pytest.fixture(autouse=True)
def kernels_find_the_package(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.fixture
def notebook(tmp_path):
    return save(tmp_path / "lesson.ipynb", USE, parameters=PARAMETERS)


# Figures


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test_error", 0.021, "test error 2.1 %"),
        ("test_error", 0.0152, "test error 1.52 %"),
        ("train_accuracy", 1, "train accuracy 100 %"),
        ("held_out_fraction", 1 / 6, "held out fraction 16.67 %"),
        ("layer_error", [0.1, 0.25], "layer error 10 %, 25 %"),
        ("errors", {"one": [0.01, 0.03], "two": [0.02]}, "errors one 1 %, 3 %; two 2 %"),
        ("train_seconds", 31.23, "train seconds 31.2 s"),
        ("goodness", 0.123456, "goodness 0.1235"),
        ("images", 60000, "images 60000"),
        ("reached", True, "reached True"),
    ],
)
def test_figures_read_well(name, value, text, capsys):
    runs.record(**{name: value})  # outside IPython: only printed
    assert capsys.readouterr().out == text + "\n"


@pytest.mark.parametrize("value", [float("nan"), -np.inf, [1.0, np.float32("nan")]])
def test_a_figure_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(ValueError, match="test_error.* not a finite number"):
        runs.record(train_error=0.1, test_error=value)


@pytest.mark.parametrize("value", [None, 1j, np.zeros(2), {1: 2}, object(), [{"a": None}]])
def test_a_figure_of_another_type_is_refused_by_name(value):
    with pytest.raises(TypeError, match="figure odd"):
        runs.record(odd=value)


def test_figures_come_back_in_order_from_any_run_and_the_last_value_counts(tmp_path):
    import papermill

    source = save(
        tmp_path / "a.ipynb",
        "import numpy as np, ffhelpers as ff; ff.record(z=np.float64(0.25), n=np.int8(3))",
        "ff.record(b=np.bool_(1), a=['x', (1, 2)], z=0.5); 'not a figure'",
    )
    papermill.execute_notebook(source, tmp_path / "plain.ipynb", progress_bar=False)
    found = runs.figures(tmp_path / "plain.ipynb")
    assert json.dumps(found) == '{"z": 0.5, "n": 3, "b": true, "a": ["x", [1, 2]]}'
    output = nbformat.read(tmp_path / "plain.ipynb", as_version=4).cells[0].outputs[0]
    assert output.data["text/plain"] == "z 0.25\nn 3"


def test_figures_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.ipynb"):
        runs.figures(tmp_path / "none.ipynb")
    with pytest.raises(ValueError, match="empty.ipynb holds no figures: run it"):
        runs.figures(save(tmp_path / "empty.ipynb", "1"))
    for content in ["", "{}", "[1]", "text", '{"cells": [{}], "nbformat": 4, "metadata": {}}']:
        (tmp_path / "bad.ipynb").write_text(content)
        with pytest.raises(ValueError, match="bad.ipynb is not a notebook"):
            runs.figures(tmp_path / "bad.ipynb")


# Who is watching


def test_people_are_told_from_machines(monkeypatch):
    for mark in runs._SESSION_MARKS:
        monkeypatch.delenv(mark, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert not runs.watched()
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    assert runs.watched()
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert runs.watched()


def test_jupyter_servers_still_mark_their_kernels():
    sessions = pytest.importorskip("jupyter_server.services.sessions.sessionmanager")
    assert "JPY_SESSION_NAME" in Path(sessions.__file__).read_text()


# Parameters inside a notebook

GOOD = {
    "dataset": ["mnist", "fashion_mnist"],
    "seed": [0, 2**32 - 1, np.int64(3)],
    "epochs": [1],
    "batch_size": [1, 500],
    "widths": [[1], [500, 500]],
    "channels": [[1], [2, 4]],
    "learning_rate": [1, 1e-9, np.float32(0.1)],
    "weight_decay": [0, 0.3],
    "dropout": [0, 0.0, 0.99],
    "adversarial": [0, 0.1, 2.0],
    "hardest": [0.01, 1, 1.0],
    "shift": [0, 2],
    "flip": [True, False],
    "average_copies": [True, False],
    "normalization": ["layer", "rms", "batch"],
    "squares": [True, False],
    "voting": [1, 9],
    "patterns": ["waves", "masks", "corner"],
    "brightness": [0.1, 1],
    "peers": [0, 0.03],
    "first_layer_votes": [True, False],
    "all_images": [True, False],
    "theta": [2.0],
    "pull": [0, 0.1],
    "scale": [10],
    "smoothing": [0, 0.1],
    "negatives": ["hard", "uniform"],
    "hardness": [0, 30.0],
    "seconds": [0.5],
    "images": [1, 10_000],
    "seeds": [1, 9],
    "recipes": [[], ["ours", "greedy"]],
    "looks": [1, 8],
}
BAD = {
    "dataset": ["minst", 1, "none.npz", None],
    "seed": [-1, 2**32, 1.0, True, "1"],
    "epochs": [0, 2.0, True, "2", None],
    "batch_size": [0, 0.5],
    "widths": [[], [0], [500, 1.5], [True], 500, "500", (500,)],
    "channels": [[], [0], [2.5], 4],
    "learning_rate": [0, -1, float("nan"), float("inf"), "1e-3", True],
    "weight_decay": [-0.1, float("inf"), True, None],
    "dropout": [-0.1, 1, 1.0, float("nan"), False, "0.1"],
    "adversarial": [-0.1, float("inf"), float("nan"), True, "0.1"],
    "hardest": [0, 1.1, float("nan"), True, "0.5"],
    "shift": [-1, 1.0, True, "2"],
    "flip": [1, None],
    "average_copies": [0, "no"],
    "normalization": ["none", None, ["batch"]],
    "squares": [1, "yes"],
    "voting": [0, 1.5],
    "patterns": ["stripes", None],
    "brightness": [0, -0.1, "1"],
    "peers": [-1, float("nan"), None],
    "first_layer_votes": [0, "no", None],
    "all_images": [1, "yes", None],
    "theta": [0.0],
    "pull": [-0.1, float("nan"), None],
    "scale": [float("inf")],
    "smoothing": [-0.1, 1, None],
    "negatives": ["harder", None, ["hard"]],
    "hardness": [-1.0, float("inf"), "3"],
    "seconds": [0],
    "images": [0, True],
    "seeds": [0, 2.0],
    "recipes": ["ours", [1]],
    "looks": [0, "8"],
}


def test_every_rule_is_tried():
    assert set(GOOD) == set(BAD) == set(runs._RULES)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in GOOD.items() for v in vs])
def test_possible_values_pass(name, value):
    runs.check_parameters(**{name: value})


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in BAD.items() for v in vs])
def test_impossible_values_are_refused_in_one_line(name, value):
    with pytest.raises(runs.ParameterError) as refusal:
        runs.check_parameters(**{name: value})
    assert re.fullmatch(f"{name} must be .+, not {re.escape(repr(value))}", str(refusal.value))


def test_a_data_set_may_be_a_file_and_its_names_are_listed(tmp_path):
    np.savez(tmp_path / "mine.npz", x=1)
    runs.check_parameters(dataset=str(tmp_path / "mine.npz"))
    with pytest.raises(runs.ParameterError, match="mnist, fashion_mnist.* or the path"):
        runs.check_parameters(dataset=str(tmp_path / "mine.csv"))


def test_the_first_wrong_parameter_is_the_one_named():
    with pytest.raises(runs.ParameterError, match="^seed"):
        runs.check_parameters(epochs=1, seed=-1, theta=-1)


def test_a_single_layer_has_to_vote():
    runs.check_parameters(first_layer_votes=True, widths=[500])
    runs.check_parameters(first_layer_votes=False, widths=[500, 500])
    with pytest.raises(runs.ParameterError, match="first_layer_votes must be true with a single"):
        runs.check_parameters(first_layer_votes=False, widths=[500])


def test_a_parameter_without_a_rule_is_a_mistake_of_the_programmer():
    with pytest.raises(TypeError, match="epoch, only dataset, seed"):
        runs.check_parameters(epoch=1)


# Parameters from outside


def test_the_parameters_cell_is_understood(notebook):
    assert runs.parameters(notebook) == {
        "epochs": (10, "passes over the training images"),
        "learning_rate": (0.001, "Adam's step"),
        "widths": ([500, 500], "units of each layer"),
        "dataset": ("mnist", "größe = 1 # a name or a path"),
        "shuffle": (True, ""),
    }


@pytest.mark.parametrize("cell", ["epochs = 2 * x", "import os", "%magic", "a.b = 1", "f()"])
def test_a_parameters_cell_with_more_than_literals_is_refused(tmp_path, cell):
    with pytest.raises(ValueError, match="a.ipynb: the parameters cell must hold nothing but"):
        runs.parameters(save(tmp_path / "a.ipynb", parameters=cell))


def parse(default, text):
    """`text` as the command line takes it for a parameter with that default."""
    return runs._typed("name", text, default)


@given(st.integers())
def test_whole_numbers_survive_the_command_line(value):
    assert parse(10, str(value)) == value


@given(st.floats(allow_nan=False))
def test_numbers_survive_the_command_line(value):
    assert parse(1.0, repr(value)) == value


@given(st.text())
def test_strings_survive_the_command_line(value):
    assert parse("mnist", value) == value


@given(st.lists(st.integers()), st.booleans())
def test_lists_survive_the_command_line(value, bare):
    text = ",".join(map(str, value)) if bare else str(value)
    assert parse([500], text) == value


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_elements_have_the_type_of_the_default(value):
    assert parse([0.5], str(value)) == value
    assert all(type(element) is float for element in parse([0.5], "1, 2"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs=2", 2),
        ("learning_rate=1e-4", 1e-4),
        ("learning_rate=1", 1.0),
        ("widths=500", [500]),
        ("shuffle=false", False),
    ],
)
def test_settings_take_the_type_of_the_default(notebook, setting, value):
    (parsed,) = runs.parse_parameters(notebook, [setting]).values()
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epoch=2"], "unknown parameter epoch, did you mean epochs? .* takes: epochs, learning"),
        (["zzz=2"], r"unknown parameter zzz\. "),
        (["epochs=2", "epochs=3"], "epochs is given twice"),
        (["epochs"], "'epochs' is not of the form name=value"),
        (["epochs=2.0"], "epochs must be a whole number such as 10, not '2.0'"),
        (["learning_rate=fast"], "learning_rate must be a number such as 0.001, not 'fast'"),
        (["widths=500,,500"], r"widths must be a list such as \[500, 500\], not '500,,500'"),
        (["shuffle=maybe"], "shuffle must be a bool such as True, not 'maybe'"),
    ],
)
def test_wrong_settings_are_refused(notebook, settings, message):
    with pytest.raises(runs.ParameterError, match=message.replace("?", r"\?")):
        runs.parse_parameters(notebook, settings)


def test_a_notebook_that_checks_its_parameters_has_them_checked_at_once(tmp_path):
    """In another notebook `epochs` may mean another thing."""
    checks = "check_parameters(epochs=epochs)"
    ours = save(tmp_path / "ours.ipynb", checks, parameters="epochs = 9")
    theirs = save(tmp_path / "theirs.ipynb", "print(epochs)", parameters="epochs = 9")
    with pytest.raises(runs.ParameterError, match="epochs must be a whole number, 1 or more"):
        runs.parse_parameters(ours, ["epochs=0"])
    assert runs.parse_parameters(theirs, ["epochs=0"]) == {"epochs": 0}


def test_a_file_of_parameters(notebook, tmp_path):
    file = tmp_path / "full.yaml"
    # YAML takes 1e-3 for a string
    file.write_text("epochs: 60\nlearning_rate: 1e-3\nwidths: [1000, 1000]\nshuffle: false\n")
    values = runs.parse_parameters(notebook, ["epochs=2"], file)
    wanted = {"epochs": 2, "learning_rate": 1e-3, "widths": [1000, 1000], "shuffle": False}
    assert values == wanted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "full.yaml is not a YAML file"),
        ("- 1", "full.yaml must hold lines such as"),
        ("", "full.yaml must hold lines such as"),
        ("epoch: 1", "did you mean epochs"),
        ("dataset: 0123", "dataset must be a string such as 'mnist', not 83"),
        ("epochs: true", "epochs must be a whole number such as 10, not True"),
        ("epochs:", "epochs must be a whole number such as 10, not None"),
        ("learning_rate: [1]", "learning_rate must be a number"),
    ],
)
def test_a_bad_file_of_parameters_is_refused_in_one_line(notebook, tmp_path, content, message):
    (tmp_path / "full.yaml").write_text(content)
    with pytest.raises(ValueError, match=message) as refusal:
        runs.parse_parameters(notebook, file=tmp_path / "full.yaml")
    assert "\n" not in str(refusal.value)


# Running


def test_a_failed_run_keeps_the_earlier_one_and_a_good_one_clears_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "a person's notebook")  # must not reach the kernel
    code = """\
import os
if epochs in (1, 3):  # the import takes seconds
    from ffhelpers import runs
if epochs == 1: runs.record(epochs=epochs, folder=os.getcwd(), watched=runs.watched())
if epochs == 2: raise KeyError("two\\nlines")
if epochs == 3: raise runs.ParameterError("no 3")
if epochs == 4: os.kill(os.getpid(), 9)
"""
    (tmp_path / "notebooks").mkdir()
    source = save(tmp_path / "notebooks/a.ipynb", code, parameters="epochs: int = 1")
    failed = Path("out/deep/a.failed.ipynb")

    def go(epochs):
        return runs.run(source, {"epochs": epochs}, "out/deep")

    complete = go(1)
    assert complete == Path("out/deep/a.ipynb")
    assert runs.figures(complete) == {"epochs": 1, "folder": str(tmp_path), "watched": False}
    before = complete.read_bytes()

    with pytest.raises(runs.RunError, match=f"KeyError in cell 3: .*see {failed}"):
        go(2)
    assert "KeyError" in failed.read_text()
    with pytest.raises(runs.RunError, match="^no 3$"):
        go(3)
    (error,) = [o for o in nbformat.read(failed, 4).cells[-1].outputs if o.output_type == "error"]
    assert error.traceback == ["no 3"]
    with pytest.raises(runs.RunError, match="DeadKernelError"):
        go(4)

    assert complete.read_bytes() == before
    assert nbformat.reads(before, 4).metadata.papermill.duration > 0
    assert sorted(os.listdir("out/deep")) == ["a.failed.ipynb", "a.ipynb"]
    go(5)
    assert os.listdir("out/deep") == ["a.ipynb"]
    assert os.environ["JPY_SESSION_NAME"]


def test_nothing_starts_with_a_wrong_parameter_or_output(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_execute", lambda *_: pytest.fail("a kernel was started"))
    with pytest.raises(runs.ParameterError, match="unknown parameter epoch"):
        runs.run(notebook, {"epoch": 1}, tmp_path / "out")
    with pytest.raises(ValueError, match="is the notebook's own"):
        runs.run(notebook, {}, tmp_path / "out" / "..")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_the_earlier_one(tmp_path, command, how):
    slow = "import time, pathlib; pathlib.Path('started').touch(); time.sleep(60)"
    save(tmp_path / "slow.ipynb", slow)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/slow.ipynb").write_text("an earlier run")
    process = command.start("run", "slow.ipynb")
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(how)
    _, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "Traceback" not in err
    assert [path.name for path in (tmp_path / "runs").glob("[!.]*")] == ["slow.ipynb"]
    assert (tmp_path / "runs/slow.ipynb").read_text() == "an earlier run"


# The command line


def test_one_notebook(notebook, command, tmp_path):
    status, out, err = command("run", notebook, "-p", "epochs=2", "-p", "dataset=fashion_mnist")
    text = "runs/lesson.ipynb\n  test error 1.52 %\n  epochs 2\n  dataset fashion_mnist\n"
    assert (status, out, err) == (0, text, "")
    status, out, _ = command("figures", tmp_path / "runs/lesson.ipynb")
    assert status == 0
    assert json.loads(out) == {"test_error": 0.0152, "epochs": 2, "dataset": "fashion_mnist"}


def test_one_of_several_notebooks_fails_alone(notebook, command, tmp_path):
    bad = save(tmp_path / "bad.ipynb", "1", "1 / 0")
    status, out, err = command("run", bad, notebook, "--output", "out")
    assert status == 1
    assert err.count("\n") == 1
    assert "ZeroDivisionError in cell 2: division by zero (see out/bad.failed.ipynb)" in err
    heading, *rows = out.split("\n\n")[1].splitlines()
    assert heading.split() == ["notebook", "seconds", "figure"]
    assert re.fullmatch(r"bad\.ipynb +[\d.]+  failed", rows[0])
    assert re.fullmatch(r"lesson\.ipynb +[\d.]+  test error 1\.52 %", rows[1])


def test_bad_input_is_one_line_and_exit_status_2(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("other.ipynb", "1")
    Path("text.txt").touch()
    for arguments, message in [
        ("run lesson.ipynb -p epoch=2", "did you mean epochs?"),
        ("run lesson.ipynb other.ipynb -p epochs=2", "other.ipynb takes: none"),
        ("run lesson.ipynb ./lesson.ipynb", "same name"),
        ("run lesson.ipynb -f none.yaml", "none.yaml"),
        ("run lesson.ipynb --output .", "the notebook's own"),
        ("run lesson.ipynb --output text.txt", "text.txt"),
        ("run text.txt", "text.txt is not a notebook"),
        ("figures none.ipynb", "none.ipynb"),
        ("figures other.ipynb", "holds no figures"),
        ("data none.npz", "none.npz"),
    ]:
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert result.stderr.startswith("Error: ") and message in result.stderr
        assert result.stderr.count("\n") == 1, arguments


def test_the_command_line_starts_without_tensorflow():
    code = (  # while `python -m` imports the package, sys.argv[0] is "-m"
        "import sys, runpy; sys.argv = ['-m']\n"
        "import ffhelpers; sys.argv += ['--help']\n"
        "try: runpy.run_module('ffhelpers', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'papermill', 'nbformat'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
