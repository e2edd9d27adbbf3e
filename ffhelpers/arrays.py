"""What arrays have to be, checked in one line each, without TensorFlow."""

import contextlib

import numpy as np


def array_of(name, value, several="several lengths: expected an array"):
    """`value` as an array.

    Args:
        name: what people call it.
        value: an array, a tensor or nested lists.
        several: what to say of lists that are of no one shape.

    Raises:
        ValueError: those, a sparse matrix, or an array with masked places, which would be lost.
    """
    if hasattr(value, "toarray"):
        raise ValueError(f"{name} as {type(value).__name__}: expected an array, use .toarray()")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name}, some of them masked: expected numbers, use .filled(…)")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} of {several}") from None
    if array.dtype == object and hasattr(value, "dtypes"):  # a table, perhaps of numbers and bools
        with contextlib.suppress(ValueError, TypeError):
            return array.astype("float64")
    return array


def numbers(name, value, *axes):
    """`value` as an array of numbers that are none of them NaN.

    Args:
        name: what people call it.
        value: an array, a tensor or nested lists.
        axes: a size or, for any from 1, a name for each axis; `...` first for any number of axes.

    Raises:
        ValueError: another shape, no numbers, or NaN among them.

    Example:
        `numbers("goodness", goodness, ..., "n", "num_classes")`
    """
    array = _array(name, value, axes)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} of dtype {array.dtype}: expected numbers")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} with {int(np.isnan(array).sum())} nan: expected numbers")
    return array


def channels_first(shape):
    """Whether a shape `(n, …)` of pictures looks like one with the channels before the pixels."""
    known = len(shape) == 4 and shape[1] in (1, 3, 4) and min(shape[2:]) > 4
    return known and max(shape[2:]) <= 2 * min(shape[2:])  # pictures are roughly square


def codes(name, value, count, *axes):
    """`value` as an array of whole numbers from 0 to `count - 1`, such as labels.

    Args:
        name, value, axes: as for `numbers`.
        count: how many there are; None for any.

    Raises:
        ValueError: another shape, no whole numbers, or one outside.

    Example:
        `codes("labels", labels, 10, "n")`
    """
    array = _array(name, value, axes)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} of dtype {array.dtype}: expected whole numbers")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or (count is not None and high >= count):
        reach = "0 or more" if count is None else f"0 to {count - 1}"
        raise ValueError(f"{name[:-1]} {low if low < 0 else high}: expected {reach}")
    return array


def _array(name, value, axes):
    array = array_of(name, value)
    ends, shape = axes, array.shape
    if axes[:1] == (...,):
        ends, shape = axes[1:], shape[len(shape) - len(axes) + 1 :]
    fits = len(shape) == len(ends) and all(
        size == end or (isinstance(end, str) and size) for size, end in zip(shape, ends)
    )
    if not fits:
        wanted = ", ".join("…" if axis is ... else str(axis) for axis in axes)
        wanted = f"({wanted},)" if len(axes) == 1 else f"({wanted})"
        wanted += ", none of them 0" * (0 in array.shape)
        raise ValueError(f"{name} of shape {array.shape}: expected {wanted}")
    return array
