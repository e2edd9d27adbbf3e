"""Blocks: Keras layers with a goodness of their own, and the one way to read a label."""

import math

import keras
import numpy as np
from keras import ops

from . import parameters
from .draws import Draws, KeepsDraws
from .goodness import ClassChannels, get, identifier, mean_square
from .hardware import check_precision
from .labels import Label


class HasGoodness:
    """For layers that are told their goodness when they are made, and are saved with it."""

    def __setattr__(self, name, value):
        if name == "goodness":  # it would be lost on saving
            raise AttributeError("a block is told its goodness first: ff.Dense(500, goodness=…)")
        super().__setattr__(name, value)


class Block(HasGoodness, KeepsDraws, keras.layers.Layer):
    """`activation(product(normalised(h)) + bias)`, and its goodness: what all blocks share.

    A kind of block has `product`, which is linear, and `normalized_product`. Its `build` also makes
    `self.bias`, which `activated` adds.

    Args:
        units: the last axis of the output.
        activation: a Keras activation.
        goodness: see `goodness.get`, saved with the block.
        dropout: fraction of the units that are silent in training (Srivastava et al. 2014),
            others for every image, but the same ones for its streams, which are compared.

    Raises:
        ValueError: `units` is not a positive integer, `dropout` is not from 0 to below 1, or an
            unknown goodness.
    """

    axes = 1  # the last ones of an array that hold a block's units
    any_size = False  # whether it takes pictures of another size than it was built for

    def __init__(self, units, *, activation="relu", goodness="mean_square", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        parameters.check(units=units, dropout=dropout)
        self.units, self.dropout = int(units), dropout
        self.activation = keras.activations.get(activation)
        self.kind = get(goodness)
        if isinstance(self.kind, ClassChannels):
            self.kind.check(self.units)
        self.draws = Draws()

    @property
    def num_classes(self):
        """How many classes have channels of their own here; None without such channels."""
        return getattr(self.kind, "num_classes", None)

    def check_reads(self):
        """Refuse to read labels, where a block cannot: `ValueError`."""
        if self.num_classes:
            raise ValueError(
                f"block={self!r}: expected one that reads labels, this one's channels belong to classes"
            )

    def call(self, h, training=False):
        z = self.normalized_product(self.product(h), None, self.energy(h))
        return self.activated(z, training)

    def product(self, h):
        """The linear part, without bias: `(..., *input)` to `(..., *units)`."""
        raise NotImplementedError

    def product_of(self, pictures):
        """`product` of inputs that are known beforehand, such as labels: an array."""
        return self.product(ops.cast(pictures, self.compute_dtype))

    def normalized_product(self, z, mean, energy):
        """What `z`, a product, would be for normalised inputs.

        Args:
            z: `(..., *units)`.
            mean, energy: mean and mean square of the inputs, float32 `(...)`.
        """
        raise NotImplementedError

    def activated(self, z, training=False):
        """Activities, from products: bias, activation, dropout."""
        return self.drop(self.activation(z + self.bias), training)

    def mean(self, h):
        """The mean of an input, float32 `(...)`."""
        return ops.mean(ops.cast(self._flat(h), "float32"), axis=-1)

    def energy(self, h):
        """The mean square of an input, float32 `(...)`."""
        return mean_square(self._flat(h))

    def _flat(self, h):
        if self.axes == 1:
            return h
        return ops.reshape(h, (*ops.shape(h)[: -self.axes], int(np.prod(h.shape[-self.axes :]))))

    def drop(self, h, training):
        """`h` with a part of its units silent in training."""
        if not (training and self.dropout):
            return h
        # A number for each image and one for each unit; modulo 1 their sums are independent within
        # an image and within a unit. Drawing as many as there are sums takes longer than the step.
        ones = [1] * (len(h.shape) - 1)
        of_image = keras.random.uniform((ops.shape(h)[0], *ones), dtype="float32", seed=self.draws)
        of_unit = keras.random.uniform(h.shape[-self.axes :], dtype="float32", seed=self.draws)
        total = of_image + of_unit
        kept = ops.cast(total - ops.floor(total) >= self.dropout, h.dtype)
        return h * kept / (1 - self.dropout)

    def goodness(self, h):
        """Goodness of activities `(n, streams, *units)`: float32 `(n, streams)`.

        With `ClassChannels`, of activities `(n, *units)`: float32 `(n, num_classes)`.
        """
        if isinstance(self.kind, ClassChannels):
            return self.kind(h)
        flat = self._flat(h)
        goodness = self.kind(flat)
        one_each, found = tuple(flat.shape[:-1]), tuple(goodness.shape)
        if len(found) != len(one_each) or any(
            a != b for a, b in zip(found, one_each) if None not in (a, b)
        ):
            raise ValueError(
                f"goodness={getattr(self.kind, '__name__', self.kind)} of activities "
                f"{tuple(flat.shape)} has the shape {found}: expected {one_each}, as of a mean "
                "over axis=-1"
            )
        return goodness

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "goodness": identifier(self.kind),
            "dropout": self.dropout,
        }


@keras.saving.register_keras_serializable(package="ffhelpers")
class Dense(Block):
    """`activation(h · W + b)`, with the mean of squares as its goodness.

    Args:
        units, activation, goodness, dropout: as for `Block`.
        normalized: scale the input to mean square 1 (see `goodness.normalize`). Without it a
            layer can copy the goodness of the one before.

    Input float `(n, ..., d)`, output `(n, ..., units)`. A picture is read as a vector: those axes
    whose sizes `build` was told. That of the streams is None there.

    Raises:
        ValueError: as `Block`.

    Example:
        `ff.Dense(500, dropout=0.1)`
    """

    def __init__(self, units, *, normalized=True, **kwargs):
        super().__init__(units, **kwargs)
        parameters.check(normalized=normalized)
        self.normalized = normalized

    def build(self, input_shape):
        self.sizes = _sizes(input_shape)
        shape = (int(np.prod(self.sizes)), self.units)
        self.kernel = self.add_weight(shape, "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def compute_output_shape(self, input_shape):
        return (*input_shape[: -len(_sizes(input_shape))], self.units)

    def call(self, h, training=False):
        if len(self.sizes) > 1:
            h = ops.reshape(h, (-1, *h.shape[1 : -len(self.sizes)], self.kernel.shape[0]))
        return super().call(h, training)

    def product(self, h):
        return flat_product(h, self.kernel)

    def product_of(self, pictures):
        used = np.flatnonzero(pictures.any(axis=0))
        if len(used) == pictures.shape[1]:
            return super().product_of(pictures)
        # A label is a few pixels: their rows alone, where all would be a twentieth of the step.
        rows = ops.cast(ops.take(self.kernel, used, axis=0), self.compute_dtype)
        return ops.matmul(ops.cast(pictures[:, used], self.compute_dtype), rows)

    def normalized_product(self, z, mean, energy):
        if not self.normalized:
            return z
        # What scales the input scales the product. A million, which a silent input gets, is
        # infinite in float16.
        scale = ops.rsqrt(energy + 1e-12)
        scale = ops.reshape(scale, (*ops.shape(scale), *[1] * self.axes))
        return ops.cast(ops.cast(z, "float32") * scale, z.dtype)

    def get_config(self):
        return {**super().get_config(), "normalized": self.normalized}


def flat_product(h, kernel):
    """One matrix product for all streams: a batched one would be slower."""
    z = ops.matmul(ops.reshape(h, (-1, h.shape[-1])), kernel)
    return ops.reshape(z, (-1, *h.shape[1:-1], kernel.shape[-1]))


def _sizes(shape):
    """The sizes of one input in a shape such as `(None, streams or nothing, h, w, channels)`."""
    return tuple(size for size in shape[1:] if size is not None)


@keras.saving.register_keras_serializable(package="ffhelpers")
class Labelled(HasGoodness, keras.layers.Layer):
    """A block that reads a label in its images: the first one of a network.

    It gives what the block gives for images with a label written into them, for many labels at
    the price of one, because an image with its label is the image (without what the label
    clears) plus what the label adds, and a block's product is linear:

        product(image + label) = product(image) + product(label).

    One large product with the image serves all labels. So does the length of the edited image:
    `|x + w|² = |x|² + 2 x·w + |w|²`.

    Args:
        block: a `Block`. Its dropout also takes pixels of the image, but never the label's.
        label: a `Label`, such as `LabelPixels(10)`.

    Called with images, float `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`, and labels as how
    strong each is in each stream, float `(n or 1, streams, num_classes)`, one-hot for one label. A
    function instead of labels receives the goodness of every label, float32 `(n, num_classes)`,
    and picks them. Output `(n, streams, *units)`.

    Raises:
        ValueError: what is no block or no label, a block with a goodness for each class; when
            built, a label that does not fit the images.

    Example:
        `ff.Labelled(ff.Dense(500), ff.LabelPixels(10))`
    """

    def __init__(self, block, label, **kwargs):
        kwargs.setdefault("activity_regularizer", getattr(block, "activity_regularizer", None))
        super().__init__(**kwargs)
        if not isinstance(block, Block):
            raise ValueError(f"block={block!r}: expected a block, such as ff.Dense(500)")
        if not isinstance(label, Label):
            raise ValueError(f"label={label!r}: expected a label, such as ff.LabelPixels(10)")
        block.check_reads()
        check_precision(block)
        self.block, self.label, self.num_classes = block, label, label.num_classes
        self.axes, self.any_size = block.axes, False

    @property
    def trainable(self):
        """Whether it learns: what learns is its block."""
        return keras.layers.Layer.trainable.fget(self) and self.block.trainable

    @trainable.setter
    def trainable(self, value):
        keras.layers.Layer.trainable.fset(self, value)

    def build(self, images_shape):
        image_shape = tuple(images_shape[1:])
        shape = self._shape(image_shape)
        self.added = int(np.prod(shape) - np.prod(image_shape))  # columns that vectors get
        self.kept = self.label.kept(image_shape).reshape(shape)
        self.written = self.label.written(image_shape).reshape(-1, *shape)
        if not self.block.built:  # it is when it was loaded from a file
            self.block.build((None, *shape))
        flat = self.written.reshape(self.num_classes, -1)
        size = flat.shape[1]
        self.means = flat.mean(axis=1)  # of each label
        self.overlap = (flat * self.kept.reshape(-1)).T / size  # from x to x·w / size
        self.energies = flat @ flat.T / size  # w·w' / size, of each two labels

    def compute_output_shape(self, images_shape, labels_shape=(None, None, None)):
        shape = self._shape(tuple(images_shape[1:]))
        units = self.block.compute_output_shape((None, *shape))[1:]
        return (images_shape[0], labels_shape[1], *units)

    def _shape(self, image_shape):
        """Of an image with its label, as the block takes it."""
        shape = self.label.shape(image_shape)
        return (int(np.prod(shape)),) if self.block.axes == 1 else shape

    def call(self, images, labels, training=False):
        x = self._cleared(images)
        x = self.block.drop(x, training)
        of_image = self.block.product(x)[:, None]
        of_labels = self.block.product_of(self.written)
        mean, energy = self.block.mean(x)[:, None], self.block.energy(x)[:, None]
        overlap = None
        if self.overlap.any():  # not where the label's pixels are its own
            flat = ops.reshape(x, (-1, len(self.overlap)))
            overlap = ops.matmul(ops.cast(flat, "float32"), self.overlap)[:, None]

        def activities(labels, training=False):
            strengths = ops.cast(labels, "float32")
            z = of_image + ops.tensordot(ops.cast(labels, self.compute_dtype), of_labels, 1)
            # |x + w|² = |x|² + w·(w + 2x), all of them over the number of pixels
            added = ops.matmul(strengths, self.energies)
            added = added if overlap is None else added + 2 * overlap
            edited = energy + ops.sum(strengths * added, axis=-1)
            edited_mean = mean + ops.matmul(strengths, self.means)
            z = self.block.normalized_product(z, edited_mean, edited)
            return self.block.activated(z, training)

        return activities(self._picked(labels, activities), training)

    def _cleared(self, images):
        images = ops.cast(images, self.compute_dtype)
        if self.added:
            images = ops.pad(images, ((0, 0), (0, self.added)))
        x = ops.reshape(images, (-1, *self.kept.shape))
        return x if self.kept.all() else x * ops.cast(self.kept, x.dtype)

    def _picked(self, labels, activities):
        """The labels, or those that a function picks by the goodness of every label."""
        if not callable(labels):
            return labels
        # One label after the other: all at once would be the largest thing in memory.
        one_hot = ops.eye(self.num_classes)[:, None, None]
        every = ops.map(lambda label: self.goodness(activities(label))[:, 0], one_hot)
        return labels(ops.stop_gradient(ops.transpose(every)))  # a choice has no gradient

    def covered(self, images):
        """The share of images, an array, that hold something where the label clears them."""
        cleared = np.flatnonzero(self.kept.reshape(-1) == 0)
        pixels = np.reshape(images, (len(images), -1))
        cleared = cleared[cleared < pixels.shape[1]]  # but for columns that vectors get
        return float(np.any(pixels[:, cleared] != 0, axis=1).mean())

    def goodness(self, h):
        """The block's goodness of its activities: float32 `(n, streams)`."""
        return self.block.goodness(h)

    def get_config(self):
        parts = keras.saving.serialize_keras_object({"block": self.block, "label": self.label})
        own = keras.layers.Layer.trainable.fget(self)  # what is the block's it says itself
        return {**super().get_config(), "trainable": own, **parts}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def check_size(block, shape):
    """Refuse a block that was built for inputs of another size, as in another network."""
    before = (block.get_build_config() or {}).get("input_shape", shape)
    kept = (_sizes(each)[-1:] if block.any_size else _sizes(each) for each in (before, shape))
    if len(set(map(math.prod, kept))) > 1:
        raise ValueError(
            f"{block.name} was built for inputs of shape {_sizes(before)} and gets {_sizes(shape)}: "
            "expected these, or a block that is not built yet"
        )


def check_parts(source, blocks, num_classes):
    """Refuse a block that has two places in a network, or parts with other classes than it has."""
    own = [getattr(block, "block", block) for block in blocks]  # without their labels
    if twice := [block.name for i, block in enumerate(own) if block in own[:i]]:
        raise ValueError(f"{twice[0]} is there twice: expected a block of its own in each place")
    for part in (source, *blocks):
        if part.num_classes not in (None, num_classes):
            raise ValueError(
                f"{part.name} has {part.num_classes} classes: expected {num_classes}, as the "
                "network has"
            )


def check_reading(source, blocks):
    """Refuse blocks that do not read labels, or judge classes, as a source's streams ask for.

    Raises:
        ValueError: it says which blocks should.
    """
    name, count = type(source).__name__, len(blocks)
    reads = [isinstance(block, Labelled) for block in blocks]
    if reads != [source.prediction == "candidates"] + [False] * (count - 1):
        raise ValueError(
            f"{name} with {reads.count(True)} of {count} blocks in ff.Labelled: expected the first "
            "one where there are labels to try, else none"
        )
    judges = [not labels and bool(block.num_classes) for labels, block in zip(reads, blocks)]
    if judges != [source.prediction == "classes"] * count:
        raise ValueError(
            f"{name} with {judges.count(True)} of {count} blocks of ff.ClassChannels: expected "
            "all of them where each class is a stream, as in ff.Images, else none"
        )
