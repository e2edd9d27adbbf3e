"""Recurrence: a still image as a video, in which a block hears the block above it, too."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import parameters
from .goodness import normalize
from .layers import Block, flat_product
from .model import ForwardForward


class Neighbours(NamedTuple):
    """What reaches a block in an iteration: activities of the iteration before.

    Attributes:
        below: normalised, of the block below, float `(n, streams, d)`. For the first block a pair:
            the images, `(n, 1, d)`, and their product with its weights, which stays the same.
        above: normalised, of the block above, or the label.
        old: its own, not normalised.
    """

    below: Any
    above: Any
    old: Any


@keras.saving.register_keras_serializable(package="ffhelpers")
class RecurrentDense(Block):
    """A dense block that hears the block below and the block above, and changes by and by.

    Its activities are `damping` times the old ones plus `1 - damping` times

        activation(below · kernel + above · top_down + bias).

    Both neighbours are normalised, each by itself, so that neither drowns the other. They meet
    inside one activation (Hinton 2022, section 3.4).

    Args:
        units, activation, goodness, dropout: as for `Block`; other units drop out in each
            iteration, of those that are learned from.
        damping: the share of the old activities, from 0 to below 1.

    Called with `Neighbours` it gives activities, float `(n, streams, units)`.

    Raises:
        ValueError: as `Block`, and an impossible `damping`.

    Example:
        `ff.RecurrentDense(500, damping=0.3)`
    """

    def __init__(self, units, *, damping=0.3, **kwargs):
        super().__init__(units, **kwargs)
        parameters.check(damping=damping)
        self.damping = damping

    def build(self, input_shape):
        if not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(f"{self.name} hears two neighbours: expected it in an ff.Recurrent")
        below, above = (shape[-1] for shape in input_shape)
        self.kernel = self.add_weight((below, self.units), "glorot_uniform", name="kernel")
        self.top_down = self.add_weight((above, self.units), "glorot_uniform", name="top_down")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def compute_output_shape(self, input_shape):
        return (None, None, self.units)

    def call(self, h, training=False):
        if isinstance(h.below, tuple):
            images, product = h.below
            below = _known_product(images, ops.cast(self.kernel, product.dtype), product)
        else:
            below = self.from_below(h.below)
        return self.damped(below, self.from_above(h.above), h.old, training)

    def from_below(self, h):
        """What normalised activities of the block below add before the activation."""
        return self._product(h, self.kernel)

    def from_above(self, h):
        """What normalised activities of the block above, or a label, add before the activation."""
        return self._product(h, self.top_down)

    def asked(self, below, above=0.0, training=False):
        """Activities that follow from what both neighbours add, or the one below alone."""
        z = below + above
        return self.drop(self.activation(z + ops.cast(self.bias, z.dtype)), training)

    def damped(self, below, above, old, training=False):
        """The next activities: a share of the old ones, and what both neighbours ask for."""
        new = self.asked(below, above, training)
        return self.damping * ops.cast(old, new.dtype) + (1 - self.damping) * new

    def _product(self, h, kernel):
        # Also outside of `call`, where Keras casts nothing.
        return flat_product(*(ops.cast(a, self.compute_dtype) for a in (h, kernel)))

    def get_config(self):
        return {**super().get_config(), "damping": self.damping}


@tf.custom_gradient
def _known_product(images, kernel, product):
    """`images · kernel`, which is known already. Its gradient goes to both, as that of a product."""

    def gradient(upstream):
        of_images = tf.matmul(upstream, kernel, transpose_b=True)  # not computed where nobody asks
        return of_images, tf.matmul(images[:, 0], upstream[:, 0], transpose_a=True), None

    return tf.identity(product), gradient


@keras.saving.register_keras_serializable(package="ffhelpers")
class Recurrent(ForwardForward):
    """A network that looks at an image for some iterations, its label on top (Hinton 2022, 3.4).

    The image stays at the bottom and the label at the top. A bottom-up pass starts the blocks;
    then, in each iteration, all blocks change at once, by what their neighbours were in the
    iteration before. In some iterations each block learns, from its goodness there; no gradient
    passes from block to block, nor from an iteration to the one before. A prediction adds up the
    goodness of all blocks, its mean over these iterations. `fit` reports the sum of the losses of
    these iterations, `evaluate` the loss of the mean goodness, smaller by about their number.

    A hard negative is drawn by what the top block makes of every label in the first iteration,
    right after the bottom-up pass, where all labels share one product.

    Args:
        blocks: widths, or blocks of the kind `RecurrentDense`.
        num_classes, source: as for `ForwardForward`; a source with labels to try.
        iterations: those whose goodness counts. The last of them is where the network stops.
        loudness: of the label: the length of its one-hot against that of other normalised
            activities. As it is one of many inputs, it has to be loud.

    All else is as in `ForwardForward`.

    Raises:
        ValueError: as `ForwardForward`; another kind of block or of source, or an iteration
            that comes before the label has reached the first block.

    Example:
        `ff.Recurrent([500, 500], num_classes=10, iterations=[3, 4, 5])`
    """

    def __init__(self, blocks, *, iterations=(3, 4, 5), loudness=3.0, **kwargs):
        super().__init__(blocks, silent_blocks=0, **kwargs)
        widths = [block.units for block in self.blocks]
        iterations = list(iterations) if isinstance(iterations, (tuple, range)) else iterations
        parameters.check(iterations=iterations, widths=widths, loudness=loudness)
        self.iterations, self.loudness = sorted(set(iterations)), loudness

    def _check_labels(self):
        if self.source.prediction != "candidates" or self.source.asks_first_block:
            raise ValueError(
                f"source={type(self.source).__name__}: expected one with labels to try that asks "
                "for no first block, such as ff.LabelInImage(10)"
            )
        if any(block.num_classes for block in self.blocks):
            raise ValueError(
                "blocks with ff.ClassChannels: expected a goodness of all their units"
            )

    def _block(self, i, block):
        if isinstance(block, keras.Layer) and not isinstance(block, RecurrentDense):
            raise ValueError(f"{block.name}: expected widths or blocks of ff.RecurrentDense")
        return block if isinstance(block, keras.Layer) else RecurrentDense(block)

    def build(self, input_shape):
        if not self.source.built:  # it is when it was loaded from a file
            self.source.build(input_shape)
        sizes = [int(np.prod(input_shape[1:])), *(b.units for b in self.blocks), self.num_classes]
        for block, below, above in zip(self.blocks, sizes, sizes[2:]):
            if not block.built:
                block.build(((None, None, below), (None, None, above)))

    def forward(self, visit, inputs, labels=None, count=None):
        """The way through the blocks and the iterations; see `ForwardForward.forward`.

        `visit` is called as `visit(block, neighbours)` in the iterations that count, each block
        in turn; it gives the block's activities.
        """
        images = normalize(ops.reshape(inputs, (-1, 1, int(np.prod(inputs.shape[1:])))))
        product = share = self.blocks[0].from_below(images)  # for all iterations and labels
        states = [self.blocks[0].asked(share)]
        for block in self.blocks[1:]:
            share = block.from_below(normalize(states[-1]))
            states.append(block.asked(share))
        if callable(labels):
            labels = labels(self._beliefs(share, states[-1]))
        bottom, top = (images, product), self._label(labels)
        for t in range(1, self.iterations[-1] + 1):
            step = visit if t in self.iterations else _pass
            around = [bottom, *map(normalize, states), top]
            states = [
                step(block, Neighbours(below, above, old))
                for block, below, above, old in zip(self.blocks, around, around[2:], states)
            ]
        return states[-1]

    def _label(self, strengths):
        # Mean square 1 for a one-hot, as all that is normalised, times the loudness.
        return self.loudness * self.num_classes**0.5 * ops.cast(strengths, self.compute_dtype)

    def _beliefs(self, share, old):
        """The top block's goodness for every label in the first iteration, `(n, num_classes)`."""
        top = self.blocks[-1]

        def judge(label):  # one after the other: all at once would be large
            return top.goodness(top.damped(share, label, old))[:, 0]

        every = ops.map(judge, top.from_above(self._label(ops.eye(self.num_classes))))
        return ops.stop_gradient(ops.transpose(every))  # a choice has no gradient

    def by_iteration(self, inputs, labels=None):
        """The goodness of every stream in each block, a list for each iteration that counts."""
        visits, blocks = super().judged(inputs, labels), len(self.blocks)
        return [visits[i : i + blocks] for i in range(0, len(visits), blocks)]

    def judged(self, inputs, labels=None):
        over_time = zip(*self.by_iteration(inputs, labels))
        return [sum(of_block) / len(of_block) for of_block in over_time]

    def voting(self, by_block):
        return by_block[-len(self.blocks) :]  # of activities, those of the last iteration

    def get_config(self):
        config = {k: v for k, v in super().get_config().items() if k != "silent_blocks"}
        return {**config, "iterations": list(self.iterations), "loudness": self.loudness}


def _pass(block, neighbours):
    return block(neighbours)
