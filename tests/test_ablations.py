"""Ablations: what the harness trains, and that all said of the recorded ones follows from them."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
import yaml
from exercises import solved

import ffhelpers as ff
from ffhelpers import ablations
from ffhelpers.running import records

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "05_ablations.ipynb"
PARAMS = ROOT / "notebooks" / "params" / "05_ablations"
GRID = yaml.safe_load((PARAMS / "ablations.yaml").read_text())


def named(grid):
    """All recipes that a grid's runs train."""
    return [name for names in grid["recipes"] for name in names]


# --- The harness -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(mnist):
    """Few images, and few of their pixels."""
    x, y = mnist.x_train[:400, 8:20, 8:20], mnist.y_train[:400]
    return dataclasses.replace(
        mnist, x_train=x, y_train=y, x_val=x[:100], y_val=y[:100], x_test=x[:100], y_test=y[:100]
    )


OURS = ablations.Recipe(widths=[12, 12], batch_size=50)


@keras.saving.register_keras_serializable("test_ablations")
def again(h):
    """The mean square under another name."""
    return ff.goodness(h)


def test_the_same_seed_starts_alike_whatever_ran_before(few):
    alike = {"ours": OURS, "again": OURS.but(goodness=again)}
    runs = ablations.run(alike, few, [3, 7, 3], 2)
    curves = dict(list(runs.groupby(["recipe", "seed"]).curve))
    first, second = curves["ours", 3]
    assert first == second != curves["ours", 7].iloc[0]
    assert list(curves["again", 3]) == [first, first]
    assert (runs.error == [curve[-1] for curve in runs.curve]).all()
    assert (runs.processor_seconds > 0).all()


def test_a_network_is_the_same_however_its_layers_are_written(few):
    weights = []
    for make in (
        lambda: ablations.network(OURS, 10),
        lambda: ff.ForwardForward([12, 12], num_classes=10),
    ):
        model = make()
        model.build((None, 12, 12))
        ablations.restart(model, [], 5)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_all_learn_for_as_many_epochs(few):
    names = ["ours", "backprop", "greedy", "… in separate steps", "published"]
    runs = ablations.run(ablations.pick(ablations.recipes(OURS), names), few, [1], 3)
    lengths = dict(zip(runs.recipe, map(len, runs.curve)))
    assert lengths == dict(zip(names, [3, 3, 6, 3, 6]))  # those for each layer that learns alone


def weights(model):
    return [kernel.numpy().copy() for kernel in model.weights if kernel.name == "kernel"]


def test_greedy_layers_learn_one_after_the_other(few, monkeypatch):
    recipe = OURS.but(greedy=True)
    model = ablations.compiled(recipe, few, 1)
    fit, seen = model.fit, []

    def watched(*args, **kwargs):
        seen.append(weights(model))
        return fit(*args, **kwargs)

    monkeypatch.setattr(model, "fit", watched)
    ablations.train(model, recipe, few, 1, 1)
    seen.append(weights(model))
    same = [[(a == b).all() for a, b in zip(*pair)] for pair in zip(seen, seen[1:])]
    assert same == [[False, True], [True, False]]


def test_shuffled_labels_are_sometimes_true_and_fixed_ones_never():
    y = np.random.default_rng(0).integers(0, 10, 5000)
    shuffled, fixed = (ablations.wrong_labels(kind, y, 10, 1) for kind in ("shuffled", "fixed"))
    assert 0.08 < (shuffled == y).mean() < 0.12 and not (fixed == y).any()
    np.testing.assert_array_equal(fixed, ablations.wrong_labels("fixed", y, 10, 1))


def test_a_recipe_that_diverges_counts_as_a_guess_and_the_others_are_kept(few, capsys):
    wild = OURS.but(learning_rate=1e30, cosine=False)
    worse = {"diverges": wild, "backprop": wild.but(backprop=True), "ours": OURS}
    runs = ablations.run(worse, few, [1], 2).set_index("recipe")
    assert "diverges, seed 1: " in capsys.readouterr().out
    assert runs.error["diverges"] == runs.error["backprop"] == 0.9 and runs.error["ours"] < 0.9
    assert runs.curve["diverges"] == [0.9] * 2 and np.isfinite(runs.processor_seconds).all()


def test_an_unknown_recipe_is_refused():
    with pytest.raises(TypeError, match=r"expected a dict .* such as range\(3\)"):
        ablations.run({"ours": OURS}, None, 3, 1)
    with pytest.raises(ValueError, match="wrong='random': expected fixed or shuffled"):
        ablations.wrong_labels("random", np.zeros(4, int), 10, 1)
    with pytest.raises(ff.ParameterError, match="no recipe 'none such', only ours, backprop"):
        ablations.pick(ablations.recipes(OURS), ["none such"])
    with pytest.raises(TypeError, match="gredy"):
        OURS.but(gredy=True)


# --- The recorded runs -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ablations", "backprop"])
def test_they_are_the_whole_grid_and_were_run_as_it_says(name):
    grid, kept = (
        yaml.safe_load((PARAMS / f"{name}.yaml").read_text()),
        records.read(f"05_ablations/{name}"),
    )
    assert [run["parameters"]["recipes"] for run in kept] == grid["recipes"]
    (widths,) = grid["widths"]
    fixed = {k: v for k, v in grid.items() if k != "recipes"} | {"widths": widths}
    for run in kept:
        assert fixed.items() <= run["parameters"].items()
        for figure in ("errors", "test_errors", "processor_seconds", "curves"):
            found = run["figures"][figure]
            assert sorted(found) == sorted(run["parameters"]["recipes"])
            assert {len(values) for values in found.values()} == {grid["seeds"]}


def test_every_recipe_is_recorded_and_no_other():
    tried = named(yaml.safe_load((PARAMS / "backprop.yaml").read_text()))
    known = [*ablations.recipes(OURS), "goodness of the top tenth"]  # the notebook's own
    assert set(named(GRID)) | set(tried) == set(known)
    assert tried == [name for name in known if name.startswith("backprop at ")]
    assert GRID["seeds"] >= 5 and {"ours", "published"} < set(named(GRID))


def test_backprop_has_the_best_rate_and_decay():
    """…of the pairs tried, on the validation images."""
    (run,) = records.read("05_ablations/backprop")
    errors = run["figures"]["errors"]
    best = min(errors, key=errors.get)
    known = ablations.recipes(OURS.but(learning_rate=run["parameters"]["learning_rate"]))
    assert known["backprop"] == known[best]
    assert run["parameters"]["seed"] not in range(1, 1 + GRID["seeds"])


TABLE = ablations.recorded("05_ablations/ablations").set_index("recipe")

# *recipe* (+0.12), or *recipe* (+0.12, within the noise)
PATTERN = r"\*([^*]+)\* \(([+-]\d+\.\d\d)(, within the noise)?\)"
FINDINGS = [
    finding
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells
    if cell.cell_type == "markdown"
    for finding in re.findall(PATTERN, " ".join(cell.source.split()))
]


def test_there_are_findings():
    assert len(FINDINGS) >= 10


@pytest.mark.parametrize("name, difference, noise", FINDINGS)
def test_the_notebooks_findings(name, difference, noise):
    row = 100 * TABLE.loc[name, ["difference", "difference_low", "difference_high"]]
    assert f"{row.difference:+.2f}" == difference
    assert bool(noise) == (row.difference_low <= 0 <= row.difference_high)


# --- A goodness of one's own -----------------------------------------------------------------


@pytest.mark.slow
def test_a_goodness_of_ones_own_becomes_a_row(own_data, tmp_path):
    """The first exercise's solution: live in the notebook, and by the command line."""
    notebook = solved(nbformat.read(NOTEBOOK, as_version=4))
    sources = [cell.source for cell in notebook.cells]
    (gap,) = [
        cell.source for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])
    ]
    (place,) = [i for i, source in enumerate(sources) if source.startswith("known = ")]
    own = nbformat.v4.new_code_cell(
        f'{gap}\nknown["my goodness"] = ours.but(goodness=my_goodness)'
    )
    notebook.cells.insert(place + 1, own)
    nbformat.write(notebook, tmp_path / NOTEBOOK.name)

    def call(*command):
        command = [sys.executable, "-m", "ffhelpers", *command]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    small = {**notebook.metadata["tests"]["small"], "dataset": own_data}
    settings = [part for name, value in small.items() for part in ("-p", f"{name}={value}")]
    settings += ["-p", "recipes=ours,my goodness"]
    call("sweep", NOTEBOOK.name, *settings, "--output", "mine")
    shown = call("table", "mine", "--figure", "errors", "--against", "ours")
    assert re.search(r"my goodness .* [+-]\d+\.\d\d \([+-]\d+\.\d\d to [+-]\d+\.\d\d\)", shown)

    (executed,) = (tmp_path / "mine").glob("*.ipynb")
    texts = [
        output.text
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    rows = [line for text in texts for line in text.splitlines() if line.startswith("my goodness")]
    assert len(rows) == 2 and all(
        re.search(r"[+-]\d+\.\d\d to [+-]\d+\.\d\d", row) for row in rows
    )
