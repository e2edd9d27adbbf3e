"""Convolutional blocks, in which every class may have channels of its own."""

import keras
import numpy as np
from keras import ops

from . import parameters
from .layers import Block


@keras.saving.register_keras_serializable(package="ffhelpers")
class Conv(Block):
    """Normalise, convolve, pool, rectify.

    With `goodness=ClassChannels(10)` each class has channels of its own, and their goodness. Such
    blocks learn by a softmax over the goodness of the classes, in CwComp (Papachristodoulou et al.
    2024) of squares, in DeeperForward (Sun et al. 2025) of plain activities.

    Args:
        units: channels.
        kernel_size: height and width of the filters in pixels, one number or two; zeros surround
            the image.
        pool: of each square of `pool × pool` activities the largest is passed on.
        activation: a Keras activation that never falls, such as `"relu"`.
        normalization: of the input: `"layer"`, each image to mean 0 and variance 1; `"rms"`, each
            image to mean square 1; `"batch"`, each channel to mean 0 and variance 1 over the
            batch, in predictions over the batches of training; `"none"`.
        goodness, dropout: as for `Block`.

    Input float `(..., h, w, channels)`, output `(..., h // pool, w // pool, units)`.

    Raises:
        ValueError: as `Block`, an unknown `normalization`; when built, images that are flat or
            smaller than `pool`.

    Example:
        `ff.Conv(40, pool=2, goodness=ff.ClassChannels(10))`
    """

    axes = 3
    any_size = True

    def __init__(self, units, kernel_size=3, *, pool=1, normalization="layer", **kwargs):
        super().__init__(units, **kwargs)
        parameters.check(kernel_size=kernel_size, pool=pool, normalization=normalization)
        self.kernel_size, self.pool, self.normalization = kernel_size, pool, normalization
        if normalization == "batch":
            plain = {"center": False, "scale": False}  # the filters can do both
            self.over_batches = keras.layers.BatchNormalization(momentum=0.9, **plain)

    def build(self, input_shape):
        if len(input_shape) < 4 or min(input_shape[-3:-1]) < self.pool:
            raise ValueError(
                f"images of shape {tuple(input_shape[1:])}: expected (h, w) or (h, w, channels), "
                f"at least {self.pool} pixels each way"
            )
        size = np.broadcast_to(self.kernel_size, 2).tolist()
        self.kernel = self.add_weight(
            (*size, input_shape[-1], self.units), "glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        if self.normalization == "batch":
            self.over_batches.build((None, *input_shape[-3:]))

    def check_reads(self):
        super().check_reads()
        if self.normalization == "batch":
            raise ValueError(
                "normalization='batch': expected layer, rms or none in a block that reads labels, "
                "whose images differ by their labels alone"
            )

    def compute_output_shape(self, input_shape):
        height, width = (size // self.pool for size in input_shape[-3:-1])
        return (*input_shape[:-3], height, width, self.units)

    def call(self, h, training=False):
        return self.activated(self.product(self.normalized(h, training)), training)

    def normalized(self, h, training=False):
        """The input, each image or each channel on its own scale."""
        if self.normalization == "none":
            return h
        if self.normalization == "batch":
            return self.over_batches(h, training=training)
        wide = ops.cast(h, "float32")
        if self.normalization == "layer":
            wide = wide - ops.mean(wide, axis=(-3, -2, -1), keepdims=True)
        energy = ops.mean(ops.square(wide), axis=(-3, -2, -1), keepdims=True)
        return ops.cast(wide * ops.rsqrt(energy + 1e-6), h.dtype)

    def product(self, h):
        z = ops.conv(
            ops.reshape(h, (-1, *h.shape[-3:])),
            self.kernel,
            padding="same",
            data_format="channels_last",
        )
        return ops.reshape(z, (-1, *h.shape[1:-1], self.units))

    def normalized_product(self, z, mean, energy):
        if self.normalization == "none":
            return z
        if self.normalization == "layer":
            # What is taken away from the pixels takes as much of their product away.
            ones = ops.ones((1, *z.shape[-3:-1], self.kernel.shape[2]), self.compute_dtype)
            z = z - ops.cast(mean[..., None, None, None], z.dtype) * self.product(ones)
            energy = energy - ops.square(mean)
        return z * ops.cast(ops.rsqrt(energy + 1e-6)[..., None, None, None], z.dtype)

    def activated(self, z, training=False):
        # What never falls may come after the maximum, where there is less to do.
        return self.drop(self.activation(self._pooled(z + self.bias)), training)

    def _pooled(self, z):
        if self.pool == 1:
            return z
        # On a CPU the gradient of this maximum takes XLA a tenth of what ops.max_pool's takes.
        height, width = (size // self.pool for size in z.shape[-3:-1])
        z = z[..., : height * self.pool, : width * self.pool, :]
        squares = (-1, height, self.pool, width, self.pool, self.units)
        pooled = ops.max(ops.reshape(z, squares), axis=(2, 4))
        return ops.reshape(pooled, (-1, *z.shape[1:-3], height, width, self.units))

    def get_config(self):
        own = ("kernel_size", "pool", "normalization")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
