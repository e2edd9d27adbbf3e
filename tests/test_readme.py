"""The README and the pages it leads to: their commands and code run, their links lead somewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml

from ffhelpers.running import figures, records, report

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
# In the order in which their commands are tried.
NAMES = ("README.md", "docs/using.md", "results.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = {name: (ROOT / name).read_text() for name in NAMES}


def blocks(language, page):
    """The code in a page, also where it is indented in a list."""
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", PAGES[page], flags=re.S | re.M)
    return [re.sub(f"^{indent}", "", code, flags=re.M) for indent, code in fenced]


LINES = [line for page in NAMES for block in blocks("sh", page) for line in block.splitlines()]
COMMANDS = [line.split("  #")[0].strip() for line in LINES]
PYTHON = [command for command in COMMANDS if command.startswith(".venv/bin/")]
# The test commands themselves would run for ever in here, .ci/run calls the whole.
TESTS = [command for command in COMMANDS if " -m pytest" in command]

# One command shows that its recipe still does what was recorded; the others are tried on a small
# data set, and the recipes that train for long in small.
WHOLE = "quick.yaml -p seed=123"
SHORT = {
    "params/06_convolutions/": ' -p epochs=1 -p "channels=[1, 1]"',
    "params/08_unsupervised/": " -p epochs=5 -p widths=60,60 -p batch_size=50",
    "params/09_recurrent/": " -p epochs=4 -p widths=60,50 -p batch_size=50",
    "params/10_sequences/": " -p epochs=1 -p widths=30,30 -p strings=60",
    "quick.yaml -p seed=7": " -p epochs=1 -p batch_size=50",
    "--output runs/two-epochs": " -p batch_size=50",
    "out.ipynb -p": " -p batch_size 50",
}
RECIPES = [command for command in PYTHON if "notebooks/params/" in command]

# Those that make an environment of their own, or change the repository, are tried elsewhere.
ELSEWHERE = {
    "make run": ("tests/test_environment.py", 'make("run")'),
    "make test": (".ci/run", " make test SOME=1\n"),
    "make lab": (".ci/run", " make lab "),
    "make setup": (".ci/run", " make setup\n"),
    "make results": ("tests/test_results.py", "report.main()"),
    "PYTHON=python3.12 make run": (".ci/run", 'PYTHON="$python" make run'),
    "make setup EXTRA=cuda": ("tests/test_environment.py", '"setup", "EXTRA=cuda"'),
    "conda env create -f environment.yml": ("tests/test_environment.py", "environment.yml"),
    "conda run -n forward-forward pip install --no-deps --no-build-isolation -e .": (
        "Makefile",
        " install -qq --no-deps --no-build-isolation -e . ",
    ),
    "make test-lowest": (".ci/run", " make test-lowest\n"),
    "make test-newest": (".ci/run", " make test-newest "),
    "make audit": (".ci/run", " make audit\n"),
    "make pins UPGRADE=1": ("tests/test_environment.py", '"pins", "UPGRADE=1"'),
    ".venv/bin/python -m pre_commit install": ("tests/test_readme.py", '"pre_commit", "install"'),
    "cp notebooks/template/lesson.ipynb notebooks/13_name.ipynb": (
        "tests/test_notebooks.py",
        '"template" / "lesson.ipynb"',
    ),
}


def test_each_command_is_tried_somewhere():
    for command in COMMANDS:
        if command.endswith(" train.py"):  # as test_workers.py does
            assert command in (ROOT / "tests/test_workers.py").read_text()
        elif command in ELSEWHERE:
            path, words = ELSEWHERE[command]
            assert words in (ROOT / path).read_text(), command
        elif command in TESTS:
            whole = f"\n\t{command} " in (ROOT / "Makefile").read_text()
            named = re.findall(r"tests/\S+", command)
            assert whole or named and all((ROOT / path).is_file() for path in named)
        else:
            assert command in PYTHON, command


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the repository in which `.venv` is the environment of these tests."""
    copy = tmp_path_factory.mktemp("clone")
    for name in ("notebooks", "README.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    os.symlink(sys.prefix, copy / ".venv")
    return copy


@pytest.fixture(scope="module")
def run(clone, own_data, own_text):
    """Runs a command, with a small data set unless it is to be run as it stands."""

    def call(command):
        command += "".join(more for folder, more in SHORT.items() if folder in command)
        if re.search("papermill| run | sweep ", command) and WHOLE not in command:
            own = ("text", own_text) if "10_sequences" in command else ("dataset", own_data)
            command += f" -p {own[0]}{' ' if 'papermill' in command else '='}'{own[1]}'"
        done = subprocess.run(command, shell=True, cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)

    return call


@pytest.mark.slow(one_in=2)
def test_the_commands_run_in_their_order(clone, run):
    for command in PYTHON:
        if command not in (*TESTS, *RECIPES, *ELSEWHERE):
            run(command)
    for executed in (clone / "out.ipynb", clone / "runs" / "two-epochs" / "04_evaluation.ipynb"):
        assert figures.figures(executed)["test_error"] < 0.3


@pytest.mark.slow(one_in=3)
@pytest.mark.parametrize("command", RECIPES, ids=lambda command: command.split()[6])
def test_recipes_run(clone, run, command):
    run(command)
    if WHOLE in command:
        quick = figures.figures(clone / "runs" / "quick" / "04_evaluation.ipynb")
        recorded = records.read("04_evaluation/quick")
        assert (
            quick["test_error"] < max(each["figures"]["test_error"] for each in recorded) + 0.002
        )
    if "--record" in command:
        (added,) = records.read(clone / "results" / "04_evaluation" / "quick.jsonl")
        assert added["parameters"]["seed"] == 7


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in NAMES if blocks("python", page)])
def test_the_python_code_runs(clone, page):
    code = "".join(blocks("python", page))
    subprocess.run([sys.executable, "-c", code], cwd=clone, check=True, capture_output=True)


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", PAGES[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.M)
            assert anchor in [
                re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings
            ]


# --- The README ------------------------------------------------------------------------------


def test_it_fits_on_two_screens_and_leads_to_all_pages():
    assert len(README.splitlines()) <= 100
    table = re.findall(r"^\| \[\d\d.*$", README, re.M)  # a row of the lessons is a line on a page
    assert max(len(re.sub(r"\(notebooks[^)]*\)", "", row)) for row in table) <= 100
    linked = re.findall(r"\]\(([^)]+)\)", README)
    assert set(NAMES) - {"README.md"} | {"CITATION.cff", "LICENSE"} <= set(linked)


LESSONS = {
    row[:2]: row for row in re.findall(r"^\| \[(\d\d .*)$", README.split("## How good")[0], re.M)
}


def test_it_has_a_row_for_every_lesson():
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    assert sorted(LESSONS) == sorted(path.name[:2] for path in notebooks)


def test_the_lessons_figures_are_those_of_the_stored_notebooks():
    paths = {path.name[:2]: path for path in (ROOT / "notebooks").glob("*.ipynb")}

    def figure(number, name):
        return figures.figures(paths[number])[name]

    assert f"{100 * figure('01', 'true_label_fraction'):.1f} %" in LESSONS["01"]
    assert f"overflows at {figure('02', 'overflow_at'):.2f}" in LESSONS["02"]
    for number in ("03", "04", "06", "07", "08", "09", "11"):
        assert f"{100 * figure(number, 'test_error'):.1f} % test error" in LESSONS[number]
    assert f"{figure('10', 'test_bits'):.1f} bits" in LESSONS["10"]
    assert f"n-grams need {figure('10', 'ngram_test_bits'):.1f}" in LESSONS["10"]
    moved = figure("12", "moved_test_error")
    assert f"{100 * moved:.0f} % misread if moved by 3 px" in LESSONS["12"]


def test_the_picture_is_what_its_code_draws(tmp_path, mnist, monkeypatch):
    """From the goodness that it carries."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import picture

    assert f"({picture.PATH.relative_to(ROOT)})" in README
    stored = PIL.Image.open(picture.PATH)
    goodness = json.loads(stored.text["goodness"])
    assert max(goodness) == goodness[7] > 2 * sorted(goodness)[-2]
    picture.save(picture.draw(mnist, goodness), goodness, tmp_path / "again.png")
    again = PIL.Image.open(tmp_path / "again.png")
    assert again.size == stored.size
    pixels = [np.asarray(each.convert("RGB"), int) for each in (again, stored)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 1  # another FreeType draws letters otherwise


@pytest.mark.slow
def test_the_picture_can_be_made_again(tmp_path):
    """…by the command that CONTRIBUTING.md names, in a copy."""
    assert ".venv/bin/python docs/picture.py" in PAGES["CONTRIBUTING.md"]
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    before = PIL.Image.open(tmp_path / "docs" / "forward_forward.png")
    command = [sys.executable, tmp_path / "docs" / "picture.py"]
    subprocess.run(command, check=True, capture_output=True)
    after = PIL.Image.open(tmp_path / "docs" / "forward_forward.png")
    assert after.size == before.size
    old, new = (np.array(json.loads(each.text["goodness"])) for each in (before, after))
    assert np.argmax(new) == np.argmax(old) == 7
    np.testing.assert_allclose(new, old, atol=0.5)  # other processors round otherwise


# --- What stands beside the pages ------------------------------------------------------------


def test_the_citation_is_one():
    """The keys that the Citation File Format 1.2.0 asks for, and our own version."""
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["cff-version"] == "1.2.0" and found["message"] and found["title"]
    assert all(set(author) == {"name"} for author in found["authors"])
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{found["version"]}"' in pyproject
    assert f'license = "{found["license"]}"' in pyproject


HOOKS = [
    hook
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repo["hooks"]
]


def test_hooks_fetch_nothing_and_name_tests_that_are_there():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in HOOKS:
        assert hook["language"] == "system" and hook["entry"].startswith(".venv/bin/python -m ")
        assert all((ROOT / path).is_file() for path in re.findall(r"tests/\S+", hook["entry"]))


@pytest.mark.parametrize("arguments", [("format", "--check", "--diff"), ("check",)])
def test_python_files_are_as_ruff_wants_them(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_hooks_are_installed_and_stop_a_commit(tmp_path):
    """In a repository of its own, with the hooks on Python files."""

    def call(*command, **options):
        env = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "cache")}
        return subprocess.run(
            command, cwd=tmp_path / "clone", env=env, capture_output=True, text=True, **options
        )

    (tmp_path / "clone").mkdir()
    os.symlink(sys.prefix, tmp_path / "clone" / ".venv")
    for name in (".pre-commit-config.yaml", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path / "clone")
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    call(*git, "init", check=True)
    call(sys.executable, "-m", "pre_commit", "install", check=True)
    (tmp_path / "clone" / "module.py").write_text("x=undefined\n")
    call(*git, "add", ".pre-commit-config.yaml", "pyproject.toml", "module.py", check=True)
    refused = call(*git, "commit", "-m", "Add a module")
    assert refused.returncode and "F821" in refused.stderr + refused.stdout
    (tmp_path / "clone" / "module.py").write_text("x = 1\n")
    call(*git, "add", "module.py", check=True)
    done = call(*git, "commit", "-m", "Add a module")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pages_claims_are_what_was_measured():
    (ten, edited), peaks = report.prediction(), report.measured
    assert f"ten labels takes {ten:.1f} times as long as one" in " ".join(README.split())
    words = f"Ten candidates cost {ten:.1f} passes, because they share the product of the first layer. "
    words += f"Ten edited images cost {edited:.1f}, the editing included."
    assert words in " ".join(PAGES["results.md"].split())
    ours, theirs = (
        [peak for peak in peaks("memory", "peak_megabytes", training=training, depth=32)]
        for training in ("forward-forward", "backprop")
    )
    assert f"32 layers takes {min(ours):.0f} to {max(ours):.0f} MB here, with" in README
    assert f"backpropagation {min(theirs):.0f} to {max(theirs):.0f} MB" in README


def test_other_test_images_would_move_a_figure_by_as_much_as_is_said():
    """…half of the 95 % interval of a share of 10,000."""
    small, large = (100 * 1.96 * (p * (1 - p) / 10_000) ** 0.5 for p in (0.005, 0.02))
    words = f"would move an error of 0.5 % by up to {small:.2f} points, one of 2 % by {large:.1f}"
    assert words in " ".join(PAGES["results.md"].split())
