"""How a label looks in an image: pixels of its own, or a pattern laid over the whole picture."""

import keras
import numpy as np
from keras import ops

from . import parameters
from .arrays import array_of, codes
from .inputs import as_images, check_range


def scaled(images, dtype="float32"):
    """Images as floats in [0, 1]: whole numbers are divided by 255, all else is only cast.

    Args:
        images: float or whole numbers, of any shape; an array or a tensor.
        dtype: of the result.

    Returns:
        The same kind of thing; of an array a copy.
    """
    white = 255 if keras.backend.is_int_dtype(images.dtype) else 1
    if isinstance(images, np.ndarray):
        images = images.astype(dtype, order="C")  # so that a view of it can be of another shape
        images /= white
        return images
    return ops.cast(images, dtype) / white if white > 1 else ops.cast(images, dtype)


def check_labels(labels, num_classes):
    """Refuse what are not labels.

    Args:
        labels: an array or a list; expected are integers `(n,)`, or `(n, 1)`.
        num_classes: number of classes.

    Raises:
        ValueError: of another shape, one-hot for example, not integers, or one outside
            0 … `num_classes - 1`.
    """
    labels = array_of("labels", labels)
    if labels.ndim not in (1, 2) or labels.shape[1:] not in ((), (1,)):
        shape = f"({', '.join(['n', *map(str, labels.shape[1:])])})" if labels.ndim else "()"
        raise ValueError(f"labels of shape {shape}: expected (n,), integers and not one-hot")
    codes("labels", labels, num_classes, ...)


def label_pixels(image_shape, num_classes, pixels=None):
    """The pixels that hold the label, checked against the image.

    Args:
        image_shape: `(h, w)`, `(h, w, channels)` or, for feature vectors, `(d,)`.
        num_classes: number of classes, at least 2.
        pixels: `num_classes` different indices of pixels, counted along the rows; by default the
            first ones of a picture. A vector gets `num_classes` columns more, which hold its
            label: its own all mean something.

    Returns:
        int32 `(num_classes,)`.

    Raises:
        ValueError: too few pixels, a wrong number of them, one twice, or one outside the image.
    """
    parameters.check(num_classes=num_classes)
    size = int(np.prod(image_shape[:2]))
    if pixels is None and len(image_shape) == 1:
        return np.arange(size, size + num_classes, dtype="int32")
    if num_classes > size:
        raise ValueError(
            f"images of shape {tuple(image_shape)} have {size} pixels, too few for "
            f"{num_classes} label pixels: pad the images"
        )
    chosen = np.arange(num_classes) if pixels is None else _indices(pixels, num_classes)
    if chosen.max() >= size:
        raise ValueError(f"pixels={pixels!r}: expected indices from 0 to {size - 1}")
    return chosen.astype("int32")


def _indices(pixels, num_classes):
    chosen = np.asarray(pixels)
    possible = chosen.dtype.kind in "iu" and chosen.shape == (num_classes,) and chosen.min() >= 0
    if not possible or len(np.unique(chosen)) != num_classes:
        raise ValueError(f"pixels={pixels!r}: expected {num_classes} different indices")
    return chosen


def write_label(images, labels, num_classes, pixels=None, brightness=1.0):
    """A copy of the images with a label written into each.

    A label is one bright pixel among `num_classes` cleared ones (Hinton 2022, section 3.3).

    Args:
        images: float in [0, 1] or uint8, `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`.
        labels: int `(n,)`, from 0 to `num_classes - 1`.
        num_classes: number of classes.
        pixels: see `label_pixels`.
        brightness: value of the label's pixel, in every channel.

    Returns:
        float32, the shape of `images`; of vectors `(n, d + num_classes)`, unless `pixels` says
        where.

    Raises:
        ValueError: a label outside its range, or pixels that do not fit.

    Example:
        `write_label(np.zeros((1, 2, 2)), [1], 2)` is `[[[0, 1], [0, 0]]]`.
    """
    parameters.check(num_classes=num_classes)
    if brightness != 0:  # which clears the pixels
        parameters.check(brightness=brightness)
    images, labels = as_images(images), array_of("labels", labels)
    check_range(images)
    if labels.ndim and len(images) != len(labels):
        raise ValueError(f"{len(images)} images and {len(labels)} labels: expected one for each")
    codes("labels", labels, num_classes, len(images))
    where = label_pixels(images.shape[1:], num_classes, pixels)
    edited = scaled(images)
    if images.ndim == 2 and pixels is None:
        edited = np.pad(edited, ((0, 0), (0, num_classes)))
    flat = edited.reshape(len(images), int(np.prod(edited.shape[1:3])), -1)  # a view
    flat[:, where] = 0
    flat[np.arange(len(images)), where[labels]] = brightness
    return edited


def label_patterns(image_shape, num_classes, kind="waves"):
    """For each label a picture that can be laid over an image, so that every part of it tells.

    Args:
        image_shape: `(h, w)` or `(h, w, channels)`.
        num_classes: number of classes.
        kind: `"waves"`, cosines of different directions or lengths, the longest first (Fourier
            patterns, Scodellaro et al. 2023); `"masks"`, -1 or 1 in each pixel by chance, but the
            same ones always; `"corner"`, the pixels of `write_label`, for comparison.

    Returns:
        float32 `(num_classes, h, w)`, from -1 to 1.

    Raises:
        ValueError: an unknown kind, vectors, or too few pixels for so many labels.
    """
    parameters.check(patterns=kind)
    if len(image_shape) < 2:
        raise ValueError(
            f"images of shape {tuple(image_shape)}: expected (h, w) or (h, w, channels)"
        )
    height, width = image_shape[:2]
    where = label_pixels(image_shape, num_classes)
    if kind == "corner":
        patterns = np.zeros((num_classes, height * width))
        patterns[range(num_classes), where] = 1
    elif kind == "masks":
        patterns = np.random.default_rng(0).choice([-1, 1], (num_classes, height * width))
    else:
        # Waves a turn in and against a direction are one, so that half of the plane is enough.
        counts = range(-num_classes, num_classes + 1)
        turns = [(down, right) for down in counts for right in counts if (down, right) > (0, 0)]
        turns = sorted(turns, key=lambda turn: np.hypot(*turn))
        # On few pixels, a wave with so many turns more, or against its direction, is the same.
        seen = {}
        for down, right in turns:
            alike = {(s * down % height, s * right % width) for s in (1, -1)}
            if (0, 0) not in alike:  # which is the same everywhere
                seen.setdefault(min(alike), (down, right))
            if len(seen) == num_classes:
                break
        turns = np.array([*seen.values()]).reshape(-1, 2)
        y, x = np.mgrid[:height, :width].reshape(2, -1)
        patterns = np.cos(
            2 * np.pi * (np.outer(turns[:, 0], y / height) + np.outer(turns[:, 1], x / width))
        )
    different = len(np.unique(patterns, axis=0))
    if different < num_classes:
        raise ValueError(
            f"images of shape {tuple(image_shape)} have room for {different} different {kind}, too "
            f"few for {num_classes} labels: pad the images, or take ff.LabelPixels"
        )
    return patterns.reshape(num_classes, height, width).astype("float32")


class Label:
    """How a label looks, for `Labelled`: what it adds to an image, and what it clears.

    Args:
        num_classes: number of classes, at least 2.
        brightness: of what is added.
    """

    def __init__(self, num_classes, brightness=1.0):
        parameters.check(num_classes=num_classes, brightness=brightness)
        self.num_classes, self.brightness = int(num_classes), brightness

    def shape(self, image_shape):
        """The shape of an image with its label: `(h, w, channels)`, or `(d,)` of a vector."""
        return (*image_shape, 1) if len(image_shape) == 2 else tuple(image_shape)

    def kept(self, image_shape):
        """1 for what stays of an image and 0 for what is cleared, float32, as `shape` says."""
        return np.ones(self.shape(image_shape), "float32")

    def written(self, image_shape):
        """What each label adds, float32 `(num_classes, …)`, as `shape` says."""
        raise NotImplementedError

    def get_config(self):
        return {"num_classes": self.num_classes, "brightness": self.brightness}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelPixels(Label):
    """The label as `write_label` writes it: one bright pixel among cleared ones.

    Args:
        num_classes, brightness: as for `Label`.
        pixels: see `label_pixels`.
    """

    def __init__(self, num_classes, pixels=None, brightness=1.0):
        super().__init__(num_classes, brightness)
        self.pixels = None if pixels is None else _indices(pixels, num_classes).tolist()

    def shape(self, image_shape):
        more = self.num_classes if len(image_shape) == 1 and self.pixels is None else 0
        return (image_shape[0] + more,) if more else super().shape(image_shape)

    def kept(self, image_shape):
        return 1 - self._marked(image_shape, 1).max(axis=0)

    def written(self, image_shape):
        return self._marked(image_shape, self.brightness)

    def _marked(self, image_shape, value):
        shape = self.shape(image_shape)
        where = label_pixels(image_shape, self.num_classes, self.pixels)
        marked = np.zeros((self.num_classes, int(np.prod(shape[:2])), *shape[2:]), "float32")
        marked[range(self.num_classes), where] = value
        return marked.reshape(self.num_classes, *shape)

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelPatterns(Label):
    """The label as a pattern laid over the whole picture, so that every part of it tells.

    Args:
        num_classes, brightness: as for `Label`.
        patterns: see `label_patterns`.
    """

    def __init__(self, num_classes, patterns="waves", brightness=1.0):
        super().__init__(num_classes, brightness)
        parameters.check(patterns=patterns)
        self.patterns = patterns

    def written(self, image_shape):
        patterns = label_patterns(image_shape, self.num_classes, self.patterns)
        channels = self.shape(image_shape)[2]
        return np.repeat(patterns[..., None], channels, axis=-1) * np.float32(self.brightness)

    def get_config(self):
        return {**super().get_config(), "patterns": self.patterns}
