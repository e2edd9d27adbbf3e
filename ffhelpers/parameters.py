"""One rule for each parameter, asked by constructors, notebooks and the command line alike.

Without TensorFlow, so that a wrong value is refused before anything slow starts.
"""

import math
import os
import reprlib
from numbers import Integral, Real

from .datasets import DATASETS, did_you_mean, known_name


class ParameterError(ValueError):
    """A parameter with a value that cannot be; a notebook shows its one line, no traceback."""

    def _render_traceback_(self):  # IPython's hook
        return [str(self)]


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxtuple = 10


def shown(value):
    """A value as Python writes it: in one line and a few words, however large it is."""
    return " ".join(_SHORT.repr(value).split())


def _is_dataset(value):
    if "\0" in value:
        return False
    path = os.path.expanduser(value)
    own = (value.endswith(".npz") and os.path.isfile(path)) or os.path.isdir(path)
    return bool(value) and (own or known_name(value) is not None)


def expected_dataset(value):
    """What is meant by a data set, and perhaps by this one."""
    return (
        f"{', '.join(DATASETS)}, or the path of an existing .npz file or folder of pictures"
        f"{did_you_mean(str(value))}"
    )


def _texts():
    from .text import TEXTS

    return list(TEXTS)


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


def _list_of(rule, expected):
    kind, possible, _ = rule

    def each(value):
        return isinstance(value, kind) and not isinstance(value, bool) and possible(value)

    return (list, lambda v: v and all(map(each, v)), expected)


def _one_of(*names):
    return (str, lambda v: v in names, f"{', '.join(names[:-1])} or {names[-1]}")


# A rule: the type, whether a value of that type is possible, what is expected (or a function that
# says so of a value).
_COUNT = (Integral, _is_count, "a whole number, 1 or more")
_COUNTS = _list_of(_COUNT, "a list of whole numbers above 0")
_ABOVE_0 = (Real, lambda v: 0 < v < math.inf, "a finite number above 0")
_FROM_0 = (Real, lambda v: 0 <= v < math.inf, "a finite number, 0 or more")
_BELOW_1 = (Real, lambda v: 0 <= v < 1, "a number from 0 to below 1")
_RATES = _list_of(_ABOVE_0, "a list of finite numbers above 0")
_MOMENTA = _list_of(_BELOW_1, "a list of numbers from 0 to below 1")
_PART = (Real, lambda v: 0 < v <= 1, "a part above 0, at most 1")
_PIXELS = (
    (Integral, list, tuple),
    lambda v: (
        _is_count(v) or (isinstance(v, (list, tuple)) and len(v) == 2 and all(map(_is_count, v)))
    ),
    "a whole number of pixels from 1, or two",
)
_BOOL = (bool, lambda v: True, "true or false")
_WINDOWS = ("predicted", "rolled out", "uniform", "swapped")  # negative windows of notebook 10

_RULES = {
    "dataset": (str, _is_dataset, expected_dataset),
    "text": (
        str,
        lambda v: v in _texts() or os.path.isfile(os.path.expanduser(v)),
        lambda v: f"{', '.join(_texts())} or the path of an existing file in UTF-8",
    ),
    "strings": _COUNT,
    "seed": (Integral, lambda v: 0 <= v < 2**32, "a whole number from 0 to 4294967295"),
    # the network
    "widths": _COUNTS,
    "channels": _COUNTS,
    "units": _COUNT,
    "num_classes": (Integral, lambda v: v >= 2, "a whole number, 2 or more"),
    "pool": _COUNT,
    "kernel_size": _PIXELS,
    "strides": _PIXELS,
    "normalized": _BOOL,
    "normalization": _one_of("layer", "rms", "batch", "none"),
    "squares": _BOOL,
    "dropout": _BELOW_1,
    "damping": _BELOW_1,
    "fields": _BOOL,
    "voting": _COUNT,
    "iterations": _COUNTS,
    "loudness": _ABOVE_0,
    "joined": _BOOL,
    "first_layer_votes": _BOOL,
    # labels and negatives
    "patterns": _one_of("waves", "masks", "corner"),
    "brightness": _ABOVE_0,
    "negatives": _one_of("hard", "uniform"),
    "hybrids": _BOOL,
    "pairs": _one_of("hybrids", "frozen", "sums"),
    "blurs": (Integral, lambda v: v >= 0, "a whole number, 0 or more"),
    "kinds": (
        list,
        lambda v: v and set(v) <= set(_WINDOWS) and len(set(v)) == len(v),
        f"a list of {', '.join(_WINDOWS)}, each at most once",
    ),
    "temperature": _FROM_0,
    "hardness": _FROM_0,
    "adversarial": _FROM_0,
    "reach": _FROM_0,
    "hardest": _PART,
    "part": _PART,
    # the loss
    "theta": _ABOVE_0,
    "scale": _ABOVE_0,
    "pull": _FROM_0,
    "smoothing": _BELOW_1,
    "peers": _FROM_0,
    "peers_as_hinton": _BOOL,
    "strength": _FROM_0,
    # training
    "epochs": _COUNT,
    "softmax_epochs": _COUNT,
    "count": _COUNT,
    "columns": _COUNT,
    "length": _COUNT,
    "symbols": _COUNT,
    "epsilon": _FROM_0,
    "size": (
        (list, tuple),
        lambda v: len(v) == 2 and all(map(_is_count, v)),
        "height and width, such as (28, 28)",
    ),
    "steps": _COUNT,
    "steps_per_execution": _COUNT,
    "jit_compile": _BOOL,
    "deterministic": _BOOL,
    "steps_per_epoch": _COUNT,
    "validation_steps": _COUNT,
    "validation_freq": _COUNT,
    "validation_batch_size": _COUNT,
    "validation_split": _BELOW_1,
    "initial_epoch": (Integral, lambda v: v >= 0, "a whole number, 0 or more"),
    "batches": _COUNT,
    "phases": _COUNTS,
    "adams": (Integral, lambda v: v in (1, 2), "1 or 2"),
    "momenta": _MOMENTA,
    "rates": _RATES,
    "batch_size": _COUNT,
    "learning_rate": _ABOVE_0,
    "weight_decay": _FROM_0,
    "shift": (Integral, lambda v: v >= 0, "a whole number of pixels, 0 or more"),
    "flip": _BOOL,
    "average_copies": _BOOL,
    "all_images": _BOOL,
    # comparisons
    "images": _COUNT,
    "seeds": _COUNT,
    "recipes": (list, lambda v: all(isinstance(name, str) for name in v), "a list of names"),
}


def has_rule(name):
    """Whether there is a rule for this name."""
    return name in _RULES


def check(**values):
    """Refuse what cannot be, alone or together, before any work starts.

    Raises:
        ParameterError: the first value that is of a wrong type (True is no number, 2.0 no whole
            number) or out of range, or values that exclude each other.
        TypeError: a name that there is no rule for.

    Example:
        `check(dropout=1.5)` raises `dropout=1.5: expected a number from 0 to below 1`.
    """
    for name, value in values.items():
        if name not in _RULES:
            raise TypeError(f"no rule for the parameter {name}, only for {', '.join(_RULES)}")
        kind, possible, expected = _RULES[name]
        no_number = isinstance(value, bool) and kind is not bool
        if no_number or not isinstance(value, kind) or not possible(value):
            expected = expected if isinstance(expected, str) else expected(value)
            raise ParameterError(f"{name}={shown(value)}: expected {expected}")
    if len(values.get("widths", ())) == 1 and not values.get("first_layer_votes", True):
        raise ParameterError(
            "first_layer_votes=False: expected true with a single layer, which alone can predict"
        )
    blocks, iterations = len(values.get("widths", ())), values.get("iterations")
    if iterations and min(iterations) < blocks:
        raise ParameterError(
            f"iterations={iterations} with {blocks} blocks: expected them from {blocks} on, as the "
            "label goes down one block in each"
        )


def check_parameters(namespace):
    """`check` what a notebook's cell of parameters sets: `ff.check_parameters(globals())`.

    Args:
        namespace: names → values; those that were annotated there (`epochs: int = 3`) are checked
            where they have a rule.

    Raises:
        ParameterError: as `check`.
    """
    if not isinstance(namespace, dict):
        raise TypeError(f"namespace={shown(namespace)}: expected globals()")
    names = [name for name in namespace.get("__annotations__", {}) if has_rule(name)]
    if missing := [name for name in names if name not in namespace]:
        raise ParameterError(f"{missing[0]} without a value: expected one, as it is annotated")
    check(**{name: namespace[name] for name in names})
