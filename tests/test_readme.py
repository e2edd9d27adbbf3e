"""The README: its commands run, its figures are those of the stored notebooks."""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from ffhelpers import evaluation
from ffhelpers.running import figures, records

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


COMMANDS = [line.split("  #")[0].strip() for b in blocks("sh") for line in b.splitlines()]
PYTHON = [command for command in COMMANDS if command.startswith(".venv/bin/")]
# The test commands themselves would run for ever in here, .ci/run calls them.
TESTS = [command for command in PYTHON if " -m pytest" in command]

# One command shows that its recipe still does what was recorded; the others are tried on a small
# data set, and the recipes that train for long in small.
WHOLE = "params/04_evaluation/quick.yaml"
SHORT = {
    "params/06_convolutions/": ' -p epochs=1 -p "channels=[1, 1]"',
    "params/08_unsupervised/": " -p epochs=5 -p widths=60,60 -p batch_size=50",
    "params/09_recurrent/": " -p epochs=4 -p widths=60,50 -p batch_size=50",
    "params/10_sequences/": " -p epochs=1 -p widths=30,30 -p strings=60",
}

# Those that make an environment of their own are tried elsewhere.
ELSEWHERE = {
    "make run": ("tests/test_environment.py", 'make("run")'),
    "make test": (".ci/run", " make test SLOW=1\n"),
    "make lab": (".ci/run", " make lab "),
    "PYTHON=python3.12 make run": (".ci/run", 'PYTHON="$python" make run'),
    "make setup EXTRA=cuda": ("tests/test_environment.py", '"setup", "EXTRA=cuda"'),
    "conda env create -f environment.yml": ("tests/test_environment.py", "environment.yml"),
    "conda run -n forward-forward pip install --no-deps --no-build-isolation -e .": (
        "Makefile",
        " install -qq --no-deps --no-build-isolation -e . ",
    ),
    "make pins UPGRADE=1": ("tests/test_environment.py", '"pins", "UPGRADE=1"'),
}


def test_each_command_is_tried_somewhere():
    for command in COMMANDS:
        if command in TESTS:
            assert f"\n\t{command} " in (ROOT / "Makefile").read_text()
        elif command not in PYTHON:
            path, words = ELSEWHERE[command]
            assert words in (ROOT / path).read_text(), command


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the repository in which `.venv` is the environment of these tests."""
    copy = tmp_path_factory.mktemp("clone")
    for name in ("notebooks", "README.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    os.symlink(sys.prefix, copy / ".venv")
    return copy


@pytest.mark.slow
def test_the_commands_run_in_their_order(clone, own_data, own_text):
    for command in PYTHON:
        if command not in TESTS:
            command += "".join(more for folder, more in SHORT.items() if folder in command)
            if re.search("papermill| run | sweep ", command) and WHOLE not in command:
                own = ("text", own_text) if "10_sequences" in command else ("dataset", own_data)
                command += f" -p {own[0]}{' ' if 'papermill' in command else '='}'{own[1]}'"
            done = subprocess.run(command, shell=True, cwd=clone, capture_output=True, text=True)
            assert done.returncode == 0, (command, done.stderr)
    for executed in (clone / "out.ipynb", clone / "runs" / "two-epochs" / "04_evaluation.ipynb"):
        assert figures.figures(executed)["test_error"] < 0.3
    quick = figures.figures(clone / "runs" / "quick" / "04_evaluation.ipynb")
    recorded = records.read(ROOT / "results" / "04_evaluation" / "quick.jsonl")
    assert quick["test_error"] < max(run["figures"]["test_error"] for run in recorded) + 0.002


@pytest.mark.slow
def test_the_python_code_runs(clone):
    code = "".join(blocks("python"))
    subprocess.run([sys.executable, "-c", code], cwd=clone, check=True, capture_output=True)


def test_the_figures_are_those_of_the_stored_notebooks():
    def figure(notebook, name):
        path = next((ROOT / "notebooks").glob(f"{notebook}_*.ipynb"))
        return figures.as_text({name: figures.figures(path)[name]}).removeprefix(
            name.replace("_", " ") + " "
        )

    rows = {row[:2]: row for row in re.findall(r"^\| \[(\d\d .*)$", README, flags=re.M)}
    assert figure("01", "true_label_fraction") in rows["01"]
    assert f"overflows at {figure('02', 'overflow_at')}" in rows["02"]
    assert f"{figure('10', 'test_bits')} bits" in rows["10"]
    assert f"n-grams need {figure('10', 'ngram_test_bits')}" in rows["10"]
    for number in rows.keys() - {"01", "02", "05", "10"}:
        assert f"{figure(number, 'test_error')} test error" in rows[number]
    both = f"{figure('05', 'test_error')} against {figure('05', 'published_test_error')}"
    assert both in rows["05"]


def measured(kept):
    """What the README says of the runs' test error and of the time they trained."""
    errors, seconds = (
        [run["figures"][name] for run in kept] for name in ("test_error", "train_seconds")
    )
    mean, low, high = evaluation.mean_interval(100 * np.array(errors))
    mean_time = np.mean(seconds)
    time = f"{mean_time:.0f} s" if mean_time < 120 else f"{mean_time / 60:.1f} min"
    return f"**{mean:.2f} %** ({low:.2f} to {high:.2f}, {len(kept)} seeds)", time


PARAMS = ROOT / "notebooks" / "params"
RECIPES = sorted((PARAMS / "04_evaluation").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_figures_are_those_of_the_recorded_runs(recipe):
    kept = records.read(f"04_evaluation/{recipe.stem}")
    given = yaml.safe_load(recipe.read_text())
    for run in kept:
        assert given.items() <= run["parameters"].items(), "recorded with another recipe"
        assert given_in(recipe, run["command"])
    assert len({run["parameters"]["seed"] for run in kept}) == len(kept) >= 5

    error, time = measured(kept)
    figures = [run["figures"] for run in kept]
    mean, one_pass = (
        100 * np.mean([f[name] for f in figures]) for name in ("test_error", "one_pass_test_error")
    )
    path = f"(notebooks/params/04_evaluation/{recipe.name})"
    row = next(line for line in README.splitlines() if path in line)
    assert abs(one_pass - mean) <= 0.15, "the README claims it"
    assert f"| {error} | {one_pass:.2f} % | {time} |" in row
    if "shift" in given:
        differences = [100 * (f["copies_test_error"] - f["test_error"]) for f in figures]
        _, low, high = evaluation.mean_interval(differences)
        assert low <= 0 <= high, "notebook 4 says that no gain from moved copies is seen"


def given_in(recipe, command):
    """Whether a command reads this file of parameters, in the folder where it was then."""
    return re.search(rf"-f notebooks/params/(\w+/)?{recipe.name} ", command)


# A list is a grid, not a recipe.
CONVOLUTIONS = [
    path
    for path in sorted((PARAMS / "06_convolutions").glob("*.yaml"))
    if isinstance(yaml.safe_load(path.read_text()), dict)
]


@pytest.mark.parametrize("recipe", CONVOLUTIONS, ids=lambda path: path.stem)
def test_the_convolutions_figures_are_those_of_the_recorded_runs(recipe):
    recorded = records.read(f"06_convolutions/{recipe.stem}")
    given = yaml.safe_load(recipe.read_text())
    for run in recorded:
        used = run["parameters"]
        # Some kept the validation images apart, on which all was chosen. Data may be a file's.
        free = {name: used[name] for name in ("all_images", "dataset")}
        assert (given | free).items() <= used.items(), "recorded with another recipe"
        assert given_in(recipe, run["command"])
        assert set(re.findall(r"-p (\w+)=", run["command"])) <= {"seed", *free}
    all_images = given.get("all_images", False)
    kept = [run for run in recorded if run["parameters"]["all_images"] == all_images]
    assert len({run["parameters"]["seed"] for run in kept}) == len(kept) >= 3

    error, time = measured(kept)
    figures = [run["figures"] for run in recorded]
    validation = [each["validation_error"] for each in figures if "validation_error" in each]
    path = f"(notebooks/params/06_convolutions/{recipe.name})"
    row = next(line for line in README.splitlines() if path in line)
    used = {run["parameters"]["dataset"] for run in recorded}
    as_jpeg = used == {"runs/cifar10.npz"}
    assert as_jpeg or used == {given.get("dataset", "mnist")}
    assert as_jpeg == ("(JPEG copy)" in row)
    shift, flip = given.get("shift", 0), given.get("flip", False)
    copies = (2 * shift + 1) ** 2 * (1 + flip) if given.get("average_copies") else 1
    assert re.findall(r"mean over (\d+) copies", row) == [str(copies)] * (copies > 1)
    assert f"| {error} | {100 * np.mean(validation):.2f} % | {time} |" in row


@pytest.mark.parametrize("name", ["08_unsupervised/dense", "09_recurrent/full"])
def test_the_other_notebooks_figures_are_those_of_the_recorded_runs(name):
    recipe, kept = PARAMS / f"{name}.yaml", records.read(name)
    for run in kept:
        assert yaml.safe_load(recipe.read_text()).items() <= run["parameters"].items()
        assert given_in(recipe, run["command"])
    assert len({run["parameters"]["seed"] for run in kept}) == len(kept) >= 3
    error, time = measured(kept)
    validation = 100 * np.mean([run["figures"]["validation_error"] for run in kept])
    (row,) = [
        line for line in README.splitlines() if f"params/{name}.yaml" in line and "| [" in line
    ]
    assert f"| {error} | {validation:.2f} % | {time} |" in row


def test_the_figures_of_characters_are_those_of_the_recorded_runs():
    (table,) = re.findall(r"^\| next character \|.*\n\|.*\n((?:\|.*\n)+)", README, flags=re.M)
    names = {"n-grams": "ngram_", "backprop": "backprop_", "swapped": "swapped_", "predicted": ""}
    names |= {"rolled out": "rolled_out_", "random weights": "random_", "no layer": "no_layer_"}
    rows = {name: f"| {name} |" for name in names}
    for recipe in ("fables", "python"):
        given = yaml.safe_load((PARAMS / "10_sequences" / f"{recipe}.yaml").read_text())
        kept = records.read(f"10_sequences/{recipe}")
        assert all(given.items() <= run["parameters"].items() for run in kept)
        assert len({run["parameters"]["seed"] for run in kept}) == len(kept) >= 3
        for name, key in names.items():
            bits = [run["figures"][f"{key}test_bits"] for run in kept]
            right = 100 * np.mean([run["figures"][f"{key}test_accuracy"] for run in kept])
            mean, low, high = evaluation.mean_interval(bits)
            between = "" if low == high else f" ({low:.2f} to {high:.2f})"
            rows[name] += f" {mean:.2f}{between} | {right:.1f} % |"
    assert sorted(table.splitlines()) == sorted(rows.values())


RESULTS = sorted((ROOT / "results").rglob("*.jsonl"))


def test_recorded_runs_have_the_names_of_their_parameters():
    names = {path.relative_to(PARAMS).with_suffix("") for path in PARAMS.rglob("*.yaml")}
    kept = {path.relative_to(ROOT / "results").with_suffix("") for path in RESULTS}
    assert {str(name) for name in kept ^ names} == {"bench", "04_evaluation/choices"}


@pytest.mark.parametrize("kept", RESULTS, ids=lambda p: p.stem)
def test_results_come_from_committed_code_and_name_no_machines_paths(kept):
    for record in records.read(kept):
        assert re.fullmatch("[0-9a-f]{40}", record["commit"])  # with uncommitted changes: -dirty
        assert not re.search(r"(^|[ =])/", record["command"])


def costs():
    """The rows of the README's table of costs, from the last record of each measurement."""
    recorded = {}
    for record in records.read(ROOT / "results" / "bench.jsonl"):
        recorded[record["measurement"]] = record["rows"]

    def figures(measurement, name, **wanted):
        rows = [r for r in recorded[measurement] if wanted.items() <= r.items()]
        return [r[name] for r in rows]

    for widths in ([500] * 2, [1000] * 3, [2000] * 4):
        small, large = figures("step", "ceiling_share", widths=widths)
        network = f"{len(widths)}×{widths[0]}"
        label = f"{network}: a step's share of the machine's ceiling, batch 250, 500"
        yield f"| {label} | {small:.2f}, {large:.2f} |"
    ours, theirs = figures("against_backprop", "epoch_seconds")
    yield f"| 2×500: an epoch, Forward-Forward against backprop | {ours:.2f} s, {theirs:.2f} s |"
    ours, theirs = figures("against_backprop", "to_2_percent_seconds")
    yield f"| to 2 % validation error | {ours:.1f} s, {theirs:.1f} s |"
    (loop, ours), (reached, accuracy) = (
        figures("published", name) for name in ("seconds", "test_accuracy")
    )
    yield f"| the published loop: test accuracy after {loop:.0f} s | {100 * reached:.1f} % |"
    yield f"| ours after {ours:.0f} s, the graph's building included | {100 * accuracy:.1f} % |"
    _, shared, edited = figures("prediction", "cost")
    yield f"| ten candidates, ten edited images, in passes | {shared:.1f}, {edited:.1f} |"
    for label, training, network, xla in (
        ("Forward-Forward", "forward-forward", "blocks", False),
        ("Forward-Forward as `fit` compiles it", "forward-forward", "blocks", True),
        ("backprop, the same blocks", "backprop", "blocks", False),
        ("backprop, plain layers", "backprop", "plain", False),
    ):
        wanted = {"training": training, "network": network, "xla": xla}
        shown = ", ".join(f"{peak:.0f}" for peak in figures("memory", "peak_megabytes", **wanted))
        yield f"| memory of {label}, depth 2, 8, 32 | {shown} MB |"
    ours, theirs = figures("convolutions", "ms")
    yield f"| convolutions: a step, Forward-Forward against backprop | {ours:.0f} ms, {theirs:.0f} ms |"
    shares = ", ".join(f"{share:.2f}" for share in figures("convolutions", "ceiling_share"))
    yield f"| the share of it that their products alone would take | {shares} |"
    plain, changed = figures("augmentation", "ms")
    yield f"| moving and flipping each image adds to a step | {100 * (changed / plain - 1):.0f} % |"
    for training in ("Forward-Forward", "backprop"):
        peaks = figures("conv_memory", "peak_megabytes", training=training.lower())
        shown = ", ".join(f"{peak:.0f}" for peak in peaks)
        yield f"| convolutions: memory of {training}, depth 2, 8, 32 | {shown} MB |"
    shown = ", ".join(f"{peak:.0f}" for peak in figures("recurrent_memory", "peak_megabytes"))
    yield f"| recurrence: memory of Forward-Forward, 2, 8, 32 iterations learned from | {shown} MB |"
    growth = ", ".join(f"{e:.2f}" for e in figures("growth", "exponent"))
    yield f"| seconds grow with width, depth, batch, images to the power of | {growth} |"
    *_, load, over = figures("startup", "seconds")
    yield f"| `import ffhelpers` over Keras; `ff.load` | {over:.2f} s; {load:.2f} s |"


def test_the_costs_are_those_of_the_recorded_measurements():
    (table,) = re.findall(r"^\| measured \| figure \|\n\|.*\n((?:\|.*\n)+)", README, flags=re.M)
    assert table.splitlines() == list(costs())


def test_the_picture_is_one_of_the_fourth_notebook():
    notebook = nbformat.read(ROOT / "notebooks" / "04_evaluation.ipynb", as_version=4)
    pictures = [
        base64.b64decode(output.data["image/png"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert (ROOT / "notebooks" / "candidates.png").read_bytes() in pictures


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
