"""The files of published data sets: IDX, CSV, .npz, CIFAR-10's batches; what they hold, verified."""

import gzip
import hashlib
import io
import pickle  # nosec B403
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np


class DataError(OSError, ValueError):
    """A data set that is not to be had, or a file that does not hold what it should."""

    def _render_traceback_(self):  # IPython's hook: the message alone
        return str(self).splitlines()


LARGEST = 1 << 28  # bytes: a file of a published set is smaller, unpacked too
BOMB = 1 << 26  # bytes, from which what is a thousand times larger than its file is suspected


def refuse_bombs(archive):
    """Refuse a zip file with a member that is vast and holds next to nothing: `DataError`."""
    for member in archive.infolist():
        if member.file_size > max(BOMB, 500 * member.compress_size):
            raise DataError(f"{member.filename} is compressed more than 500 times")


NPZ = re.compile(r".*mnist\.npz")
IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
IDX_NAMES = {"images": "x", "labels": "y", "train": "train", "t10k": "test"}
CSV = re.compile(r"(.*mnist)_(train|test)\.csv")
TAR = re.compile(r"cifar-10.*(\.tar\.gz|_archive)")  # Keras calls it an archive
BATCH = re.compile(r"data_batch_[1-5]|test_batch")


def verified(files, known):
    """The arrays of `known`, or its text, in `files` (name → content), or a `DataError`."""
    try:
        files = {Path(name).name: content for name, content in files.items()}
        if known.verify:
            return known.verify(files)
        if known.md5:
            files = _published(_unpacked(files, known.md5), known)
        if any(map(BATCH.fullmatch, files)):
            return _batches(files)
        arrays = {}
        for name, content in files.items():
            arrays |= _arrays(name, content)
        return checked(arrays, known) if known.sha256 else arrays
    except DataError:
        raise
    except Exception as error:  # a damaged file can fail to be read in many ways
        raise DataError(f"cannot be read, {type(error).__name__}: {error}") from error


def _arrays(name, content):
    if name.endswith(".gz"):
        content = _gunzipped(content)
    if name.endswith(".npz"):
        if not zipfile.is_zipfile(io.BytesIO(content)):  # NumPy would take it for a pickle
            raise DataError("is not an .npz file")
        refuse_bombs(zipfile.ZipFile(io.BytesIO(content)))
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    if match := IDX.fullmatch(name):  # 0, 0, 8 (uint8), number of axes; then their lengths
        axes = content[3]
        shape = np.frombuffer(content, ">i4", count=axes, offset=4)
        key = f"{IDX_NAMES[match[2]]}_{IDX_NAMES[match[1]]}"
        return {key: np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)}
    split = CSV.fullmatch(name)[2]
    header = int(not content[:1].isdigit())
    table = np.loadtxt(io.BytesIO(content), np.uint8, delimiter=",", skiprows=header, ndmin=2)
    return {f"x_{split}": table[:, 1:], f"y_{split}": table[:, 0]}


def _gunzipped(content):
    with gzip.open(io.BytesIO(content)) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise DataError(f"unpacks to more than {LARGEST} bytes")
    return content


def _unpacked(files, names):
    """The files, or those of these names in a tar archive among them; nothing else is read."""
    for name, content in files.items():
        if TAR.fullmatch(name):
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                members = [m for m in tar if m.isfile() and Path(m.name).name in names]
                if large := [m.name for m in members if m.size > LARGEST]:
                    raise DataError(f"{large[0]} unpacks to more than {LARGEST} bytes")
                return {Path(m.name).name: tar.extractfile(m).read() for m in members}
    return files


def _published(files, known):
    """Those that the data set consists of, once the MD5 of each is right."""
    for name, digest in known.md5.items():
        if name not in files:
            raise DataError(f"{name} missing")
        if hashlib.md5(files[name], usedforsecurity=False).hexdigest() != digest:
            raise DataError(f"{name} not as published for {known.title} (MD5)")
    return {name: files[name] for name in known.md5}


def _batches(files):
    """The arrays of CIFAR-10. Each file is a pickle, whose hash is right."""
    splits = {"train": [], "test": []}
    for name, content in files.items():
        batch = pickle.loads(content, encoding="latin1")  # nosec B301
        splits["test" if name == "test_batch" else "train"].append(batch)
    arrays = {}
    for split, batches in splits.items():
        rows = np.concatenate([batch["data"] for batch in batches])  # red, then green, then blue
        arrays[f"x_{split}"] = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"y_{split}"] = np.concatenate([batch["labels"] for batch in batches])
    return arrays


def checked(arrays, known):
    """`arrays` as uint8 in the shapes of `known`; `DataError` if they are not the published."""
    if missing := known.sha256.keys() - arrays.keys():
        raise DataError(f"{', '.join(sorted(missing))} missing")
    arrays = {key: np.ascontiguousarray(arrays[key], np.uint8) for key in known.sha256}
    other = [k for k in arrays if hashlib.sha256(arrays[k]).hexdigest() != known.sha256[k]]
    if other:
        raise DataError(f"{', '.join(other)} not as published for {known.title} (SHA-256)")
    shapes = {"x": (-1, *known.shape), "y": (-1,)}
    return {key: array.reshape(shapes[key[0]]) for key, array in arrays.items()}


DIGIT_RECOGNIZER = {"train.csv": 42_000, "test.csv": 28_000}  # images


def digit_recognizer(files):
    """The arrays of Kaggle's competition "Digit Recognizer": 42,000 labelled images, 28,000 not.

    No hash of its files is published, so their shape decides.
    """
    arrays = {}
    for name, rows in DIGIT_RECOGNIZER.items():
        if name not in files:
            raise DataError(f"{name} missing")
        expected = ["label"] * (name == "train.csv") + [f"pixel{i}" for i in range(784)]
        header, _, table = files[name].partition(b"\n")
        if header.decode().strip().split(",") != expected:
            raise DataError(f"{name} has other columns than {expected[0]} to pixel783")
        table = np.loadtxt(io.BytesIO(table), np.uint8, delimiter=",", ndmin=2)
        if table.shape != (rows, len(expected)):
            raise DataError(f"{name} holds {len(table)} images: expected {rows}")
        arrays[name] = table
    labels, pixels = np.split(arrays["train.csv"], [1], axis=1)
    x_train, x_unlabelled = (x.reshape(-1, 28, 28) for x in (pixels, arrays["test.csv"]))
    return {"x_train": x_train, "y_train": labels[:, 0], "x_unlabelled": x_unlabelled}
