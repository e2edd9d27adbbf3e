"""What people hand to `fit`, `evaluate` and `predict`: made into one form, or refused in a line."""

import contextlib
import math
import re

import keras
import numpy as np
import tensorflow as tf


def as_images(x, image_shape=None):
    """Images as arrays, where they are any; a data set, generator or `PyDataset` as it is.

    Args:
        x: floats, of which pictures are in [0, 1], or whole numbers from 0 to 255, or lists of
            them.
        image_shape: of one image, where the network knows it.

    Returns:
        An array or tensor of floats or of uint8; or what else was given.

    Raises:
        ValueError: no image, one image without an axis for the batch, images of several shapes,
            what is not finite, floats from 0 to 255, whole numbers beyond.
    """
    if isinstance(getattr(x, "element_spec", None), dict):
        names = ", ".join(map(repr, x.element_spec))
        raise ValueError(
            f"a data set of dicts with {names}: expected pairs, as of "
            'data.map(lambda d: (d["image"], d["label"]))'
        )
    if isinstance(x, (list, tuple)):
        try:
            x = np.asarray(x)
        except ValueError:
            raise ValueError(
                "images of several shapes: expected one, resize or crop them"
            ) from None
    if image_shape is not None and getattr(x, "shape", None) == tuple(image_shape):
        raise ValueError(
            f"one image of shape {tuple(image_shape)}: expected a batch of them, add an axis: x[None]"
        )
    if not isinstance(x, np.ndarray):
        return x
    if not x.size:
        raise ValueError(f"images of shape {x.shape}: expected at least one")
    if x.dtype.kind not in "fiub":
        raise ValueError(f"images of dtype {x.dtype}: expected floats, or whole numbers to 255")
    low, high = x.min(), x.max()
    if x.dtype.kind in "iu" and x.dtype != np.uint8:
        if low < 0 or high > 255:
            raise ValueError(f"images of {low} to {high}: expected whole numbers from 0 to 255")
        return x.astype(np.uint8)
    if x.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        where = tuple(int(i) for i in np.unravel_index(np.isfinite(x).argmin(), x.shape))
        raise ValueError(f"images{list(where)} is {x[where]}: expected finite numbers")
    # Columns of a table may be of any size, so of those only what looks like bytes is refused.
    bytes_as_floats = low >= 0 and 128 <= high <= 255 and (x.ndim > 2 or _whole(x))
    if x.dtype.kind == "f" and bytes_as_floats:
        raise ValueError(f"images up to {high:g} as floats: expected 0 to 1, divide them by 255")
    return x


def in_place(x):
    """A large array as a tensor that shares its memory, where TensorFlow can use that as it is.

    Its own way makes two copies of an array and keeps the memory of both: of MNIST's training
    images 300 MB. It wants numbers that begin at a multiple of 64 bytes, as `data.load` lays them.

    Returns:
        A tensor, to be read only while the array does not change; or `x` itself.
    """
    fits = isinstance(x, np.ndarray) and x.dtype in (np.float32, np.uint8) and x.nbytes > 1_000_000
    if not fits or x.ctypes.data % 64 or not (x.flags.c_contiguous and x.flags.writeable):
        return x
    return tf.experimental.dlpack.from_dlpack(x.__dlpack__())


def _whole(x):
    return all(np.array_equal(part, np.rint(part)) for part in x[:1000])


def checked_batch(batch, check):
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        check(batch[1])
    return batch


class CheckedDataset(keras.utils.PyDataset):
    """A `PyDataset` around another, whose labels are checked."""

    def __init__(self, data, check):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.check = data, check

    num_batches = property(lambda self: self.data.num_batches)

    def __getitem__(self, index):
        return checked_batch(self.data[index], self.check)

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()


@contextlib.contextmanager
def label_errors():
    """TensorFlow's error at a wrong label within its data pipeline as the `ValueError` it is."""
    try:
        yield
    except (tf.errors.InvalidArgumentError, tf.errors.UnknownError) as error:
        found = re.search(r"ValueError: (labels? [^\n]*expected [^\n\]]*)", error.message)
        if not found:
            raise
        raise ValueError(found[1]) from None


def count(x, batch_size, kept=1.0):
    """The number of batches, or None where only their end will tell."""
    if isinstance(x, tf.data.Dataset):
        count = int(x.cardinality())
        return count if count > 0 else None
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if not hasattr(x, "shape"):
        return None
    return math.ceil(math.floor(len(x) * kept) / (batch_size or 32))


def check_shares(images, batch_size, devices):
    """Refuse a last batch of which a device would get no image: of none there are no statistics."""
    last = images % (batch_size or 32)
    if 0 < last < devices:
        raise ValueError(
            f"a last batch of {last} images on {devices} devices: expected one each, give another "
            "batch_size or fewer images"
        )
