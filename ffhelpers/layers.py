"""Keras layers with a goodness of their own."""

import keras
import numpy as np
from keras import ops

from .goodness import goodness, inverse_length
from .negatives import label_pixels


@keras.saving.register_keras_serializable(package="ffhelpers")
class Dense(keras.layers.Layer):
    """`activation(W · normalised(h) + b)`, with the mean of squares as its goodness.

    Args:
        units: width of the layer.
        activation: a Keras activation.
        normalized: scale the input to mean square 1 (see `goodness.normalize`). Without it a
            layer can copy the goodness of the one before.
        dropout: fraction of the units that are silent in training (Srivastava et al. 2014),
            others for every image, but the same ones for its streams, which are compared.

    Input float `(..., d)`, output `(..., units)`.

    Raises:
        ValueError: `units` is not a positive integer, or `dropout` is not from 0 to below 1.
    """

    axes = 1  # the last ones of an array that hold a layer's units

    def __init__(self, units, activation="relu", normalized=True, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
            raise ValueError(f"units={units!r}: expected a positive integer")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout!r}: expected a fraction from 0 to below 1")
        self.units, self.normalized, self.dropout = int(units), normalized, dropout
        self.activation = keras.activations.get(activation)
        self.draws = keras.random.SeedGenerator()

    def build(self, input_shape):
        self.kernel = self.add_weight(
            (input_shape[-1], self.units), "glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def call(self, h, training=False):
        z = self._product(h)
        if self.normalized:  # what scales the input scales the product
            z = z * ops.cast(inverse_length(h), z.dtype)
        return self._drop(self.activation(z + self.bias), training)

    def _product(self, h):
        # One matrix product for all streams: a batched one would be slower.
        z = ops.matmul(ops.reshape(h, (-1, h.shape[-1])), self.kernel)
        return ops.reshape(z, (-1, *h.shape[1:-1], self.units))

    def _drop(self, h, training):
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
        """Goodness of this layer's activities `(n, streams, units)`: float32 `(n, streams)`."""
        return goodness(h)

    # Keras saves weights, and a generator's state is none.

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["draws"] = self.draws.state

    def load_own_variables(self, store):
        super().load_own_variables({name: store[name] for name in store.keys() - {"draws"}})
        if "draws" in store.keys():  # older files have none
            self.draws.state.assign(store["draws"])

    def get_config(self):
        own = {name: getattr(self, name) for name in ("units", "normalized", "dropout")}
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), **own, "activation": activation}


class ReadsLabels:
    """What first layers have in common that are called with images and labels."""

    def _checked(self, images):
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(
                f"images of shape {tuple(images.shape[1:])}: this network was built for "
                f"{self.image_shape}"
            )
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            images = ops.cast(images, self.compute_dtype) / 255
        return images

    def _picked(self, labels, activities):
        """The labels, or those that a function picks by the goodness of every label."""
        if not callable(labels):
            return labels
        # One label after the other: all at once would be the largest thing in memory.
        one_hot = ops.eye(self.num_classes)[:, None, None]
        every = ops.map(lambda label: self.goodness(activities(label))[:, 0], one_hot)
        return labels(ops.stop_gradient(ops.transpose(every)))  # a choice has no gradient


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelledDense(ReadsLabels, Dense):
    """The first layer of a network that reads the label in the image.

    It gives what `Dense` gives for images edited by `write_label`, for many labels at the price
    of one: the edited image is the image without its label pixels plus the label's, so

        W · edited = W · cleared + brightness · W[label pixel],

    one large product for all labels. The length of the edited image does not depend on the
    label either, hence neither does the normalisation.

    Args:
        units, activation, normalized, dropout: as for `Dense`; here the same fraction of the
            images' pixels is dropped too, but never the label's.
        num_classes: number of classes.
        pixels, brightness: as for `write_label`.

    Called with images, float or uint8 `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`, and labels
    as brightness of each label pixel in units of `brightness`, float
    `(n or 1, streams, num_classes)`, one-hot for a label. A function instead of labels receives
    the goodness of every label, float32 `(n, num_classes)`, and picks them. Output
    `(n, streams, units)`.
    """

    def __init__(self, units, num_classes, pixels=None, brightness=1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.num_classes, self.brightness = num_classes, brightness
        self.pixels = None if pixels is None else [int(p) for p in pixels]

    def build(self, images_shape):
        image_shape = tuple(images_shape[1:])
        self.image_shape = image_shape
        self.channels = image_shape[2] if len(image_shape) == 3 else 1
        self.where = label_pixels(image_shape, self.num_classes, self.pixels)
        super().build((None, int(np.prod(image_shape))))
        cleared = np.ones((int(np.prod(image_shape)) // self.channels, self.channels), "float32")
        cleared[self.where] = 0
        self.cleared = cleared.reshape(-1)

    def compute_output_shape(self, images_shape, labels_shape=(None, None, None)):
        return (images_shape[0], labels_shape[1], self.units)

    def call(self, images, labels, training=False):
        images = self._checked(images)
        x = ops.reshape(images, (-1, len(self.cleared))) * ops.cast(self.cleared, images.dtype)
        x = self._drop(x, training)
        image_part = ops.matmul(x, self.kernel)[:, None, :]
        energy = goodness(x)[:, None]

        def activities(labels):
            return self._add_labels(image_part, energy, ops.cast(labels, self.compute_dtype))

        labels = self._picked(labels, activities)
        return self._drop(activities(labels), training)

    def _add_labels(self, image_part, energy, labels):
        rows = ops.reshape(self.kernel, (-1, self.channels, self.units))
        rows = self.brightness * ops.sum(ops.take(rows, self.where, axis=0), axis=1)
        z = image_part + ops.matmul(labels, rows)
        if self.normalized:
            label_energy = ops.sum(ops.square(ops.cast(labels, "float32")), axis=-1)
            label_energy = label_energy * (self.channels * self.brightness**2 / len(self.cleared))
            z = z * ops.cast(ops.rsqrt(energy + label_energy + 1e-12)[..., None], z.dtype)
        return self.activation(z + self.bias)

    def get_config(self):
        own = ("num_classes", "pixels", "brightness")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
