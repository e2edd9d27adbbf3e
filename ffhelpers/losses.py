"""The local losses: functions of goodness, and Keras losses over streams with signs.

A stream is one input of a block, such as an image under one label. Its sign says what it is: +1
positive, -1 negative, 0 not counted.
"""

import functools

import keras
import tensorflow as tf
from keras import ops

from . import parameters
from .goodness import wide


def threshold_loss(g_pos, g_neg, theta=2.0, scale=1.0):
    """`softplus(scale (theta - g_pos)) + softplus(scale (g_neg - theta))`.

    Positive goodness should exceed the threshold `theta`, negative goodness stay below it
    (Hinton 2022, section 2). The defaults are the published ones for mean-square goodness;
    `theta=1, scale=10` learns far faster.

    Args:
        g_pos, g_neg: goodness, float, of shapes that broadcast.
        theta: threshold, above 0.
        scale: steepness, above 0.

    Returns:
        Loss for each pair, float32; float64 for float64.

    Raises:
        ValueError: an impossible `theta` or `scale`.
    """
    parameters.check(theta=theta, scale=scale)
    g_pos, g_neg = wide(g_pos), wide(g_neg)
    return ops.softplus(scale * (theta - g_pos)) + ops.softplus(scale * (g_neg - theta))


def pairwise_loss(g_pos, g_neg, scale=10.0):
    """`softplus(scale (g_neg - g_pos))`: only the difference counts (SymBa, arXiv 2303.08418).

    Args:
        g_pos, g_neg: goodness, float, of shapes that broadcast.
        scale: steepness, above 0.

    Returns:
        Loss for each pair, float32; float64 for float64.

    Raises:
        ValueError: an impossible `scale`.
    """
    parameters.check(scale=scale)
    return ops.softplus(scale * (wide(g_neg) - wide(g_pos)))


def _one_each(call):
    """The `call` of a loss, refused where it gives another shape than one loss for each example."""

    @functools.wraps(call)
    def checked(self, signs, goodness, **more):
        losses = call(self, signs, goodness, **more)
        found, expected = (tf.TensorShape(getattr(a, "shape", ())) for a in (losses, goodness))
        if not found.is_compatible_with(expected[:1]):
            raise ValueError(
                f"{type(self).__name__} of goodness {tuple(expected)} has the shape {tuple(found)}: "
                "expected (n,), a loss for each example"
            )
        return losses

    return checked


class LocalLoss(keras.losses.Loss):
    """A block's own loss: it is called with signs and goodness, instead of labels and outputs.

    A subclass has a `call` of the signs of the streams, float `(n or 1, streams)`, and of their
    goodness, float `(n, streams)`. It gives the loss of each example, float `(n,)`; sample weights
    and the mean over the batch are Keras's.

    Raises:
        ValueError: when called, a `call` that gives another shape, or signs that are all alike
            where both are needed.
    """

    needs_both = True  # positive and negative streams of the same example

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls):
            cls.call = _one_each(cls.call)

    def check_signs(self, signs):
        """Refuse signs, as far as they are known, that are all alike where both are needed."""
        known = tf.get_static_value(signs)
        if self.needs_both and known is not None and not ((known > 0).any() and (known < 0).any()):
            raise ValueError(
                f"{type(self).__name__} compares positive with negative streams, and here is only "
                "one of both signs: expected ThresholdLoss, or a source that gives both"
            )

    def _masks(self, signs, g):
        """Masks of the positive and of the negative streams, float, of the shape of `g`."""
        self.check_signs(signs)
        masks = [ops.cast(mask, g.dtype) for mask in (signs > 0, signs < 0)]
        if self.needs_both and tf.get_static_value(signs) is None:
            # XLA drops assertions; a loss that is no number ends the training in words.
            alike = ops.logical_not(ops.logical_and(*map(ops.any, masks)))
            nan = ops.sqrt(-ops.cast(alike, g.dtype))  # else 0; a constant would not pass
            masks = [mask + nan for mask in masks]  # tf.debugging.enable_check_numerics()
        return [ops.broadcast_to(mask, ops.shape(g)) for mask in masks]


def _mean(values, weights, axes):
    """The weighted mean; 0 where all weights are 0."""
    return ops.sum(values * weights, axis=axes) / ops.maximum(ops.sum(weights, axis=axes), 1)


@keras.saving.register_keras_serializable(package="ffhelpers")
class ThresholdLoss(LocalLoss):
    """`threshold_loss` over streams: the mean over the positive ones plus that over the negative.

    The only loss here that learns from streams of one sign alone.

    Args:
        theta: threshold.
        scale: steepness.
    """

    needs_both = False

    def __init__(self, theta=2.0, scale=1.0, name="threshold_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        parameters.check(theta=theta, scale=scale)
        self.theta, self.scale = theta, scale

    def call(self, signs, goodness):
        positive, negative = self._masks(signs, goodness)
        losses = ops.softplus(self.scale * signs * (self.theta - goodness))
        return _mean(losses, positive, -1) + _mean(losses, negative, -1)

    def get_config(self):
        return {**super().get_config(), "theta": self.theta, "scale": self.scale}


@keras.saving.register_keras_serializable(package="ffhelpers")
class PairwiseLoss(LocalLoss):
    """`pairwise_loss` over streams: the mean over all pairs of a positive and a negative one.

    The difference alone would let both goodnesses drift: `pull` times the mean of
    `(g - theta)**2` over the pair holds them.

    Args:
        scale: steepness of the comparison.
        theta: goodness that both are pulled to.
        pull: how strongly they are pulled; 0 for not at all.
    """

    def __init__(self, scale=10.0, theta=1.0, pull=0.03, name="pairwise_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        parameters.check(scale=scale, theta=theta, pull=pull)
        self.scale, self.theta, self.pull = scale, theta, pull

    def call(self, signs, goodness):
        positive, negative = self._masks(signs, goodness)
        g_pos, g_neg = goodness[:, :, None], goodness[:, None, :]
        away = (ops.square(g_pos - self.theta) + ops.square(g_neg - self.theta)) / 2
        pairs = pairwise_loss(g_pos, g_neg, self.scale) + self.pull * away
        return _mean(pairs, positive[:, :, None] * negative[:, None, :], (-2, -1))

    def get_config(self):
        own = {"scale": self.scale, "theta": self.theta, "pull": self.pull}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="ffhelpers")
class SoftmaxLoss(PairwiseLoss):
    """The cross-entropy of the softmax over `scale` times the goodness of all streams.

    The positive stream competes with all others at once (CwComp, arXiv 2312.12668, and
    DeeperForward). Goodness is pulled as by `PairwiseLoss`.

    Args:
        scale: steepness of the comparison.
        theta, pull: as for `PairwiseLoss`.
        smoothing: this part of the target is spread evenly over all streams, so that no goodness
            has to grow for ever (Szegedy et al. 2016).
    """

    def __init__(
        self, scale=10.0, theta=1.0, pull=0.03, smoothing=0.0, name="softmax_loss", **kwargs
    ):
        super().__init__(scale, theta, pull, name=name, **kwargs)
        parameters.check(smoothing=smoothing)
        self.smoothing = smoothing

    def call(self, signs, goodness):
        positive, negative = self._masks(signs, goodness)
        counts = positive + negative
        target = positive / ops.maximum(ops.sum(positive, axis=-1, keepdims=True), 1)
        spread = counts / ops.maximum(ops.sum(counts, axis=-1, keepdims=True), 1)
        target = (1 - self.smoothing) * target + self.smoothing * spread
        logits = self.scale * goodness - 1e9 * (1 - counts)  # finite, so that 0 times it is 0
        away = _mean(ops.square(goodness - self.theta), counts, -1)
        cross_entropy = keras.losses.categorical_crossentropy(target, logits, from_logits=True)
        return cross_entropy + self.pull * away

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing}


@keras.saving.register_keras_serializable(package="ffhelpers")
class PeerNormalization(keras.regularizers.Regularizer):
    """Units that are much more active than the others of their layer are held back.

    For a layer's `activity_regularizer`: `strength` times the mean square of the distance between
    each unit's mean activity, over the batch and its streams, and the average of these means.
    In a simpler form than Hinton's (2022): the batch's mean, for both signs, and its gradient, which
    passes the ReLU. He takes a running mean, of positive data only, whose push does not pass it.

    Args:
        strength: 0.03 in Hinton's code. That is 0.6 here, as our loss has a scale of 10 and the mean
            goes over two streams.
    """

    def __init__(self, strength=0.03):
        parameters.check(strength=strength)
        self.strength = strength

    def __call__(self, h):
        streams = len(h.shape) % 2  # units have one axis, or three; streams are one more
        average = ops.mean(wide(h), axis=(0, 1) if streams else 0)
        apart = ops.mean(ops.square(average - ops.mean(average)))
        batch = ops.cast(ops.shape(h)[0], apart.dtype)
        return self.strength * apart * batch  # Keras divides by it

    def get_config(self):
        return {"strength": self.strength}
