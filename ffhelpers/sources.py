"""Sources: what a network learns from, batch by batch, as streams with signs.

A source is handed what `fit` was given and says what enters the first block. The rest of the
network, and the training step, are the same for all of them.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import parameters
from .arrays import codes
from .draws import Draws, KeepsDraws
from .goodness import inverse_length, normalize
from .inputs import check_shape
from .labels import check_labels, scaled
from .negatives import hard_labels, uniform_labels


class Streams(NamedTuple):
    """What enters the first block in a training step.

    Attributes:
        inputs: float `(n, …)`, as the source's `compute_output_shape` says.
        labels: for a first block that reads labels (`Labelled`): how strong each label is in each
            stream, float `(n or 1, streams, num_classes)`; or a function that gives them for the
            goodness of every label, float32 `(n, num_classes)`, which that block knows at no cost.
            None for other blocks.
        signs: +1 for a positive stream, -1 for a negative one, 0 for one that does not count,
            float `(n or 1, streams)`.
        weight: of each image's loss, float `(n,)`, or None.
    """

    inputs: Any
    labels: Any
    signs: Any
    weight: Any


class Source(KeepsDraws, keras.layers.Layer):
    """What all sources have in common; a new one needs `training` and what it says of itself.

    Attributes:
        num_classes: how many classes it knows; None without labels.
        takes_labels: whether `fit` needs labels, or what stands in their place, as `y`.
        asks_first_block: whether `training` needs the network's first block on its own.
        prediction: `"candidates"` where every label has to be tried, `"classes"` where the blocks
            judge all classes at once, None where no label can be predicted from goodness.

    Args:
        seed: of the draws; their state is saved with the network.
    """

    num_classes, takes_labels, asks_first_block, prediction = None, True, False, None

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        if seed is not None:
            parameters.check(seed=seed)
            seed = int(seed)
        self.seed, self.draws = seed, Draws(seed)

    def build(self, image_shape):
        given = isinstance(image_shape, (tuple, list)) and len(image_shape) > 1
        if not given or None in image_shape[1:]:
            raise ValueError(
                f"build of a network for {image_shape}: expected images of one size, as in "
                "(None, 28, 28)"
            )
        self.image_shape = tuple(image_shape[1:])

    def compute_output_shape(self, image_shape):
        """The shape of what enters the first block, `(None, …)`."""
        return tuple(image_shape)

    @property
    def weighed(self):
        """How many classes `class_weight` can weigh; None where an image has not one label."""
        return self.num_classes

    def check(self, labels):
        """Refuse labels that `training` cannot take, with a `ValueError`."""
        check_labels(labels, self.num_classes)

    def images(self, x):
        """A batch of images as the first block takes them: floats, in the shape of training."""
        if self.built:
            # Pictures come with and without their one channel.
            if getattr(x.shape, "rank", 0) is not None:
                check_shape(x.shape, self.image_shape)
            x = ops.reshape(x, (-1, *self.image_shape))
        return x if keras.backend.is_float_dtype(x.dtype) else scaled(x, self.compute_dtype)

    def training(self, x, y, weight=None, network=None):
        """`Streams` for a batch.

        Args:
            x, y, weight: a batch as `fit` takes it; `y` and `weight` may be None.
            network: the `ForwardForward` that learns. A source may ask for its first block, its
                `neutral_activities`, its `loss` and its `optimizer`.
        """
        raise NotImplementedError

    def judging(self, x, y, weight=None, network=None):
        """`Streams` by which `evaluate` judges a network that cannot predict, as `training`."""
        return self.training(x, y, weight, network)

    def candidates(self, x):
        """Inputs and labels of the first block that try every label."""
        raise ValueError(
            f"{type(self).__name__} knows no labels to try: expected one that does, or read the "
            "network with ff.OnePass"
        )

    def neutral(self, x):
        """Inputs and labels of the first block for one pass that favours no label."""
        return self.images(x), None

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelInImage(Source):
    """Each image under its true label and under wrong ones, for a first block that reads labels.

    Args:
        num_classes: number of classes, at least 2.
        negatives: `"hard"` (see `hard_labels`) or `"uniform"` (see `uniform_labels`), drawn for
            every batch.
        hardness: see `hard_labels`.
        count: different wrong labels of each image in a batch, a stream each.
        seed: of the draws, as for `Source`.

    Raises:
        ValueError: `num_classes` below 2, unknown `negatives`, or a `count` of wrong labels that
            there are not.
    """

    prediction = "candidates"

    def __init__(self, num_classes, negatives="hard", hardness=10.0, count=1, **kwargs):
        super().__init__(**kwargs)
        parameters.check(num_classes=num_classes, negatives=negatives, hardness=hardness)
        if count not in range(1, num_classes) or isinstance(count, bool):
            raise ValueError(f"count={count!r}: expected 1 to {num_classes - 1}")
        self.num_classes, self.negatives = int(num_classes), negatives
        self.hardness, self.count = hardness, count

    def training(self, x, y, weight=None, network=None):
        true = ops.cast(ops.reshape(y, (-1,)), "int32")

        def labels(goodness):
            return self._one_hot(true, self.wrong(true, goodness))

        return Streams(self.images(x), labels, self._signs(self.count), weight)

    def wrong(self, true, goodness):
        """Wrong labels, int32 `(n, count)`, by the goodness of every label."""
        if self.negatives == "uniform" and self.count == 1:
            return uniform_labels(true, self.num_classes, self.draws)[:, None]
        hardness = self.hardness if self.negatives == "hard" else 0.0
        return hard_labels(true, goodness, hardness, self.draws, self.count)

    def _one_hot(self, true, wrong):
        return ops.one_hot(ops.concatenate([true[:, None], wrong], axis=1), self.num_classes)

    def _signs(self, count):
        return ops.convert_to_tensor([[1.0, *[-1.0] * count]])

    def candidates(self, x):
        return self.images(x), ops.eye(self.num_classes)[None]

    def neutral(self, x):
        """One stream, in which every label is equally strong: `1 / num_classes`."""
        return self.images(x), ops.full((1, 1, self.num_classes), 1 / self.num_classes)

    def get_config(self):
        own = ("num_classes", "negatives", "hardness", "count")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable(package="ffhelpers")
class GivenLabels(LabelInImage):
    """Each image under its true label and a wrong one that `fit` is given beside it.

    `fit` takes labels int `(n, 2)`: the true one of each image and a wrong one.

    Args:
        num_classes: as for `LabelInImage`.
    """

    weighed = None

    def __init__(self, num_classes, **kwargs):
        super().__init__(num_classes, **kwargs)

    def check(self, labels):
        if np.shape(labels)[1:] != (2,):
            raise ValueError(
                f"labels of shape {np.shape(labels)}: expected (n, 2): true and wrong label"
            )
        codes("labels", labels, self.num_classes, ...)

    def training(self, x, y, weight=None, network=None):
        pairs = ops.cast(ops.reshape(y, (-1, 2)), "int32")
        labels = ops.one_hot(pairs, self.num_classes)
        return Streams(self.images(x), labels, self._signs(1), weight)

    def get_config(self):
        config = super().get_config()
        return {k: v for k, v in config.items() if k not in ("negatives", "hardness", "count")}


class Pictures(Source):
    """A source whose images enter the first block as they are, pictures with an axis of channels.

    That is float `(n, h, w, channels)`, or `(n, d)`.
    """

    def compute_output_shape(self, image_shape):
        return (*image_shape, 1) if len(image_shape) == 3 else tuple(image_shape)

    def images(self, x):
        x = super().images(x)
        return x[..., None] if len(x.shape) == 3 else x


@keras.saving.register_keras_serializable(package="ffhelpers")
class Images(Pictures):
    """The images as they are, for blocks that judge all classes at once (`ClassChannels`).

    Each class is a stream then, and the true one is positive.

    Args:
        num_classes: number of classes, at least 2.
    """

    prediction = "classes"

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        parameters.check(num_classes=num_classes)
        self.num_classes = int(num_classes)

    def training(self, x, y, weight=None, network=None):
        true = ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), self.num_classes)
        return Streams(self.images(x), None, 2 * true - 1, weight)

    def candidates(self, x):
        return self.images(x), None

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


class Around(Source):
    """A source around another, whose streams it changes; it predicts as that one does.

    Args:
        source: a `Source`.
    """

    def __init__(self, source, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(source, Source):
            raise ValueError(f"source={source!r}: expected a source, such as ff.LabelInImage(10)")
        self.source = source
        self.num_classes, self.prediction = source.num_classes, source.prediction
        self.takes_labels = source.takes_labels
        self.asks_first_block = self.asks_first_block or source.asks_first_block

    def build(self, image_shape):
        super().build(image_shape)
        if not self.source.built:
            self.source.build(image_shape)

    def compute_output_shape(self, image_shape):
        return self.source.compute_output_shape(image_shape)

    @property
    def weighed(self):
        return self.source.weighed

    def check(self, labels):
        self.source.check(labels)

    def judging(self, x, y, weight=None, network=None):
        return self.source.judging(x, y, weight, network)  # all of them, unchanged

    def candidates(self, x):
        return self.source.candidates(x)

    def neutral(self, x):
        return self.source.neutral(x)

    def get_config(self):
        source = keras.saving.serialize_keras_object(self.source)
        return {**super().get_config(), "source": source}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def first_losses(network, inputs, labels, signs):
    """What a network's first block has to learn of each example, and the labels that it read.

    Args:
        network: a `ForwardForward`.
        inputs, labels, signs: of `Streams`; labels that are a function are picked now, and once.

    Returns:
        Its losses, float `(n,)`, and labels or None.
    """
    block, read, given = network.blocks[0], [labels], {}

    def pick(goodness):
        read[0] = labels(goodness)
        return read[0]

    if labels is not None:
        given = {"labels": pick if callable(labels) else labels}
    return network.loss.call(signs, block.goodness(block(inputs, **given))), read[0]


@keras.saving.register_keras_serializable(package="ffhelpers")
class Hardest(Around):
    """The part of each batch that the first block errs most on, in the batch's order.

    Those with its largest own losses, one image at least: a network that knows most images learns
    from the others (Ordered SGD, Kawaguchi & Lu 2020; Jiang et al. 2019). To find them takes a
    forward pass of one block.

    Args:
        source: a `Source`.
        part: above 0, at most 1.
    """

    asks_first_block = True

    def __init__(self, source, part=0.5, **kwargs):
        super().__init__(source, **kwargs)
        parameters.check(part=part)
        self.part = part

    def training(self, x, y, weight=None, network=None):
        streams = self.source.training(x, y, weight, network)
        losses, labels = first_losses(network, streams.inputs, streams.labels, streams.signs)
        if streams.weight is not None:
            losses *= ops.cast(ops.reshape(streams.weight, (-1,)), losses.dtype)
        count = ops.cast(ops.ceil(self.part * ops.cast(ops.shape(losses)[0], "float32")), "int32")
        rows = ops.sort(ops.top_k(losses, count)[1])

        def chosen(a):
            alike = a is None or a.shape[0] == 1  # for all images
            return a if alike else ops.take(a, rows, axis=0)

        return Streams(*map(chosen, streams._replace(labels=labels)))

    def get_config(self):
        return {**super().get_config(), "part": self.part}


@keras.saving.register_keras_serializable(package="ffhelpers")
class Adversarial(Around):
    """Images moved to where the first block errs more (Goodfellow et al. 2015).

    Each is moved up the gradient of its own loss (along it, as in Miyato et al. 2016, not along
    its signs), which passes through one block only. How far is drawn for each image: any part of
    `reach` times its length.

    Args:
        source: a `Source`.
        reach: how far images are at most moved, in their own lengths, 0 or more.
        seed: of the draws, as for `Source`.
    """

    asks_first_block = True

    def __init__(self, source, reach=0.1, **kwargs):
        super().__init__(source, **kwargs)
        parameters.check(reach=reach)
        self.reach = reach

    def training(self, x, y, weight=None, network=None):
        streams = self.source.training(x, y, weight, network)
        x = ops.cast(streams.inputs, "float32")
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            losses, labels = first_losses(network, x, streams.labels, streams.signs)
            loss = ops.sum(losses)  # not the mean, lest it underflow
        flat, uphill = (
            ops.reshape(a, (-1, int(np.prod(x.shape[1:])))) for a in (x, tape.gradient(loss, x))
        )
        parts = keras.random.uniform((ops.shape(x)[0], 1), dtype="float32", seed=self.draws)
        step = self.reach * parts / inverse_length(flat) * normalize(uphill, 1e-30)
        return streams._replace(inputs=x + ops.reshape(step, ops.shape(x)), labels=labels)

    def get_config(self):
        return {**super().get_config(), "reach": self.reach}
