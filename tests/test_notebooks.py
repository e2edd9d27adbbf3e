"""The notebooks: in good order as stored, and right with parameters other than their defaults."""

import base64
import io
import json
import operator
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import pytest
from exercises import COMMANDS, exercises, solved
from reading import deprecations, minutes_to_read, prose, rendered
from written import copied

import ffhelpers as ff
from ffhelpers.exercises import UNFILLED
from ffhelpers.parameters import has_rule
from ffhelpers.running import ask, figures

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STEM = operator.attrgetter("stem")
# A notebook says itself what is particular about its tests, in its metadata under "tests":
# `small`, the parameters with which it also runs on a small data set, or on a small text where it
# takes one, and `uncompared`, the number of its cells whose output varies from run to run. One more
# is one less that is compared: think twice.


def trains(path):
    return "epochs" in ask.parameters(path)


def reads_text(path):
    return "text" in ask.parameters(path)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=NOTEBOOKS, ids=STEM)
def stored(request):
    return request.param, nbformat.read(request.param, as_version=4)


def test_each_has_a_number_of_its_own():
    """The Makefile runs those whose names begin with a digit."""
    numbers = [re.match(r"\d\d_", path.name)[0] for path in NOTEBOOKS]
    assert len(set(numbers)) == len(numbers) > 0


def test_it_was_run_from_top_to_bottom(stored):
    """nbval compares nothing where a cell was never executed."""
    counts = [cell.execution_count for cell in code_cells(stored[1])]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_fit_to_be_kept(stored):
    path, notebook = stored
    assert path.stat().st_size < 600_000
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            assert "image/svg+xml" not in output.get("data", {})
            if "image/png" in output.get("data", {}):
                shown = output.metadata["image/png"]["width"]
                picture = PIL.Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
                assert abs(picture.width - 2 * shown) <= 1, (
                    "drawn by style.show, for today's screens"
                )
            text = json.dumps({**output, "data": {**output.get("data", {}), "image/png": ""}})
            assert not re.search(r"/(root|tmp|work|home/\w+|Users/\w+)/|0x[0-9a-f]{8}", text)


def test_few_outputs_go_unchecked(stored):
    path, notebook = stored
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert set(tags) <= {"parameters", "nbval-ignore-output", "exercise"}
    assert tags.count("nbval-ignore-output") == notebook.metadata["tests"]["uncompared"]


def test_it_is_built_like_the_others(stored):
    path, notebook = stored
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert sum(line.startswith("# ") for source in text for line in source.splitlines()) == 1
    for heading in ("## Overview", "## Set-up", "## What came out", "## Summary", "## Exercises"):
        assert sum(heading in source for source in text) == 1, heading
    cells = code_cells(notebook)
    assert np.median([len(cell.source.splitlines()) for cell in cells]) <= 8
    assert max(len(line) for cell in cells for line in cell.source.splitlines()) <= 100
    first = code_cells(nbformat.read(NOTEBOOKS[0], as_version=4))[0].source
    assert cells[0].source == first, "the cell that finds ffhelpers differs"
    tests = notebook.metadata["tests"]
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "tests": {"small": tests["small"], "uncompared": tests["uncompared"]},
    }


def test_it_can_be_read_in_twenty_minutes(stored):
    """…and no cell of prose is a page."""
    for cell in stored[1].cells:
        assert cell.cell_type == "code" or len(prose(cell)) <= 120, cell.source
    assert minutes_to_read(stored[1]) <= 20


def test_it_shows_the_algorithm_in_a_drawing(stored):
    source = "\n".join(cell.source for cell in code_cells(stored[1]))
    assert re.search(r"\bdrawings\.|\bplots\.(network|unrolled)\(", source)


def test_its_exercises_have_answers(stored):
    """At least one gap that a cell checks, not filled in as stored, and a solution to each."""
    path, notebook = stored
    found = exercises(notebook)
    assert len(found) >= 3 and all(exercise.solution for exercise in found)
    gaps = [exercise.gap for exercise in found if exercise.gap is not None]
    assert gaps
    for gap in gaps:
        checking = notebook.cells[gap + 1]
        assert "exercises.check(" in checking.source
        assert "".join(o.get("text", "") for o in checking.outputs) == UNFILLED + "\n"
    for settings in COMMANDS.get(path, []):
        assert ask.parse_parameters(path, settings)


def test_without_the_package_the_first_cell_says_what_to_do(tmp_path):
    first = code_cells(nbformat.read(NOTEBOOKS[0], as_version=4))[0].source
    # An interpreter without this environment's packages, in a folder where nothing is.
    command = [sys.executable, "-I", "-S", "-c", first]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "ffhelpers is missing: clone its repository beside" in done.stderr


def test_links_lead_to_notebooks_before_and_after_it(stored):
    path, notebook = stored
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((\w+\.ipynb)\)", text)
    assert links and all((FOLDER / name).is_file() for name in links)
    previous, following = (
        re.findall(rf"\b{word}:\s+\[[^]]*\]\((\w+\.ipynb)\)", text, re.IGNORECASE)
        for word in ("previous", "next")
    )
    assert len(previous) == (path != NOTEBOOKS[0]) and all(name < path.name for name in previous)
    assert len(following) <= 1 and all(name > path.name for name in following)


def test_parameters_are_checked_and_explained(stored):
    path, notebook = stored
    parameters = ask.parameters(path)
    assert "seed" in parameters and ("dataset" in parameters) != ("text" in parameters)
    assert all(parameter.help for parameter in parameters.values())
    if trains(path):
        assert {"batch_size", "learning_rate"} <= parameters.keys()
    if "negatives" in parameters:
        assert {"widths", "theta", "scale"} <= parameters.keys()
    sources = [cell.source for cell in code_cells(notebook)]
    (index,) = [
        i for i, c in enumerate(code_cells(notebook)) if "parameters" in c.metadata.get("tags", [])
    ]
    assert sources[index + 1].startswith("ff.check_parameters(globals())\nprint(ff.setup")
    lacking = [name for name in parameters if not has_rule(name)]
    assert not lacking, f"add rules for {lacking} to _RULES in ffhelpers/parameters.py"


def test_figures_are_recorded(stored):
    path, _ = stored
    recorded = figures.figures(path)
    if trains(path):
        assert {"test_error", "train_error", "train_seconds"} <= recorded.keys()
    if reads_text(path):
        assert recorded["test_accuracy"] == pytest.approx(1 - recorded["test_error"])
        assert 0 < recorded["test_bits"] < 3.5  # of the one in thirty: 4.9
    elif trains(path):
        assert 0 <= recorded["test_error"] < 0.15
    if path.stem == "04_evaluation":
        assert recorded["test_error"] <= 0.018
        assert list(recorded)[0] == "test_error"


# --- Other parameters ------------------------------------------------------------------------


def run_small(path, settings, own_data, own_text, folder):
    """The executed notebook, run in small."""
    own = {"text": own_text} if reads_text(path) else {"dataset": own_data}
    settings = {**own, **settings}
    command = [sys.executable, "-m", "ffhelpers", "run", str(path)]
    for name, value in settings.items():
        command += ["-p", f"{name}={value}"]
    done = subprocess.run(
        [*command, "--output", folder / "out"], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(folder / "out" / path.name, as_version=4)
    assert deprecations(executed) == []
    assert not [text for text in rendered(executed) if "<b>" in text or "$" in text]  # of a class
    return folder / "out" / path.name


@pytest.mark.slow(one_in=6)
def test_it_runs_on_data_of_ones_own(stored, own_data, own_text, tmp_path):
    """…with its exercises solved."""
    path, notebook = stored
    answers = tmp_path / path.name
    nbformat.write(solved(notebook), answers)
    settings = {"seed": 11, **notebook.metadata["tests"]["small"]}
    executed = run_small(answers, settings, own_data, own_text, tmp_path)
    name, recorded = path.stem, ff.figures(executed)
    cells = nbformat.read(executed, as_version=4).cells
    checked = [c for c in cells if c.cell_type == "code" and "exercises.check(" in c.source]
    for cell in checked:
        said = "".join(o.get("text", "") for o in cell.outputs).splitlines()
        assert said and set(said) == {"right"}, cell.source
    if trains(path):
        assert recorded["train_seconds"] > 0
    if reads_text(path):
        assert 1.5 < recorded["test_bits"] < 3.5  # of a chain with 1.5; its letters alone have 3.8
    elif trains(path):
        assert recorded["test_error"] < (0.1 if name == "04_evaluation" else 0.3)
    if name == "04_evaluation":
        assert recorded["copies_test_error"] < 0.1  # its images are moved
    if name == "03_layer_training":
        assert "equal: True" in executed.read_text()
    if name == "01_data_editing":
        assert 0.15 < recorded["true_label_fraction"] < 0.25  # about a fifth, with five classes


@pytest.mark.slow(one_in=12)
def test_it_runs_where_nothing_is_learnt(stored, own_text, tmp_path):
    """…so that no image need be right, or right by much."""
    path, notebook = stored
    rng, arrays = np.random.default_rng(0), {}
    for split, count in (("train", 1100), ("test", 600)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, 14, 12), dtype="uint8")
        arrays[f"y_{split}"] = rng.integers(0, 4, count)
    noise = tmp_path / "noise.npz"
    np.savez(noise, **arrays)
    settings = dict(notebook.metadata["tests"]["small"])
    if "learning_rate" in ask.parameters(path):
        settings["learning_rate"] = 1e-7
    run_small(path, settings, noise, own_text, tmp_path)


@pytest.mark.slow(one_in=8)
@pytest.mark.parametrize(
    "path, settings",
    [
        pytest.param(path, settings, id=f"{path.stem} {' '.join(settings)}")
        for path in COMMANDS
        for settings in COMMANDS[path]
    ],
)
def test_commands_of_solutions_run_in_small(path, settings, own_data, own_text, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    small = notebook.metadata["tests"]["small"]
    asked = dict(setting.split("=", 1) for setting in settings)
    asked.pop("dataset", None)
    run_small(path, small | asked, own_data, own_text, tmp_path)


@pytest.mark.slow(one_in=6)
def test_hybrids_go_to_sleep_too(own_data, own_text, tmp_path):
    path = FOLDER / "11_sleep.ipynb"
    notebook = nbformat.read(path, as_version=4)
    settings = {**notebook.metadata["tests"]["small"], "hybrids": True}
    executed = run_small(path, settings, own_data, own_text, tmp_path)
    assert "untrained_validation_error" in ff.figures(executed)


@pytest.mark.slow
def test_a_folder_of_pictures_will_do(own_text, tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 90), ("valid", 30), ("test", 60)):
        for i in range(3):
            folder = tmp_path / "own" / part / f"class {i}"
            folder.mkdir(parents=True)
            for j in range(count):
                picture = rng.integers(0, 60, (16, 14), dtype="uint8")
                picture[2 + 4 * i : 6 + 4 * i] += 150
                PIL.Image.fromarray(picture).save(folder / f"{j:02}.png")
    path = FOLDER / "04_evaluation.ipynb"
    notebook = nbformat.read(path, as_version=4)
    settings = notebook.metadata["tests"]["small"]
    executed = run_small(path, settings, tmp_path / "own", own_text, tmp_path)
    assert ff.figures(executed)["test_error"] < 0.2


@pytest.mark.slow
def test_recipes_of_the_long_list_run_too(own_data, own_text, tmp_path):
    """Those that need code of their own."""
    names = ["softmax over all labels", "three negatives", "peer normalisation", "backprop"]
    names += ["goodness of the top tenth", "goodness is the mean activity", "tanh", "depth 3"]
    names += ["negatives of the one-pass softmax"]
    settings = {"seeds": 1, "epochs": 2, "widths": "40,30", "batch_size": 20}
    settings["recipes"] = ",".join(names)
    path = FOLDER / "05_ablations.ipynb"
    recorded = ff.figures(run_small(path, settings, own_data, own_text, tmp_path))
    assert list(recorded["errors"]) == list(recorded["curves"]) == sorted(names)
    for (curve,) in recorded["curves"].values():
        assert len(curve) == 2 and 0 <= curve[-1] < 0.75


@pytest.mark.slow
def test_plain_papermill_in_another_folder(own_data, tmp_path):
    """…with a data set named by a path relative to that folder."""
    papermill = Path(sys.executable).parent / "papermill"
    (tmp_path / "mine.npz").symlink_to(own_data)
    command = [papermill, FOLDER / "04_evaluation.ipynb", "out.ipynb", "-p", "epochs", "2"]
    command += ["-p", "dataset", "mine.npz", "-p", "batch_size", "20"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = [sys.executable, "-m", "ffhelpers", "figures", "out.ipynb"]
    found = subprocess.run(shown, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(found.stdout)["test_error"] < 0.1


def test_impossible_values_are_refused_by_plain_papermill_too(tmp_path):
    papermill = Path(sys.executable).parent / "papermill"
    command = [papermill, FOLDER / "04_evaluation.ipynb", "out.ipynb", "-p", "epochs", "0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0
    kept = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    (error,) = [o for c in code_cells(kept) for o in c.outputs if o.output_type == "error"]
    assert error.traceback == ["epochs=0: expected a whole number, 1 or more"]
    failed_at = max(c.execution_count or 0 for c in code_cells(kept))
    assert failed_at <= 5, "data or training came first"


# --- A new notebook --------------------------------------------------------------------------


TEMPLATE = FOLDER / "template" / "lesson.ipynb"


@pytest.mark.slow
def test_a_new_notebook_costs_one_file(tmp_path):
    """A copy of the template is run, compared and tested like the others, as it stands."""
    copied(tmp_path)
    shutil.copy(TEMPLATE, tmp_path / "notebooks" / "99_new.ipynb")

    def call(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    if shutil.which("make"):
        assert " notebooks/99_new.ipynb " in call("make", "-n", "run")
    pytest_ = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "99_new"]
    ran = call(*pytest_, "--nbval", "--nbval-current-env", "tests/test_notebooks.py", "notebooks")
    assert "test_it_runs_on_data_of_ones_own[99_new] PASSED" in ran
    assert "test_it_is_built_like_the_others[99_new] PASSED" in ran
    compared = re.findall(r"^notebooks/99_new::ipynb::Cell \d+ PASSED", ran, re.MULTILINE)
    assert len(compared) == len(code_cells(nbformat.read(TEMPLATE, as_version=4)))
