"""Goodness, length normalisation and the local losses: pure functions of tensors.

Everything is computed in float32 (or float64 if given), because the square of an activity of
1e4 has no place in float16.
"""

import keras
from keras import ops


def _wide(x):
    x = ops.convert_to_tensor(x)
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")


def goodness(h, reduce="mean"):
    """Goodness of activities: the mean of their squares (Hinton 2022, section 2).

    Args:
        h: activities, float `(..., units)`.
        reduce: `"mean"`, or `"sum"` as the paper writes it; a sum with threshold `theta` is a
            mean with threshold `theta / units`.

    Returns:
        float32 `(...)`, at least 0.

    Raises:
        ValueError: `reduce` is neither.
    """
    if reduce not in ("mean", "sum"):
        raise ValueError(f"reduce={reduce!r}: expected 'mean' or 'sum'")
    squares = ops.square(_wide(h))
    units = squares.shape[-1]
    # A product with a vector is a sum, and several times faster than XLA's own sums on a CPU.
    weights = ops.full((units, 1), 1 / units if reduce == "mean" else 1, dtype=squares.dtype)
    summed = ops.matmul(ops.reshape(squares, (-1, units)), weights)
    return ops.reshape(summed, ops.shape(squares)[:-1])


def inverse_length(h, epsilon=1e-12):
    """What scales activities to mean square 1: `1 / sqrt(goodness(h) + epsilon)`.

    Args:
        h: activities, float `(..., units)`.
        epsilon: keeps a vector of zeros zero.

    Returns:
        float32 `(..., 1)`.
    """
    return ops.rsqrt(goodness(h)[..., None] + epsilon)


def normalize(h, epsilon=1e-12):
    """Scale activities to mean square 1, so that only their direction reaches the next layer.

    A vector of zeros stays zero. Hinton's own code uses this length; the paper's unit length
    differs by the constant factor `sqrt(units)`.

    Args:
        h: activities, float `(..., units)`.
        epsilon: added to the mean square.

    Returns:
        The shape and dtype of `h`.
    """
    h = ops.convert_to_tensor(h)
    return ops.cast(_wide(h) * inverse_length(h, epsilon), h.dtype)


def threshold_loss(g_pos, g_neg, theta=2.0, scale=1.0):
    """`softplus(scale (theta - g_pos)) + softplus(scale (g_neg - theta))`.

    Positive goodness shall exceed the threshold `theta`, negative goodness stay below it
    (Hinton 2022, section 2). The defaults are the published ones for mean-square goodness;
    `theta=1, scale=10` learns far faster.

    Args:
        g_pos, g_neg: goodness, float, of shapes that broadcast.

    Returns:
        float32 loss for each pair.
    """
    return ops.softplus(scale * (theta - _wide(g_pos))) + ops.softplus(
        scale * (_wide(g_neg) - theta)
    )


def pairwise_loss(g_pos, g_neg, scale=10.0):
    """`softplus(scale (g_neg - g_pos))`: only the difference counts (SymBa, arXiv 2303.08418).

    Args:
        g_pos, g_neg: goodness, float, of shapes that broadcast.

    Returns:
        float32 loss for each pair.
    """
    return ops.softplus(scale * (_wide(g_neg) - _wide(g_pos)))


@keras.saving.register_keras_serializable(package="ffhelpers")
class PeerNormalization(keras.regularizers.Regularizer):
    """Units that are much more active than the others of their layer are held back.

    For a layer's `activity_regularizer`: `strength` times the mean square of the distance between
    each unit's mean activity, over the batch and its streams, and the average of these means. After
    Hinton 2022.

    Args:
        strength: 0.03 in Hinton's code.
    """

    def __init__(self, strength=0.03):
        self.strength = strength

    def __call__(self, h):
        average = ops.mean(_wide(h), axis=(0, 1))
        apart = ops.mean(ops.square(average - ops.mean(average)))
        batch = ops.cast(ops.shape(h)[0], apart.dtype)
        return self.strength * apart * batch  # Keras divides by it

    def get_config(self):
        return {"strength": self.strength}


class _PairLoss(keras.losses.Loss):
    """A Keras loss over streams: one of them is positive, each other one makes a pair with it.

    `y_true` is the positive stream's index, int `(n,)`; `y_pred` the goodness, float
    `(n, streams)`. The loss of an example is the mean over its pairs.
    """

    def pair(self, g_pos, g_neg):
        raise NotImplementedError

    def call(self, y_true, y_pred):
        positive = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
        g_pos = ops.sum(positive * y_pred, axis=-1, keepdims=True)
        pairs = self.pair(g_pos, y_pred) * (1 - positive)
        return ops.sum(pairs, axis=-1) / (y_pred.shape[-1] - 1)


@keras.saving.register_keras_serializable(package="ffhelpers")
class ThresholdLoss(_PairLoss):
    """`threshold_loss` for `ForwardForward.compile`; see there for `theta` and `scale`."""

    def __init__(self, theta=2.0, scale=1.0, name="threshold_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.theta, self.scale = theta, scale

    def pair(self, g_pos, g_neg):
        return threshold_loss(g_pos, g_neg, self.theta, self.scale)

    def get_config(self):
        return {**super().get_config(), "theta": self.theta, "scale": self.scale}


@keras.saving.register_keras_serializable(package="ffhelpers")
class PairwiseLoss(_PairLoss):
    """`pairwise_loss` for `ForwardForward.compile`, with a light pull of goodness to `theta`.

    The difference alone would let both goodnesses drift: `pull` times the mean of
    `(g - theta)**2` over the pair holds them.
    """

    def __init__(self, scale=10.0, theta=1.0, pull=0.03, name="pairwise_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale, self.theta, self.pull = scale, theta, pull

    def pair(self, g_pos, g_neg):
        away = (ops.square(g_pos - self.theta) + ops.square(g_neg - self.theta)) / 2
        return pairwise_loss(g_pos, g_neg, self.scale) + self.pull * away

    def get_config(self):
        own = {"scale": self.scale, "theta": self.theta, "pull": self.pull}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="ffhelpers")
class SoftmaxLoss(PairwiseLoss):
    """The cross-entropy of the softmax over `scale` times the goodness of all streams.

    The positive stream competes with all others at once (CwComp, arXiv 2312.12668, and
    DeeperForward). Goodness is pulled as by `PairwiseLoss`.

    Args:
        smoothing: this part of the target is spread evenly over all streams, so that no goodness
            has to grow for ever (Szegedy et al. 2016).
    """

    def __init__(
        self, scale=10.0, theta=1.0, pull=0.03, smoothing=0.0, name="softmax_loss", **kwargs
    ):
        super().__init__(scale, theta, pull, name=name, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        cross_entropy = keras.losses.categorical_crossentropy(
            ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype),
            self.scale * y_pred,
            from_logits=True,
            label_smoothing=self.smoothing,
        )
        return cross_entropy + self.pull * ops.mean(ops.square(y_pred - self.theta), axis=-1)

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing}
