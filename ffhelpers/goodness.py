"""Goodness, by name or by function, and length normalisation: pure functions of tensors.

Everything is computed in float32 (or float64 if given), because the square of an activity of
1e4 has no place in float16.
"""

import keras
from keras import ops

from . import parameters


def wide(x):
    """`x` in a type that squares of half precision fit into: float64 as it is, else float32."""
    x = ops.convert_to_tensor(x)
    if keras.backend.standardize_dtype(x.dtype) == "string":
        raise ValueError("activities of dtype string: expected numbers")
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")


def sum_of_squares(h):
    """The sum of squares over the last axis, as the paper has goodness (Hinton 2022, section 2).

    With threshold `theta` it is the mean of squares with threshold `theta / units`.
    """
    return _weighted_sum(ops.square(wide(h)), 1)


def mean_square(h):
    """The mean of squares over the last axis: it does not change with the width of the layer."""
    return _weighted_sum(ops.square(wide(h)), 1 / h.shape[-1])


def mean_activity(h):
    """The mean over the last axis, the goodness of DeeperForward (Sun et al. 2025)."""
    return _weighted_sum(wide(h), 1 / h.shape[-1])


def _weighted_sum(h, weight):
    # A product with a vector is a sum, and several times faster than XLA's own sums on a CPU.
    weights = ops.full((h.shape[-1], 1), weight, dtype=h.dtype)
    summed = ops.matmul(ops.reshape(h, (-1, h.shape[-1])), weights)
    return ops.reshape(summed, ops.shape(h)[:-1])


KINDS = {f.__name__: f for f in (mean_square, sum_of_squares, mean_activity)}


@keras.saving.register_keras_serializable(package="ffhelpers")
class ClassChannels:
    """A goodness for each class: that of the channels which belong to it.

    The first `channels / num_classes` channels are those of class 0, and so on (CwComp,
    Papachristodoulou et al. 2024; DeeperForward, Sun et al. 2025). One forward pass judges all
    classes, so no labels are tried and no negatives are made.

    Args:
        num_classes: number of classes, at least 2.
        kind: the goodness of a class's channels at one position, see `get`; the class's is its
            mean over the positions.

    Called with activities `(n, …positions, channels)` it gives float32 `(n, num_classes)`, and
    float64 for float64.

    Raises:
        ValueError: a bad `num_classes` or `kind`; when called, channels that are no multiple.
    """

    def __init__(self, num_classes, kind="mean_square"):
        parameters.check(num_classes=num_classes)
        self.num_classes, self.kind = int(num_classes), get(kind)

    def check(self, channels):
        """Refuse a number of channels that the classes cannot share evenly."""
        if channels % self.num_classes:
            raise ValueError(
                f"{channels} channels: expected a multiple of {self.num_classes} classes"
            )

    def __call__(self, h):
        self.check(h.shape[-1])
        each = h.shape[-1] // self.num_classes
        by_class = ops.reshape(h, (*ops.shape(h)[:-1], self.num_classes, each))
        positions = tuple(range(1, len(h.shape) - 1))
        return ops.mean(self.kind(by_class), axis=positions) if positions else self.kind(by_class)

    def get_config(self):
        return {"num_classes": self.num_classes, "kind": identifier(self.kind)}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def get(kind):
    """The goodness that a name or a function stands for.

    Args:
        kind: `"mean_square"`, `"sum_of_squares"`, `"mean_activity"`; a function that takes
            activities `(…, units)` and gives `(…)`, registered with Keras so that it is saved
            with its block (`@keras.saving.register_keras_serializable()`); a `ClassChannels`; or
            what `identifier` gave for one of these.

    Raises:
        ValueError: an unknown name, or a function that is not registered.

    Example:
        `get("mean_square")(h)` is `goodness(h)`.
    """
    if isinstance(kind, dict):
        kind = keras.saving.deserialize_keras_object(kind)
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    if not callable(kind):
        raise ValueError(f"goodness={kind!r}: expected {', '.join(KINDS)} or a function")
    registered = keras.saving.get_registered_name(
        kind if hasattr(kind, "__name__") else type(kind)
    )
    if kind not in KINDS.values() and keras.saving.get_registered_object(registered) is None:
        raise ValueError(
            f"goodness={registered}: expected a function that Keras can save, put "
            "@keras.saving.register_keras_serializable() above it"
        )
    return kind


def identifier(kind):
    """What a goodness is saved as: its name, or Keras's description of it."""
    names = [name for name, function in KINDS.items() if function is kind]
    return names[0] if names else keras.saving.serialize_keras_object(kind)


def goodness(h, kind="mean_square"):
    """Goodness of activities: the mean of their squares, or another kind.

    Args:
        h: activities, float `(…, units)`.
        kind: see `get`.

    Returns:
        float32 `(…)`; float64 for float64.

    Raises:
        ValueError: as `get`.
    """
    return get(kind)(_activities(h))


def _activities(h):
    if not getattr(h, "shape", ()) or not h.shape[-1]:
        raise ValueError(
            f"activities of shape {tuple(getattr(h, 'shape', ()))}: expected (…, units)"
        )
    return h


def inverse_length(h, epsilon=1e-12):
    """What scales activities to mean square 1: `1 / sqrt(goodness(h) + epsilon)`.

    Args:
        h: activities, float `(…, units)`.
        epsilon: keeps a vector of zeros zero.

    Returns:
        float32 `(…, 1)`; float64 for float64.
    """
    return ops.rsqrt(mean_square(h)[..., None] + epsilon)


def normalize(h, epsilon=1e-12):
    """Scale activities to mean square 1, so that only their direction reaches the next layer.

    A vector of zeros stays zero. Hinton's own code uses this length; the paper's unit length
    differs by the constant factor `sqrt(units)`.

    Args:
        h: activities, float `(…, units)`.
        epsilon: added to the mean square.

    Returns:
        The shape and dtype of `h`; whole numbers become float32.
    """
    parameters.check(epsilon=epsilon)
    h = ops.convert_to_tensor(_activities(h))
    dtype = h.dtype if keras.backend.is_float_dtype(h.dtype) else "float32"
    return ops.cast(wide(h) * inverse_length(h, epsilon), dtype)
