"""Local receptive fields: units that see a part of the picture each, with weights of their own."""

import keras
import numpy as np
from keras import ops

from . import parameters
from .layers import Block, Dense


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
        activation, goodness, normalized, dropout: as for `Dense`; the input's length is that of
            the whole picture.

    Input float `(..., h, w, channels)`, output
    `(..., (h - kernel_size) // strides + 1, (w - kernel_size) // strides + 1, units)`.

    Raises:
        ValueError: as `Dense`; a bad `kernel_size` or `strides`; when built, pictures that are
            flat or smaller than a field.
    """

    axes = 3

    def __init__(self, units, kernel_size, strides=1, **kwargs):
        super().__init__(units, **kwargs)
        parameters.check(kernel_size=kernel_size, strides=strides)
        both = (kernel_size, strides)
        self.kernel_size, self.strides = (tuple(np.broadcast_to(n, 2).tolist()) for n in both)

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

    # A picture stays one here, and a pattern is everywhere.
    call, product_of = Block.call, Block.product_of

    def product(self, h):
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

    def get_config(self):
        own = {name: getattr(self, name) for name in ("kernel_size", "strides")}
        return {**super().get_config(), **own}
