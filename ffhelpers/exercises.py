"""Exercises that say whether an answer is right."""

import numpy as np

UNFILLED = "not filled in yet: put your answer in the place of the dots in the cell above"


def check(answer, expected, tolerance=1e-4):
    """Print whether a reader's answer is right, or what it gives instead.

    Args:
        answer: a function without arguments that gives the answer. So an answer that is not
            there yet, or that fails, is said in a line.
        expected: the right answer, of numbers or anything else that can be compared.
        tolerance: how far numbers may be away, relative to the largest one expected.

    Example:
        `exercises.check(lambda: my_goodness(h), np.mean(h**2, axis=-1))`
    """
    try:
        given = answer()
        given = given if given is None or given is ... else np.asarray(given)
    except Exception as error:
        unfilled = "ellipsis" in str(error)  # a step that works with the dots
        print(UNFILLED if unfilled else f"wrong: it raises {type(error).__name__}: {error}")
        return
    if given is None:
        print("wrong: it gives None, is a return missing?")
        return
    print(UNFILLED if given is ... else _compared(given, np.asarray(expected), tolerance))


def _compared(given, expected, tolerance):
    if given.shape != expected.shape:
        return f"wrong: its shape is {given.shape}, not {expected.shape}"
    if expected.dtype.kind not in "fiub":
        return "right" if np.array_equal(given, expected) else f"wrong: {given}, not {expected}"
    if given.dtype.kind not in "fiub":
        return f"wrong: it gives {given} instead of numbers"
    same = given == expected  # infinite numbers, too
    away = np.abs(np.where(same, 0, given.astype(float)) - np.where(same, 0, expected))
    finite = np.abs(expected[np.isfinite(expected)])
    right = away <= tolerance * np.max(finite, initial=1e-9)
    if right.all():
        return "right"
    first = tuple(np.argwhere(~right)[0])
    place = f" at {list(map(int, first))}" if first else ""
    return f"wrong: it gives {given[first]:.4g}{place}, where it should be {expected[first]:.4g}"
