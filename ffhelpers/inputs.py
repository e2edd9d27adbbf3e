"""What people hand to `fit`, `evaluate` and `predict`: made into one form, or refused in a line."""

import contextlib
import math
import operator
import os
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from . import parameters
from .arrays import array_of, channels_first

LARGEST = 20  # root mean square of pictures that hold a label; of standardised ones it is 1
OTHER_WEIGHTS = (
    "the optimizer was built for other weights, of another network or before a change of "
    "trainable: expected compile again, with a new optimizer"
)
PAIRS = 'expected pairs, as of data.map(lambda d: (d["image"], d["label"]))'


def as_images(x, image_shape=None):
    """Images as arrays, where they are any; a data set, generator or `PyDataset` as it is.

    Args:
        x: floats, of which pictures are in [0, 1], or whole numbers from 0 to 255, or lists of
            them.
        image_shape: of one image, where the network knows it.

    Returns:
        An array of floats or of uint8; or what else was given, which Keras reads in batches.

    Raises:
        ValueError: no image, one image without an axis for the batch, images of several shapes or
            of another one, what is not finite, floats from 0 to 255, whole numbers beyond.
    """
    if x is None or isinstance(x, (str, bytes, Path, dict, int, float)):
        found = f"a dict with {_names(x)}" if isinstance(x, dict) else f"{parameters.shown(x)}"
        raise ValueError(f"x={found}: expected images, as an array or a data set of batches")
    if isinstance(x, (tf.RaggedTensor, tf.SparseTensor)):
        raise ValueError(f"images as a {type(x).__name__}: expected an array, of one shape each")
    if isinstance(x, (list, tuple)) or hasattr(x, "__array__") or hasattr(x, "toarray"):
        x = array_of("images", x, "several shapes: expected one, resize or crop them")
    if isinstance(
        x,
        (
            tf.data.Dataset,
            tf.distribute.DistributedDataset,
            keras.utils.PyDataset,
            types.GeneratorType,
        ),
    ):
        return x
    if not isinstance(x, np.ndarray):
        raise ValueError(
            f"x={type(x).__name__}: expected images, as an array or a data set of batches"
        )
    check_shape(x.shape, image_shape)
    if not x.size:
        raise ValueError(f"images of shape {x.shape}: expected at least one")
    check_dtype(x.dtype)
    if x.dtype.itemsize > 8:  # which TensorFlow has not
        x = x.astype(np.float64)
    low, high = x.min(), x.max()
    if x.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise ValueError(f"images of {low} to {high}: expected whole numbers from 0 to 255")
        if high == 1:  # white would be nearly black
            raise ValueError(
                "images of 0 and 1 as whole numbers, which go from 0 to 255: expected floats, "
                'call .astype("float32")'
            )
        return x.astype(np.uint8, copy=False)
    if x.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        where = tuple(int(i) for i in np.unravel_index(np.isfinite(x).argmin(), x.shape))
        raise ValueError(f"images{list(where)} is {x[where]}: expected finite numbers")
    # Columns of a table may be of any size, so of those only what looks like bytes is refused.
    bytes_as_floats = low >= 0 and 128 <= high <= 255 and (x.ndim > 2 or _whole(x))
    if x.dtype.kind == "f" and bytes_as_floats:
        raise ValueError(f"images up to {high:g} as floats: expected 0 to 1, divide them by 255")
    return x


def _is_loader(x):
    """Whether it gives batches of PyTorch's or Grain's, which Keras reads, too."""
    return any(
        kind.__name__ in ("DataLoader", "MapDataset", "IterDataset")
        and kind.__module__.split(".")[0] in ("torch", "grain")
        for kind in type(x).__mro__
    )


def _dataset_of(loader):
    """A `tf.data.Dataset` of the batches of a loader, which gives them in every epoch."""

    def batches():
        for batch in loader:
            # Of PyTorch's list of images and labels TensorFlow would make one tensor.
            batch = tuple(batch) if isinstance(batch, list) else batch
            yield keras.tree.map_structure(np.asarray, batch)

    def spec(array):
        return tf.TensorSpec((None, *array.shape[1:])[: array.ndim], array.dtype)

    for first in batches():
        specs = keras.tree.map_structure(spec, first)
        data = tf.data.Dataset.from_generator(batches, output_signature=specs)
        size = operator.length_hint(loader)
        return data.apply(tf.data.experimental.assert_cardinality(size)) if size else data
    raise ValueError("a data set of 0 batches: expected one or more")


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


def check_range(x):
    """Refuse pictures, an array, in which a label of brightness 1 would drown."""
    if x.ndim < 3 or x.dtype.kind != "f":
        return
    some = x[: max(1, 10_000_000 // x[0].size)]
    with np.errstate(over="ignore"):
        size = np.sqrt(np.mean(np.square(some, dtype="float32")))
    if size > LARGEST:
        raise ValueError(
            f"images of {x.min():g} to {x.max():g}: expected 0 to 1, as a label's pixel is 1"
        )


def _whole(x):
    return all(np.array_equal(part, np.rint(part)) for part in x[:1000])


def _names(d):
    return ", ".join(map(repr, d))


def check_shape(shape, image_shape=None):
    """Refuse a batch whose images are of another shape than the network's.

    Pictures may come with or without an axis for their one channel.
    """
    if image_shape is not None and tuple(shape) == tuple(image_shape):
        raise ValueError(
            f"one image of shape {tuple(image_shape)}: expected a batch of them, add an axis: x[None]"
        )
    if len(shape) not in (2, 3, 4) or 0 in shape[1:]:
        raise ValueError(
            f"images of shape {tuple(shape)}: expected (n, h, w), (n, h, w, channels) or (n, d)"
        )
    if image_shape is None and None not in shape[1:] and channels_first(shape):
        raise ValueError(
            f"images of shape {tuple(shape)}: expected channels last, use np.moveaxis(x, 1, -1)"
        )
    known, one = image_shape and tuple(image_shape), tuple(shape[1:])
    if known and one not in (known, (*known, 1), known[:-1] if known[-1] == 1 else known):
        raise ValueError(
            f"images of shape {one}: expected {known}, for which this network was built"
        )


def check_dtype(dtype):
    """Refuse images of what are no numbers."""
    if np.dtype(dtype).kind not in "fiub" and dtype != tf.bfloat16.as_numpy_dtype:
        raise ValueError(f"images of dtype {dtype}: expected floats, or whole numbers to 255")


@dataclass(frozen=True)
class Expected:
    """What a network can take.

    Attributes:
        image_shape: of one image; None as long as the network has seen none.
        check: takes labels, and raises a `ValueError`; None where they do not matter.
        needed: why labels are needed, in words; empty where they are not.
        num_classes: of labels; None where `y` is another thing.
        labelled: whether pictures hold a label of brightness 1, which must not drown in them.
    """

    image_shape: tuple | None
    check: Callable | None = None
    needed: str = ""
    num_classes: int | None = None
    labelled: bool = False

    def taken(self, x, y=None, weight=None):
        """Images and labels in one form, those that come in batches to be looked at then.

        Raises:
            ValueError: what cannot be learned from, as far as it is known.
        """
        if isinstance(x, keras.utils.PyDataset):
            self._some(x.num_batches)
            return CheckedDataset(x, self), y
        if isinstance(x, types.GeneratorType):
            return self._batches(x), y
        if _is_loader(x):
            x = _dataset_of(x)
        if isinstance(x, tf.data.Dataset):
            return self._dataset(x), y
        x = as_images(x, self.image_shape)
        if isinstance(y, (list, tuple)) or (hasattr(y, "__array__") and not tf.is_tensor(y)):
            y = array_of("y", y, "several lengths: expected one for each image")
        if isinstance(x, np.ndarray):
            if self.labelled:
                check_range(x)
            self._labels(y)
            for name, each in (("labels", y), ("sample weights", weight)):
                if each is not None and len(each) != len(x):
                    raise ValueError(
                        f"{len(x)} images and {len(each)} {name}: expected one for each"
                    )
        return x, y

    def validation(self, data):
        """The same for what `fit` judges a network by, which it may go without."""
        if data is None:
            return None
        if isinstance(data, (list, tuple)):
            if len(data) not in (2, 3):
                raise ValueError(f"validation_data of {len(data)} parts: expected (x, y)")
            weights = [beside(data[1], weight) for weight in data[2:]]
            return (*self.taken(*data[:2], *weights), *weights)
        if hasattr(data, "shape") and not self.needed:
            return self.taken(data)[0]
        if isinstance(data, (str, int, float, dict)) or hasattr(data, "shape"):
            raise ValueError(
                f"validation_data={parameters.shown(data)}: expected (x, y), or a data set"
            )
        data = self.taken(data)[0]
        with refusals():  # after an epoch it would be late
            if isinstance(data, keras.utils.PyDataset):
                data[0]
            elif isinstance(data, tf.data.Dataset):
                next(iter(data))
        return data

    def batch(self, batch):
        """A batch that a generator or a `PyDataset` gave."""
        if isinstance(batch, dict):
            raise ValueError(f"batches as dicts with {_names(batch)}: {PAIRS}")
        x, *rest = batch if isinstance(batch, (tuple, list)) else (batch,)
        while rest and rest[-1] is None:  # which Keras takes in no batch
            rest.pop()
        rest[1:] = map(sample_weights, rest[1:])
        return (*self.taken(x, *rest), *rest[1:])[: 1 + len(rest)]

    def _batches(self, generator):
        batch = None
        for batch in generator:
            yield self.batch(batch)
        if batch is None:
            raise ValueError("a generator of 0 batches: expected one or more")

    def _labels(self, y):
        if y is None and self.needed:
            raise ValueError(f"y=None: {self.needed}, expected labels")
        if y is not None and self.check:
            self.check(y)

    def _some(self, count):
        if count == 0:
            raise ValueError("a data set of 0 batches: expected one or more")

    def _dataset(self, data):
        """A `tf.data.Dataset`: what it says of itself is looked at now, its batches then."""
        spec = data.element_spec
        if isinstance(spec, dict):
            raise ValueError(f"a data set of dicts with {_names(spec)}: {PAIRS}")
        self._some(int(data.cardinality()))
        parts = spec if isinstance(spec, tuple) else (spec,)
        for part in parts:
            if not isinstance(part, tf.TensorSpec):
                raise ValueError(
                    f"a data set of {type(part).__name__}: expected tensors of one shape"
                )
            if part.shape.rank is None:
                raise ValueError(
                    "a data set of unknown shapes: expected known ones, give its generator an "
                    "output_signature"
                )
            if part.shape.rank == 0:
                what = "images" if part is parts[0] else "labels"
                raise ValueError(f"{what} of shape (): expected batches, call .batch(…) first")
        shape = parts[0].shape
        if not shape[1:].is_fully_defined():
            raise ValueError(
                f"images of shape {tuple(shape)} in a data set: expected a known one, as of "
                "data.map(lambda x, y: (tf.ensure_shape(x, (None, 28, 28)), y))"
            )
        check_shape((None, *shape[1:]), self.image_shape and tuple(self.image_shape))
        check_dtype(parts[0].dtype.as_numpy_dtype)
        known = len(parts) > 1 and parts[1].shape[1:].is_fully_defined()
        if len(parts) < 2:
            self._labels(None)
        elif known and self.check:
            self.check(np.empty((0, *parts[1].shape[1:]), parts[1].dtype.as_numpy_dtype))
        elif self.num_classes and not known and not parts[1].dtype.is_integer:
            raise ValueError(
                f"labels of dtype {parts[1].dtype.name} in a data set: expected integers"
            )
        return data.map(self._looked_at)

    def _looked_at(self, x, *rest):
        checks = _image_checks(x)
        if self.labelled and x.shape.rank > 2 and x.dtype.is_floating:
            some = tf.cast(x[:8], tf.float32)  # enough to see it, and next to no work
            low, high = tf.reduce_min(some), tf.reduce_max(some)
            size = tf.sqrt(tf.reduce_mean(tf.square(some)))
            others = ~tf.math.is_finite(low + high) | ((low >= 0) & (high >= 128) & (high <= 255))
            message = "images up to {} in a data set: expected 0 to 1, as a label's pixel is 1"
            checks.append((~(size > LARGEST) | others, message, high))  # others are said above
        if rest and self.needed and not self.num_classes:  # given images
            checks += _image_checks(rest[0])
        if rest and self.num_classes and self.check:
            low, high = (tf.cast(end(rest[0]), tf.int64) for end in (tf.reduce_min, tf.reduce_max))
            inside = tf.equal(tf.size(rest[0]), 0) | ((low >= 0) & (high < self.num_classes))
            message = f"label {{}} in a data set: expected 0 to {self.num_classes - 1}"
            checks.append((inside, message, tf.where(low < 0, low, high)))
        if len(rest) == 2 and (rest[1].dtype.is_floating or rest[1].dtype.is_integer):
            weights = tf.cast(rest[1], tf.float64)
            finite, low = tf.reduce_all(tf.math.is_finite(weights)), tf.reduce_min(weights)
            message = "sample_weight of {} in a data set: expected finite numbers, 0 or more"
            checks.append((finite & (low >= 0), message, tf.where(finite, low, np.nan)))
        with tf.control_dependencies(
            [
                tf.debugging.Assert(possible, [tf.strings.format(f"ValueError: {message}", value)])
                for possible, message, value in checks
            ]
        ):
            x = tf.cast(x, tf.uint8) if x.dtype.is_integer else tf.identity(x)
        return (x, *rest) if rest else x


def _image_checks(x):
    """As of `as_images`, for batches of a data set: (whether it is right, what to say, a value)."""
    if x.dtype == tf.bool:
        return []
    low, high = tf.reduce_min(x), tf.reduce_max(x)
    if x.dtype.is_integer:
        message = "images of {} in a data set: expected whole numbers from 0 to 255"
        dark = "images of 0 and {} as whole numbers in a data set: expected floats, or 0 to 255"
        return [
            ((low >= 0) & (high <= 255), message, tf.where(low < 0, low, high)),
            (high != 1, dark, high),
        ]
    finite = tf.math.is_finite(x)
    broken = tf.reduce_sum(tf.where(finite, tf.zeros_like(x), x))
    as_bytes = (low >= 0) & (high >= 128) & (high <= 255)
    if x.shape.rank == 2:
        as_bytes &= tf.reduce_all(tf.equal(x, tf.round(x)))
    divide = "images up to {} as floats in a data set: expected 0 to 1, divide them by 255"
    return [
        (tf.reduce_all(finite), "images with {} in a data set: expected finite numbers", broken),
        (~as_bytes, divide, high),
    ]


def weighed(y, kwargs, num_classes=None):
    """Arguments of `fit` or `evaluate` with their weights as Keras takes them.

    Raises:
        ValueError: as `beside` and `class_weights`.
    """
    weights = {"sample_weight": beside(y, kwargs.get("sample_weight"))}
    if "class_weight" in kwargs:
        weights["class_weight"] = class_weights(kwargs["class_weight"], num_classes)
    return {**kwargs, **weights}


def beside(y, weights):
    """`sample_weights`, and a `ValueError` where there are no labels: Keras drops them there."""
    if y is None and weights is not None:
        raise ValueError(
            "sample_weight without y, where Keras drops it: expected any labels too, or weights as "
            "the third part of a data set's batches"
        )
    return sample_weights(weights)


def sample_weights(weights):
    """Weights as an array `(n,)` or `(n, 1)`, or None; a `ValueError` for what are none."""
    if weights is None:
        return None
    values = array_of("sample_weight", weights, "several lengths: expected numbers (n,)")
    number = values.dtype.kind in "fiub"
    column = values.ndim and values.size == len(values)
    if not number or not column or not np.isfinite(values).all() or (values < 0).any():
        found = f"shape {values.shape}" if number else f"dtype {values.dtype}"
        raise ValueError(f"sample_weight of {found}: expected finite numbers (n,), 0 or more")
    return values


def class_weights(class_weight, num_classes):
    """A finite weight for each class, 1 by default, as a dict; or None.

    Raises:
        ValueError: what is none for some of the classes.
    """
    if class_weight is None:
        return None
    if num_classes is None:
        raise ValueError(
            "class_weight where an image has not one label: expected sample_weight in its place"
        )
    possible = isinstance(class_weight, dict) and all(
        label in range(num_classes) and isinstance(weight, Real) and 0 <= weight < math.inf
        for label, weight in class_weight.items()
    )
    if not possible:
        raise ValueError(
            f"class_weight={parameters.shown(class_weight)}: expected a dict from labels, 0 to "
            f"{num_classes - 1}, to finite numbers, 0 or more"
        )
    return {label: float(class_weight.get(label, 1)) for label in range(num_classes)}


def listed(given):
    """What Keras takes alone or in a list, as a list."""
    if isinstance(given, keras.callbacks.CallbackList):
        return given.callbacks
    return list(given) if isinstance(given, (list, tuple)) else [given] * bool(given)


def check_asked(epochs, batch_size, kwargs):
    """Refuse what `fit` is asked for and cannot be; `validation_freq` becomes one of Keras's."""
    parameters.check(epochs=epochs)
    steps = ("steps_per_epoch", "validation_steps", "validation_batch_size")
    counts = {name: kwargs.get(name) for name in (*steps, "validation_split", "initial_epoch")}
    check_counts(batch_size=batch_size, **counts)
    if "validation_freq" in kwargs:
        listed_epochs = isinstance(kwargs["validation_freq"], (list, tuple))
        if not listed_epochs:
            parameters.check(validation_freq=kwargs["validation_freq"])
        kwargs["validation_freq"] = (list if listed_epochs else int)(kwargs["validation_freq"])
    for callback in listed(kwargs.get("callbacks")):
        if not hasattr(callback, "set_model"):
            raise ValueError(
                f"callbacks={parameters.shown(callback)}: expected instances of Keras's"
            )


def check_monitors(kwargs):
    """Refuse callbacks that wait for what `fit` will not know; Keras says so after an epoch."""
    callbacks = listed(kwargs.get("callbacks"))
    known = ("keras.", "ffhelpers.")
    for callback in callbacks:  # one's own may log what others wait for
        own = not type(callback).__module__.startswith(known)
        if own or isinstance(callback, keras.callbacks.LambdaCallback):
            return
    validated = kwargs.get("validation_data") is not None or kwargs.get("validation_split")
    for callback in callbacks:
        name = getattr(callback, "monitor", None)
        if not getattr(callback, "save_best_only", True):  # a checkpoint that asks for nothing
            continue
        if name in ("accuracy", "acc"):  # a step of training makes no predictions
            raise ValueError(f"monitor={name!r}: expected 'val_accuracy', with validation_data")
        if str(name).startswith("val_") and not validated:
            raise ValueError(f"monitor={name!r}: expected validation_data or a validation_split")


def check_counts(**counts):
    """Refuse numbers of batches, steps and the like that cannot be; None is left to Keras."""
    parameters.check(**{name: n for name, n in counts.items() if n is not None})


def check_end(x, name, steps):
    """Refuse a data set that has no end where nobody says after how many steps to stop."""
    endless = isinstance(x, tf.data.Dataset) and x.cardinality() == tf.data.INFINITE_CARDINALITY
    endless |= isinstance(x, keras.utils.PyDataset) and x.num_batches is None
    if endless and steps is None:
        raise ValueError(
            f"{name}=None with a data set that has no end: expected a number of steps"
        )


def served(model, source, filepath):
    """What an exported model takes; it has to be called before, else Keras refuses.

    Raises:
        ValueError: a network that knows no images yet; a path that is a file.
    """
    if not source.built:
        raise ValueError(
            "export of a network that has seen no image yet: expected one that was fitted or loaded"
        )
    if os.path.isfile(filepath):
        raise ValueError(f"filepath={filepath}: expected a folder, this is a file")
    model(np.zeros((1, *source.image_shape), "float32"))
    return [keras.InputSpec(dtype="float32", shape=(None, *source.image_shape))]


def begun(x):
    """What `Expected.taken` gave, and its first images, or a tensor's specification of them."""
    if isinstance(x, tf.data.Dataset):
        return x, tf.nest.flatten(x.element_spec)[0]
    if isinstance(x, keras.utils.PyDataset):
        return x, x[0][0]
    if isinstance(x, types.GeneratorType):
        batch = next(x)
        return _again(batch, x), batch[0]
    if not hasattr(x, "shape"):
        raise ValueError(
            f"x={type(x).__name__} for a network that has seen no image yet: expected it to be built "
            "first, as in model.build((None, 28, 28))"
        )
    return x, x


def _again(first, others):
    yield first
    yield from others


class CheckedDataset(keras.utils.PyDataset):
    """A `PyDataset` around another, whose batches are looked at."""

    def __init__(self, data, expected):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.expected = data, expected

    num_batches = property(lambda self: self.data.num_batches)

    def __getitem__(self, index):
        return self.expected.batch(self.data[index])

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()


@contextlib.contextmanager
def refusals():
    """Errors of TensorFlow at a wrong batch, and of Keras at a new variable, in words."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Unknown variable"):
            raise
        raise ValueError(OTHER_WEIGHTS) from None
    except (tf.errors.InvalidArgumentError, tf.errors.UnknownError) as error:
        found = re.search(r"ValueError: ([^\n]*expected [^\n\]]*)", error.message)
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
