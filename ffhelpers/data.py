"""Data sets: a published one by its name, or images of your own."""

import errno
import os
import textwrap
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import fetch, parameters
from .arrays import array_of, channels_first
from .datasets import DATASETS, known_name
from .formats import DataError, refuse_bombs


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Images, float32 in [0, 1], `(n, …)`, and their classes, int32, `(n,)`."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    num_classes: int
    class_names: tuple[str, ...]
    source: str  # where it was found
    name: str
    x_unlabelled: np.ndarray | None = None  # images that a competition wants labels for

    def __repr__(self):
        return (
            f"Data({self.name}: {len(self.x_train)} training, {len(self.x_val)} validation and "
            f"{len(self.x_test)} test images of {'x'.join(map(str, self.x_test.shape[1:]))} in "
            f"{self.num_classes} classes, from {self.source})"
        )

    @classmethod
    def from_arrays(
        cls,
        x,
        y,
        x_test=None,
        y_test=None,
        x_val=None,
        y_val=None,
        class_names=None,
        name="arrays",
    ):
        """Images and labels of your own, split and checked.

        Args:
            x, y: images and labels, as of a file of your own, see `load`.
            x_test, y_test: those to be kept for the end. Without them they are the last sixth of
                each class.
            x_val, y_val: those to choose settings by; without them the last sixth, of what is left,
                of each class.
            class_names: strings, one a class.
            name: what the data set is called.

        Raises:
            DataError: as `load`.

        Example:
            `ff.Data.from_arrays(np.stack(images), labels, class_names=["cat", "dog"])`
        """
        arrays = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
        arrays |= {"x_val": x_val, "y_val": y_val, "class_names": class_names}
        several = "several shapes: expected one, resize or crop them"
        try:
            arrays = {k: array_of(k, a, several) for k, a in arrays.items() if a is not None}
            return _own_data(arrays, name, name)
        except ValueError as error:
            raise DataError(f"{name}: {error}") from None


def load(dataset="mnist", size=None, color=None):
    """The data set of that name, or your own in that file or folder, as `Data`.

    A named one, such as `"mnist"` (see `datasets.DATASETS`), is looked for in the folder
    `FF_DATA_DIR`, if that is set, and only there; else in Kaggle's input, Debian's packages and
    Keras's cache (`KERAS_HOME`), and is then downloaded. It must have the published hashes. The
    last sixth of the training images is `x_val`; of the competition "Digit Recognizer" the sixth
    before it is `x_test`, and the images to label are `x_unlabelled`.

    An .npz file of your own holds `x_train`, `y_train` and, if you like, `x_test` with `y_test`,
    `x_val` with `y_val` (else the last sixth of each class is held out) and `class_names`. Images
    are uint8, bool, or floats from 0 to 1: `(n, height, width)`, `(n, height, width, channels)` or
    `(n, features)`. Labels are whole numbers from 0: `(n,)` or `(n, 1)`. All stay in order, but
    for parts whose classes come in long runs, as of sorted files: these are `dealt`.

    A folder of your own holds a folder of pictures for each class, see `pictures.read`.

    Args:
        dataset: a name or a path.
        size, color: of a folder's pictures, see `pictures.read`.

    Raises:
        DataError: it says what was tried or what is wrong, and what to do.
        ParameterError: an impossible size.

    Example:
        `ff.load("flowers/", size=(28, 28)).class_names`
    """
    if not is_path(dataset):
        raise _unknown(dataset)
    name, path = known_name(dataset), Path(os.path.expanduser(dataset))
    if name is None and path.is_dir():
        return _pictures(path, size, color)
    if size is not None or color is not None:
        raise DataError(f"size or color with {dataset}: expected a folder of pictures")
    if name is not None:
        return _published(name)
    if path.suffix == ".npz" or path.exists():
        return _own(path)
    raise _unknown(dataset)


def _unknown(dataset):
    return DataError(
        f"dataset={parameters.shown(dataset)}: expected {parameters.expected_dataset(dataset)}"
    )


def is_path(path):
    """Whether it is one that a system can look for: neither empty nor too long, no zero in it."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        return False
    try:
        os.lstat(os.path.expanduser(path))
    except ValueError:
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def _published(name):
    known = DATASETS[name]
    arrays, source = fetch.find(known)
    parts = {k: _scaled(a) if k[0] == "x" else a.astype(np.int32) for k, a in arrays.items()}
    sixth = len(parts["y_train"]) // 6
    for split in ("val", "test"):  # the last sixth; without test images, the one before it
        if f"y_{split}" not in parts:
            for part in "xy":
                whole = parts[f"{part}_train"]
                halves = np.split(whole, [len(whole) - sixth])
                parts[f"{part}_train"], parts[f"{part}_{split}"] = halves
    names = known.class_names
    return Data(**parts, class_names=names, num_classes=len(names), source=source, name=name)


def _scaled(images):
    """Bytes as floats, which begin where TensorFlow can read them in place (`inputs.in_place`)."""
    size = 4 * images.size
    room = np.empty(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    out = room[start : start + size].view(np.float32).reshape(images.shape)
    return np.divide(images, 255, out=out, dtype=np.float32)


_ARRAYS = [f"{part}_{split}" for split in ("train", "test", "val") for part in "xy"]


def _own(path):
    try:
        return _own_data(_own_arrays(path), os.fspath(path), path.stem)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _own_arrays(path):
    if not path.is_file():
        raise DataError("no such file: expected an .npz")
    arrays, key = {}, "the file"
    try:
        with open(path, "rb") as file:  # of what is no archive NumPy would say it is a pickle
            refuse_bombs(unpacked := zipfile.ZipFile(file))
            if broken := unpacked.testzip():  # NumPy does not read to the end, where the sum is
                raise DataError(f"{broken} is damaged")
        with np.load(path, allow_pickle=False) as archive:
            for key in [*_ARRAYS, "class_names"]:
                if key in archive:
                    arrays[key] = archive[key]
                    arrays[key].dtype  # noqa: B018 -- NumPy gives the bytes of what is no array
    except Exception as error:  # as in formats.verified
        reason = textwrap.shorten(str(error), 60, placeholder=" …")
        raise DataError(
            f"{key} cannot be read ({reason}): expected an .npz of numbers, as np.savez writes it "
            "(class_names an array of strings)"
        ) from error
    return arrays


def _pictures(folder, size, color):
    """The pictures in a folder's folders, as `Data`; see `pictures.read`."""
    from . import pictures  # here, as the command line needs no Pillow to start

    arrays, class_names, said = pictures.read(folder, size, color)
    data = Data.from_arrays(**arrays, class_names=class_names, name=Path(folder).resolve().name)
    return replace(data, source=f"{folder}, {said}")


def _own_data(arrays, source, name):
    given = {key[2:] for key in arrays if key in _ARRAYS} | {"train"}
    needed = [key for key in _ARRAYS if key[2:] in given]
    if missing := [key for key in needed if key not in arrays]:
        raise DataError(
            f"{', '.join(missing)} missing: expected x_train and y_train, x_test with y_test or "
            "neither, and x_val with y_val or neither"
        )
    x = {key[2:]: _own_images(key, arrays) for key in arrays if key[0] == "x"}
    y = {key[2:]: _own_labels(key, arrays[key]) for key in arrays if key[0] == "y"}
    for split in x:
        if len(x[split]) != len(y[split]):
            raise DataError(
                f"x_{split} has {len(x[split])} images and y_{split} {len(y[split])} labels: "
                "expected one label an image"
            )
        if x[split].shape[1:] != x["train"].shape[1:]:
            raise DataError(
                f"x_{split} has images of shape {x[split].shape[1:]} and x_train of "
                f"{x['train'].shape[1:]}: expected one shape; resize or crop them"
            )
    num_classes = 1 + max(int(labels.max()) for labels in y.values())
    if num_classes < 2:
        raise DataError("all labels are 0: expected two classes or more, numbered from 0")
    names = arrays.get("class_names", np.arange(num_classes))
    try:
        names = np.char.decode(names, "utf-8") if names.dtype.kind == "S" else names.astype(str)
    except UnicodeDecodeError as error:
        raise DataError(f"class_names: {error}; expected text") from None
    if names.shape != (num_classes,):
        raise DataError(
            f"class_names has shape {names.shape}: expected ({num_classes},), a name for each "
            f"class, as the largest label is {num_classes - 1}"
        )
    if len(set(names.tolist())) < num_classes:
        twice = next(name for name in names if (names == name).sum() > 1)
        raise DataError(
            f"class_names has {str(twice)!r} twice: expected another name for each class"
        )
    there = np.unique(np.concatenate(list(y.values())))
    if "class_names" not in arrays and len(there) < num_classes:
        empty = next(label for label in range(num_classes) if label not in there)
        raise DataError(
            f"no image of class {empty}, of {num_classes}: expected some of each; number the classes "
            "with np.unique(labels, return_inverse=True), or give class_names for all"
        )
    for split in ("test", "val"):
        if split not in x:
            if len(y["train"]) == len(np.unique(y["train"])):
                raise DataError(
                    f"one training image a class leaves none for x_{split}: expected x_{split} and "
                    f"y_{split} with them"
                )
            held = last_sixth_of_each_class(y["train"])
            x["train"], x[split] = x["train"][~held], x["train"][held]
            y["train"], y[split] = y["train"][~held], y["train"][held]
    for split in x:
        if _in_long_runs(y[split]):
            order = dealt(y[split])
            x[split], y[split] = x[split][order], y[split][order]
    return Data(
        **{f"x_{split}": images for split, images in x.items()},
        **{f"y_{split}": labels for split, labels in y.items()},
        num_classes=num_classes,
        class_names=tuple(names.tolist()),
        source=source,
        name=name,
    )


def _in_long_runs(labels):
    """Whether they change far less often than in a random order."""
    counts = np.unique(labels, return_counts=True)[1]
    changes = len(labels) - np.sum(counts**2) / len(labels)  # as expected of a random order
    return np.count_nonzero(np.diff(labels)) < max(min(len(counts), changes), changes / 4)


def dealt(labels):
    """The order in which the first images, however many, hold each class in its share.

    Lessons look at the first images of a set, which would be of one class else.

    Args:
        labels: int `(n,)`, in any order, which each class keeps.

    Returns:
        int64 `(n,)`, places in `labels`.
    """
    share = np.empty(len(labels))  # of its class that comes before an image
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, share))


def _own_images(key, arrays):
    images, train = arrays[key], arrays["x_train"]
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise DataError(
            f"{key} has shape {images.shape}: expected (n, height, width), "
            "(n, height, width, channels) or (n, features), none of them 0; reshape it"
        )
    if images.ndim == 4 and channels_first(images.shape):
        raise DataError(
            f"{key} has shape {images.shape}: expected channels last, use np.moveaxis(x, 1, -1)"
        )
    dark = images.dtype.kind in "iu" and images.min() >= 0 and images.max() == 1
    if dark and (images is train or train.dtype != np.uint8):  # else its brighter ones tell
        raise DataError(
            f"{key} holds 0 and 1 as whole numbers, which go from 0 to 255: expected floats, use "
            'astype("float32")'
        )
    if images.dtype == np.uint8:
        return _scaled(images)
    if images.dtype.kind not in "fb":
        raise DataError(
            f"{key} is of type {images.dtype}: expected uint8, or floats from 0 to 1; if its values "
            'are 0 to 255, use astype("uint8"), else divide by the largest possible value'
        )
    outside = ~((images >= 0) & (images <= 1))  # a NaN is neither
    if outside.any():
        where = tuple(int(i) for i in np.unravel_index(outside.argmax(), images.shape))
        scale = "divide by the largest possible value"
        if images[np.isfinite(images)].min(initial=0) < 0:
            scale = "use (x - low) / (high - low), with the same two for all parts"
        raise DataError(
            f"{key}{list(where)} is {images[where]}: expected finite floats from 0 to 1; {scale}, "
            "and replace what is not a number"
        )
    return images.astype(np.float32)


def _own_labels(key, labels):
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"{key} has shape {labels.shape}: expected (n,), the number of each image's class; "
            "of one-hot rows take argmax(axis=1)"
        )
    if labels.dtype.kind not in "iuf":
        raise DataError(
            f"{key} is of type {labels.dtype}: expected whole numbers; number the classes with "
            "np.unique(labels, return_inverse=True)"
        )
    wrong = ~((labels >= 0) & (labels < 1_000_000) & (labels == np.floor(labels)))
    if wrong.any():
        where = int(wrong.argmax())
        raise DataError(
            f"{key}[{where}] is {labels[where]}: expected whole numbers from 0 to 999999; number "
            "the classes with np.unique(labels, return_inverse=True)"
        )
    return labels.astype(np.int32)


def last_sixth_of_each_class(labels):
    """Mask `(n,)` of the last sixth of each class in `labels` `(n,)`, to be held out.

    It is rounded down, but at least one of a class that has two or more.
    """
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = max(len(members) // 6, min(len(members) - 1, 1))
        mask[members[len(members) - count :]] = True
    return mask
