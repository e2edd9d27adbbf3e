"""The rule of each parameter: what may be, alone and together, and how the rest is refused."""

import re

import numpy as np
import pytest

from ffhelpers import parameters
from ffhelpers.parameters import ParameterError, check, check_parameters

GOOD = {
    "reach": [0, 0.1],
    "part": [0.1, 1],
    "strength": [0, 0.03],
    "dataset": ["mnist", "fashion_mnist"],
    "text": ["python", "fables", __file__],
    "strings": [1, 248],
    "seed": [0, 2**32 - 1, np.int64(3)],
    "epochs": [1],
    "batch_size": [1, 500],
    "widths": [[1], [500, 500]],
    "channels": [[1], [2, 4]],
    "units": [1, 500],
    "num_classes": [2, 1000],
    "pool": [1, 2],
    "kernel_size": [3, (2, 5), [4, 4]],
    "strides": [1, (6, 6)],
    "learning_rate": [1, 1e-9, np.float32(0.1)],
    "weight_decay": [0, 0.3],
    "dropout": [0, 0.0, 0.99],
    "adversarial": [0, 0.1, 2.0],
    "hardest": [0.01, 1, 1.0],
    "shift": [0, 2],
    "flip": [True, False],
    "average_copies": [True, False],
    "normalization": ["layer", "rms", "batch", "none"],
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
    "kinds": [["predicted"], ["swapped", "rolled out", "uniform", "predicted"]],
    "temperature": [0, 0.7],
    "hardness": [0, 30.0],
    "pairs": ["hybrids", "frozen", "sums"],
    "blurs": [0, 6],
    "fields": [True, False],
    "softmax_epochs": [1, 3],
    "images": [1, 10_000],
    "seeds": [1, 9],
    "recipes": [[], ["ours", "greedy"]],
    "iterations": [[2], [3, 4, 5]],
    "damping": [0, 0.3],
    "loudness": [0.5, 3],
    "joined": [True, False],
    "batches": [1, 32],
    "phases": [[1], [1, 32]],
    "momenta": [[0], [0.0, 0.999]],
    "rates": [[1], [0.03, 1e-4]],
    "hybrids": [True, False],
    "normalized": [True, False],
    "count": [1],
    "columns": [1, 10],
    "length": [1, 100],
    "symbols": [1, 30],
    "epsilon": [0, 1e-12],
    "size": [(28, 28), [1, 2]],
    "steps": [1],
    "steps_per_execution": [1, 20],
    "jit_compile": [True, False],
    "deterministic": [True, False],
    "steps_per_epoch": [1],
    "validation_steps": [1],
    "validation_freq": [1, 3],
    "validation_batch_size": [1],
    "validation_split": [0, 0.5],
    "initial_epoch": [0, 3],
}
BAD = {
    "normalized": [1, "yes"],
    "count": [0, 1.5],
    "columns": [0, "3"],
    "length": [0, None],
    "symbols": [0, True],
    "epsilon": [-1, "small"],
    "size": [28, (28,), (28, 0), (28, 2.5), "28"],
    "steps": [0],
    "steps_per_execution": [0, "many"],
    "jit_compile": ["yes", 1],
    "deterministic": ["yes", None],
    "steps_per_epoch": [0, 1.5],
    "validation_steps": [0, -1],
    "validation_freq": [0, 1.5],
    "validation_batch_size": [0],
    "validation_split": [1, -0.1],
    "initial_epoch": [-1, 1.5],
    "reach": [-0.1, float("nan")],
    "part": [0, 1.5],
    "strength": [-1, "much"],
    "dataset": ["minst", 1, "none.npz", None],
    "text": ["pythn", "none.txt", "", 1, None],
    "strings": [0, 1.5, True],
    "seed": [-1, 2**32, 1.0, True, "1"],
    "epochs": [0, 2.0, True, "2", None],
    "batch_size": [0, 0.5],
    "widths": [[], [0], [500, 1.5], [True], 500, "500", (500,)],
    "channels": [[], [0], [2.5], 4],
    "units": [0, 1.5, True],
    "num_classes": [1, 10.0, None],
    "pool": [0, (2, 2)],
    "kernel_size": [0, (2, 2, 2), True, 1.5],
    "strides": [1.5, (0, 1)],
    "learning_rate": [0, -1, float("nan"), float("inf"), "1e-3", True],
    "weight_decay": [-0.1, float("inf"), True, None],
    "dropout": [-0.1, 1, 1.0, float("nan"), False, "0.1"],
    "adversarial": [-0.1, float("inf"), float("nan"), True, "0.1"],
    "hardest": [0, 1.1, float("nan"), True, "0.5"],
    "shift": [-1, 1.0, True, "2"],
    "flip": [1, None],
    "average_copies": [0, "no"],
    "normalization": ["group", None, ["batch"]],
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
    "kinds": [[], ["rollouts"], ["uniform", "uniform"], "uniform"],
    "temperature": [-0.1, float("inf"), "warm"],
    "hardness": [-1.0, float("inf"), "3"],
    "pairs": ["twins", None],
    "blurs": [-1, 1.5, True],
    "fields": [1, "yes"],
    "softmax_epochs": [0, 1.5],
    "images": [0, True],
    "seeds": [0, 2.0],
    "recipes": ["ours", [1]],
    "iterations": [[], [0], 3, [2.5]],
    "damping": [-0.1, 1, "0.3"],
    "loudness": [0, float("inf")],
    "joined": [1, "yes"],
    "batches": [0, 1.5],
    "phases": [[], [0], [1.5], 8],
    "momenta": [[], [1.0], [-0.1], [True], ["0.9"], 0.9],
    "rates": [[], [0], [float("inf")], ["1e-3"], [True], 0.1],
    "hybrids": [1, "yes"],
}


def test_every_rule_is_tried():
    assert set(GOOD) == set(BAD) == set(parameters._RULES)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in GOOD.items() for v in vs])
def test_possible_values_pass(name, value):
    check(**{name: value})


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in BAD.items() for v in vs])
def test_impossible_values_are_refused_in_one_line(name, value):
    with pytest.raises(ParameterError) as refusal:
        check(**{name: value})
    assert re.fullmatch(f"{name}={re.escape(repr(value))}: expected .+", str(refusal.value))


def test_a_data_set_may_be_a_file_and_its_names_are_listed(tmp_path):
    np.savez(tmp_path / "mine.npz", x=1)
    check(dataset=str(tmp_path / "mine.npz"))
    with pytest.raises(ParameterError, match="mnist, fashion_mnist.* or the path"):
        check(dataset=str(tmp_path / "mine.csv"))


@pytest.mark.parametrize("written", ["MNIST", "fashion-mnist", "Digit-Recognizer"])
def test_a_data_sets_name_is_known_however_it_is_spelled(written):
    check(dataset=written)


def test_a_data_sets_name_that_is_nearly_right_is_suggested():
    with pytest.raises(ParameterError, match=r"pictures, did you mean cifar10\?$"):
        check(dataset="cifar")
    for written in ("my own", ""):
        with pytest.raises(ParameterError, match="pictures$"):
            check(dataset=written)


def test_a_folder_may_hold_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    check(dataset=str(tmp_path))
    check(dataset=f"~/{tmp_path.name}")


def test_the_first_wrong_parameter_is_the_one_named():
    with pytest.raises(ParameterError, match="^seed="):
        check(epochs=1, seed=-1, theta=-1)


def test_a_single_layer_has_to_vote():
    check(first_layer_votes=True, widths=[500])
    check(first_layer_votes=False, widths=[500, 500])
    with pytest.raises(ParameterError, match="first_layer_votes=False: expected true with a"):
        check(first_layer_votes=False, widths=[500])


def test_a_label_has_to_reach_the_first_block_before_goodness_counts():
    check(iterations=[2, 5], widths=[500, 500])
    with pytest.raises(
        ParameterError, match=r"iterations=\[5, 2\] with 3 blocks: expected them from 3"
    ):
        check(iterations=[5, 2], widths=[500, 500, 500])


def test_a_parameter_without_a_rule_is_a_mistake_of_the_programmer():
    with pytest.raises(TypeError, match="epoch, only for dataset, text, strings, seed"):
        check(epoch=1)


def test_a_notebooks_names_are_those_that_its_cell_annotates():
    cell = {"__annotations__": {"epochs": int, "own": int}, "epochs": 2, "own": 0, "theta": -1}
    check_parameters(cell)
    with pytest.raises(ParameterError, match="^epochs=0: expected a whole number, 1 or more$"):
        check_parameters(cell | {"epochs": 0})


def test_a_notebook_shows_a_refusal_in_one_line():
    assert ParameterError("epochs=0: no")._render_traceback_() == ["epochs=0: no"]
