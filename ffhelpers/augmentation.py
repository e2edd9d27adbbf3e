"""Training images that differ a little in every epoch, and predictions that allow for it."""

import keras
import numpy as np
import tensorflow as tf

from . import parameters
from .arrays import codes
from .inputs import as_images, in_place
from .labels import scaled


def batches(images, labels, batch_size, shift=0, flip=False):
    """Shuffled batches for `fit`, in which each image is moved by a few pixels of its own.

    Both distances are whole numbers, all equally likely, drawn for every epoch; zeros move in
    (Hinton 2022, section 3.3, moves images by up to two pixels). Order, distances and flips follow
    from `setup`'s seed.

    Args:
        images: float in [0, 1] or uint8, `(n, h, w)` or `(n, h, w, channels)`; unchanged, also
            `(n, d)`.
        labels: int `(n,)`, or what else `fit` is given beside images, such as negatives.
        batch_size: images in a batch; the last one may be smaller.
        shift: most pixels in each direction.
        flip: mirror each image, left for right, in half of the epochs.

    Returns:
        `tf.data.Dataset` of images, float32 where they are changed, and labels.

    Raises:
        ValueError: lengths that differ, `shift` not a whole number from 0, or images that cannot
            be moved so far, or not be flipped; negatives beside images that are changed.
    """
    parameters.check(batch_size=batch_size)
    images = as_images(images)
    alike = np.ndim(images) == 2 and np.shape(labels)[1:] == images.shape[1:]
    if alike and images.dtype.kind == "f":  # whole numbers beside floats are labels
        alike = np.asarray(labels).dtype.kind not in "iu"
    negatives = np.ndim(labels) > 2 or alike  # in the place of labels
    labels = as_images(labels) if negatives else codes("labels", labels, None, ..., "n")
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images and {len(labels)} labels: expected one for each")
    _check(images, shift, flip)
    if negatives and (shift or flip):
        raise ValueError(
            "shift or flip with negatives as images, which would stay as they are: expected labels"
        )
    with tf.device("CPU"):  # where the pipeline works
        x, y = tf.convert_to_tensor(in_place(images)), tf.constant(labels)
    rows = tf.data.Dataset.range(len(x)).shuffle(len(x)).batch(batch_size)
    data = rows.map(lambda row: (tf.gather(x, row), tf.gather(y, row)), tf.data.AUTOTUNE)
    if shift or flip:
        data = data.map(_changer(images.shape[1:], shift, flip))
    # TensorFlow tunes a pipeline in a thread beside it, and the next epoch waits for that thread:
    # for seconds, where it has to share a core with the training.
    options = tf.data.Options()
    options.autotune.enabled = False
    # Its rewriting, of which there is nothing to gain here, would copy all images.
    options.experimental_optimization.apply_default_optimizations = False
    data = data.prefetch(2).with_options(options)
    data.images = images  # for `fit`, which says where a label covers them
    return data


def average_copies(predict, images, shift=0, flip=False):
    """The mean of the predictions for every copy of an image that `batches` may draw.

    A network that was trained on such copies errs less so (test-time augmentation; Krizhevsky et
    al. 2012 average ten crops), at the cost of a prediction for each: `(2 · shift + 1)²`, twice
    as many with `flip`.

    Args:
        predict: takes images, gives float `(n, num_classes)`, such as `model.predict`.
        images: as for `batches`.
        shift, flip: as for `batches`.

    Returns:
        float `(n, num_classes)`; of `shift` 0 without `flip` the prediction itself.

    Raises:
        ValueError: as `batches`.
    """
    images = as_images(images)
    if not callable(predict):
        raise TypeError(f"predict={type(predict).__name__}: expected a function of images")
    _check(images, shift, flip)
    copies, distances = [images], range(2 * shift + 1)
    if shift:
        windows = _windows(images, shift)
        copies = [windows[:, down, right] for down in distances for right in distances]
    if flip:
        copies += [copy[:, :, ::-1] for copy in copies]
    return np.mean([predict(copy) for copy in copies], axis=0)


def _check(images, shift, flip):
    parameters.check(shift=shift, flip=flip)
    if shift and (images.ndim not in (3, 4) or shift >= min(images.shape[1:3])):
        raise ValueError(
            f"shift={shift} with images of shape {images.shape[1:]}: expected (h, w) or "
            "(h, w, channels), larger than the shift"
        )
    if flip and images.ndim not in (3, 4):
        raise ValueError(
            f"flip with images of shape {images.shape[1:]}: expected (h, w) or (h, w, channels)"
        )


def _windows(images, shift):
    """A view of every copy of each image that is moved: `(n, down, right, h, w, ...)`."""
    margins = [(0, 0), (shift, shift), (shift, shift), (0, 0)][: images.ndim]
    padded = np.pad(images, margins)
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
    return windows if images.ndim == 3 else np.moveaxis(windows, 3, -1)  # channels last


def _changer(shape, shift, flip):
    """What moves and mirrors a batch, by distances that Keras draws."""
    draws = keras.random.SeedGenerator()

    def changed(x, y):
        count = tf.shape(x)[0]
        distances = keras.random.randint((2, count), 0, 2 * shift + 1, "int32", draws)
        mirrored = keras.random.uniform((count,), seed=draws) < (0.5 if flip else 0)
        # NumPy copies whole rows, TensorFlow's transformations pixel by pixel.
        moved = tf.numpy_function(_moved, [x, distances, mirrored], x.dtype)
        return scaled(tf.ensure_shape(moved, x.shape)), y

    def _moved(x, distances, mirrored):
        x = _windows(x, shift)[np.arange(len(x)), distances[0], distances[1]]
        x[mirrored] = x[mirrored][:, :, ::-1]
        return x

    return changed
