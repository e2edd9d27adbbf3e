"""Local receptive fields: units that see a part of the picture each, with weights of their own."""

import keras
import numpy as np
from keras import ops

from .goodness import goodness, inverse_length
from .layers import Dense, ReadsLabels
from .negatives import label_patterns


@keras.saving.register_keras_serializable(package="ffhelpers")
class Local(Dense):
    """A convolution whose weights are not shared: each position of the picture has its own.

    It computes `activation(W[position] · normalised(h)[field] + b[position])` for a grid of square
    or oblong fields, with the mean of the squares of all its activities as its goodness. Keras 2
    had it without normalisation and goodness, as `LocallyConnected2D`. Hinton 2022 has such
    layers.

    Args:
        units: units that see the same field, the channels of the output.
        kernel_size: height and width of a field in pixels, one number or two.
        strides: pixels from a field to the next, one number or two. Nothing is padded: what is
            left over at the right and at the bottom is not seen.
        activation, normalized, dropout: as for `Dense`; the input's length is that of the whole
            picture.

    Input float `(..., h, w, channels)`, output
    `(..., (h - kernel_size) // strides + 1, (w - kernel_size) // strides + 1, units)`.

    Raises:
        ValueError: as `Dense`; a bad `kernel_size` or `strides`; when built, pictures that are flat
            or smaller than a field.
    """

    axes = 3

    def __init__(self, units, kernel_size, strides=1, **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_size, self.strides = (
            _pair("kernel_size", kernel_size),
            _pair("strides", strides),
        )

    def build(self, input_shape):
        self.grid = self._grid(input_shape)
        positions = int(np.prod(self.grid))
        fan_in = int(np.prod(self.kernel_size)) * input_shape[-1]
        # As many products as positions: Keras would count them in, and start with small weights.
        reach = (6 / (fan_in + self.units)) ** 0.5
        self.kernel = self.add_weight(
            (positions, fan_in, self.units),
            keras.initializers.RandomUniform(-reach, reach),
            name="kernel",
        )
        self.bias = self.add_weight((*self.grid, self.units), "zeros", name="bias")

    def _grid(self, shape):
        """Fields from top to bottom, and from left to right."""
        if len(shape) < 4 or any(np.less(shape[-3:-1], self.kernel_size)):
            raise ValueError(
                f"pictures of shape {tuple(shape[1:])}: expected (h, w, channels), at least "
                f"{self.kernel_size[0]} by {self.kernel_size[1]} pixels"
            )
        sizes = zip(shape[-3:-1], self.kernel_size, self.strides)
        return tuple((size - field) // stride + 1 for size, field, stride in sizes)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], *self._grid(input_shape), self.units)

    def call(self, h, training=False):
        z = self._product(h)
        if self.normalized:  # what scales the input scales the product
            z = z * ops.cast(inverse_length(_flat(h))[..., None, None], z.dtype)
        return self._drop(self.activation(z + self.bias), training)

    def _product(self, h):
        *_, height, width, channels = h.shape
        flat = ops.reshape(h, (-1, height, width, channels))
        # Fields first: a product for each, and all of them are one batched product.
        fields = [ops.reshape(field, (-1, self.kernel.shape[1])) for field in self._fields(flat)]
        z = ops.transpose(ops.matmul(ops.stack(fields), self.kernel), (1, 0, 2))
        return ops.reshape(z, (-1, *h.shape[1:-3], *self.grid, self.units))

    def _fields(self, h):
        (height, width), (down, right) = self.kernel_size, self.strides
        for top in range(0, self.grid[0] * down, down):
            for left in range(0, self.grid[1] * right, right):
                yield h[:, top : top + height, left : left + width]

    def goodness(self, h):
        """Goodness of activities `(n, streams, h, w, units)`: float32 `(n, streams)`."""
        return goodness(_flat(h))

    def get_config(self):
        own = {name: getattr(self, name) for name in ("kernel_size", "strides")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelledLocal(ReadsLabels, Local):
    """The first layer of a network with local receptive fields that reads the label in the picture.

    The label is a pattern laid over the whole picture, where every field sees it. As in
    `LabelledDense` one product with the picture serves all labels:

        W · (picture + brightness · pattern) = W · picture + brightness · W · pattern.

    Args:
        units, kernel_size, strides, activation, normalized, dropout: as for `Local`; of the
            picture's pixels the same fraction is dropped too, but never the label's.
        num_classes: number of classes.
        patterns: see `label_patterns`.
        brightness: of the patterns.

    Called with images, float or uint8 `(n, h, w)` or `(n, h, w, channels)`, and labels as for
    `LabelledDense`: how much of each pattern is laid over, float `(n or 1, streams, num_classes)`,
    or a function that picks them. Output `(n, streams, h, w, units)`.

    Raises:
        ValueError: as `Local`; when built, as `label_patterns`; when called, images of another
            shape.
    """

    def __init__(
        self,
        units,
        num_classes,
        kernel_size,
        strides=1,
        patterns="waves",
        brightness=1.0,
        **kwargs,
    ):
        super().__init__(units, kernel_size, strides, **kwargs)
        self.num_classes, self.patterns, self.brightness = num_classes, patterns, brightness

    def build(self, images_shape):
        self.image_shape = tuple(images_shape[1:])
        channels = self.image_shape[2] if len(self.image_shape) == 3 else 1
        super().build((None, *self.image_shape[:2], channels))
        written = label_patterns(self.image_shape, self.num_classes, self.patterns)
        written = np.repeat(written[..., None], channels, axis=-1) * np.float32(self.brightness)
        self.written = written  # what a label adds to the picture
        flat = written.reshape(self.num_classes, -1)
        self.overlap = flat.T / flat.shape[1]
        self.energies = flat @ self.overlap

    def compute_output_shape(self, images_shape, labels_shape=(None, None, None)):
        streams = (images_shape[0], labels_shape[1])
        return (*streams, *self._grid((*images_shape[:3], 1)), self.units)

    def call(self, images, labels, training=False):
        x = ops.reshape(self._checked(images), (-1, *self.written.shape[1:]))
        x = self._drop(x, training)
        of_image = self._product(x)[:, None]
        of_labels = self._product(ops.cast(self.written, x.dtype))
        # The length of their sum, |x + w|² = |x|² + 2 x·w + |w|², as means over the pixels.
        energy = goodness(_flat(x))[:, None]
        overlap = ops.matmul(ops.cast(_flat(x), "float32"), self.overlap)[:, None]

        def activities(labels):
            z = of_image + ops.tensordot(ops.cast(labels, self.compute_dtype), of_labels, 1)
            if self.normalized:
                wide = ops.cast(labels, "float32")
                energies = ops.sum(wide * (2 * overlap + ops.matmul(wide, self.energies)), axis=-1)
                scales = ops.rsqrt(energy + energies + 1e-12)[..., None, None, None]
                z = z * ops.cast(scales, z.dtype)
            return self.activation(z + self.bias)

        return self._drop(activities(self._picked(labels, activities)), training)

    def get_config(self):
        own = ("num_classes", "patterns", "brightness")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _flat(h):
    return ops.reshape(h, (*ops.shape(h)[:-3], int(np.prod(h.shape[-3:]))))


def _pair(name, value):
    """One or two whole numbers as two."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in pair):
        raise ValueError(f"{name}={value!r}: expected a whole number of pixels from 1, or two")
    return pair
