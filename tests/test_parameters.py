"""The rule of each parameter: what may be, alone and together, and how the rest is refused."""

import re

import numpy as np
import pytest

from ffhelpers import parameters
from ffhelpers.parameters import ParameterError, check, check_parameters

NAN, INF = float("nan"), float("inf")
# Names that have one rule, what they may be, and what they may not.
RULES = [
    (
        "batch_size batches columns count epochs images length pool seeds softmax_epochs steps "
        "steps_per_epoch steps_per_execution strings symbols units validation_batch_size "
        "validation_freq validation_steps voting",
        [1, 500, np.int64(3)],
        [0, -1, 1.5, 2.0, True, "2", None],
    ),
    (
        "channels iterations phases widths",
        [[1], [500, 500]],
        [[], [0], [500, 1.5], [True], 500, "500", (500,), None],
    ),
    ("blurs initial_epoch shift", [0, 2], [-1, 1.0, 1.5, True, "2", None]),
    (
        "brightness learning_rate loudness scale theta",
        [1, 1e-9, np.float32(0.1)],
        [0, 0.0, -1, NAN, INF, "1e-3", True, None],
    ),
    (
        "adversarial epsilon hardness peers pull reach strength temperature weight_decay",
        [0, 0.3, 30.0],
        [-0.1, NAN, INF, "0.1", True, None],
    ),
    (
        "damping dropout smoothing validation_split",
        [0, 0.0, 0.99],
        [-0.1, 1, 1.0, NAN, False, "0.1", None],
    ),
    ("hardest part", [0.01, 1, 1.0], [0, 1.1, NAN, True, "0.5", None]),
    (
        "all_images average_copies deterministic fields first_layer_votes flip hybrids jit_compile "
        "joined normalized peers_as_hinton squares",
        [True, False],
        [0, 1, "yes", None],
    ),
    (
        "kernel_size strides",
        [3, (2, 5), [4, 4]],
        [0, 1.5, True, "3", (3,), (2, 2, 2), (0, 1), None],
    ),
    ("adams", [1, 2], [0, 3, 1.0, True, "1", None]),
    ("momenta", [[0], [0.0, 0.999]], [[], [1.0], [-0.1], [True], ["0.9"], 0.9]),
    ("rates", [[1], [0.03, 1e-4]], [[], [0], [INF], ["1e-3"], [True], 0.1]),
    ("dataset", ["mnist", "fashion_mnist"], ["minst", 1, "none.npz", None]),
    ("text", ["python", "fables", __file__], ["pythn", "none.txt", "", 1, None]),
    ("seed", [0, 2**32 - 1, np.int64(3)], [-1, 2**32, 1.0, True, "1"]),
    ("num_classes", [2, 1000], [1, 10.0, None]),
    ("size", [(28, 28), [1, 2]], [28, (28,), (28, 0), (28, 2.5), "28"]),
    ("normalization", ["layer", "rms", "batch", "none"], ["group", None, ["batch"]]),
    ("patterns", ["waves", "masks", "corner"], ["stripes", None]),
    ("negatives", ["hard", "uniform"], ["harder", None, ["hard"]]),
    ("pairs", ["hybrids", "frozen", "sums"], ["twins", None]),
    (
        "kinds",
        [["predicted"], ["swapped", "rolled out", "uniform", "predicted"]],
        [[], ["rollouts"], ["uniform", "uniform"], "uniform"],
    ),
    ("recipes", [[], ["ours", "greedy"]], ["ours", [1]]),
]
GOOD = [(name, value) for names, good, _ in RULES for name in names.split() for value in good]
BAD = [(name, value) for names, _, bad in RULES for name in names.split() for value in bad]


def test_every_rule_is_tried():
    assert {name for name, _ in GOOD} == {name for name, _ in BAD} == set(parameters._RULES)


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_possible_values_pass(name, value):
    check(**{name: value})


@pytest.mark.parametrize(("name", "value"), BAD)
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
