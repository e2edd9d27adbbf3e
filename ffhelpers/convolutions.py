"""Convolutional blocks in which every class has channels of its own: no negatives are needed."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="ffhelpers")
class Images(keras.layers.Layer):
    """The source of a network whose blocks judge all classes at once: the images, unedited.

    Goodness is then one logit for each class, and the true class is the positive one. What
    enters the first block is float `(n, h, w, channels)`.
    """

    negatives = None

    def training(self, x, y):
        """What enters the first block, and which of its logits is positive."""
        return self._channels_last(x), {}, ops.reshape(ops.cast(y, "int32"), (-1,))

    def candidates(self, x):
        """What enters the first block for prediction."""
        return self._channels_last(x), {}

    def _channels_last(self, x):
        if keras.backend.standardize_dtype(x.dtype) == "uint8":
            x = ops.cast(x, self.compute_dtype) / 255
        return x if len(x.shape) == 4 else x[..., None]


@keras.saving.register_keras_serializable(package="ffhelpers")
class Conv(keras.layers.Layer):
    """Normalise, convolve, pool, rectify. Each class has channels of its own, and their goodness.

    Blocks with such groups learn by a softmax over the goodness of the classes, in CwComp
    (Papachristodoulou et al. 2024) of squares, in DeeperForward (Sun et al. 2025) of plain
    activities.

    Args:
        filters: channels, a multiple of `num_classes`: the first `filters / num_classes` are those
            of class 0, and so on.
        num_classes: number of classes, at least 2.
        kernel_size: height and width of the filters in pixels; zeros surround the image.
        pool: of each square of `pool × pool` activities the largest is passed on.
        activation: a Keras activation that never falls, such as `"relu"`.
        normalization: of the input: `"layer"`, each image to mean 0 and variance 1; `"rms"`, each
            image to mean square 1; `"batch"`, each channel to mean 0 and variance 1 over the
            batch, in predictions over the batches of training; None.
        squares: goodness is the mean of the squares of a class's activities, else their mean.

    Input float `(n, h, w, channels)`, output `(n, h // pool, w // pool, filters)`.

    Raises:
        ValueError: `filters` that are no multiple of `num_classes`, an unknown `normalization`;
            when built, images that are flat or smaller than `pool`.
    """

    normalizations = ("layer", "rms", "batch", None)

    def __init__(
        self,
        filters,
        num_classes,
        kernel_size=3,
        pool=1,
        activation="relu",
        normalization="layer",
        squares=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        whole = isinstance(filters, (int, np.integer)) and not isinstance(filters, bool)
        if not (whole and filters > 0 and filters % num_classes == 0):
            raise ValueError(f"filters={filters!r}: expected a multiple of {num_classes} classes")
        if normalization not in self.normalizations:
            raise ValueError(
                f"normalization={normalization!r}: expected one of {self.normalizations}"
            )
        self.filters, self.num_classes, self.kernel_size = int(filters), num_classes, kernel_size
        self.pool, self.normalization, self.squares = pool, normalization, squares
        self.activation = keras.activations.get(activation)
        self.convolution = keras.layers.Conv2D(self.filters, kernel_size, padding="same")
        if normalization == "batch":
            plain = dict(center=False, scale=False)  # the filters can do both
            self.over_batches = keras.layers.BatchNormalization(momentum=0.9, **plain)

    def build(self, input_shape):
        if len(input_shape) == 3:  # grey images, to which the source adds a channel
            input_shape = (*input_shape, 1)
        if len(input_shape) != 4 or min(input_shape[1:3]) < self.pool:
            raise ValueError(
                f"images of shape {tuple(input_shape[1:])}: expected (h, w) or (h, w, channels), "
                f"at least {self.pool} pixels each way"
            )
        self.convolution.build(input_shape)
        if self.normalization == "batch":
            self.over_batches.build(input_shape)

    def compute_output_shape(self, input_shape):
        height, width = (size // self.pool for size in input_shape[1:3])
        return (input_shape[0], height, width, self.filters)

    def call(self, h, training=False):
        # What never falls may come after the maximum, where there is less to do.
        return self.activation(self._pooled(self.convolution(self._normalized(h, training))))

    def _normalized(self, h, training):
        if self.normalization is None:
            return h
        if self.normalization == "batch":
            return self.over_batches(h, training=training)
        wide = ops.cast(h, "float32")
        if self.normalization == "layer":
            wide = wide - ops.mean(wide, axis=(1, 2, 3), keepdims=True)
        energy = ops.mean(ops.square(wide), axis=(1, 2, 3), keepdims=True)
        return ops.cast(wide * ops.rsqrt(energy + 1e-6), h.dtype)

    def _pooled(self, z):
        if self.pool == 1:
            return z
        # On a CPU the gradient of this maximum takes XLA a tenth of what ops.max_pool's takes.
        height, width = (size // self.pool for size in z.shape[1:3])
        z = z[:, : height * self.pool, : width * self.pool]
        squares = (-1, height, self.pool, width, self.pool, self.filters)
        return ops.max(ops.reshape(z, squares), axis=(2, 4))

    def goodness(self, h):
        """Goodness of every class in this block's activities: float32 `(n, num_classes)`."""
        h = ops.cast(h, "float32")
        by_channel = ops.mean(ops.square(h) if self.squares else h, axis=(1, 2))
        of_a_class = self.filters // self.num_classes
        return ops.mean(ops.reshape(by_channel, (-1, self.num_classes, of_a_class)), axis=-1)

    def get_config(self):
        own = ("filters", "num_classes", "kernel_size", "pool", "normalization", "squares")
        activation = keras.activations.serialize(self.activation)
        own = {name: getattr(self, name) for name in own}
        return {**super().get_config(), **own, "activation": activation}
