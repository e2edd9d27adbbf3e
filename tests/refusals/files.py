"""Data, pictures, texts, models and records that are not what they say, or not there."""

import contextlib
import os

import keras
import numpy as np
import scipy.sparse

import ffhelpers as ff
from ffhelpers.running import tables

from . import table
from .fitting import INF, NAN
from .parts import each
from .places import X, Y

# How a file may be wrong, whatever it should hold.
WRONG = "truncated flipped empty words zeros folder circle dangling pickle none".split()
WRONG += ["unreadable"] * os.path.exists("/proc/self/mem")


def arrays(x=X, y=Y, *args, **kwargs):
    return ff.Data.from_arrays(x, y, *args, **kwargs)


def value(value):
    x = X / np.float32(255)
    x[3, 2, 1] = value
    return x


ARRAYS = table(
    "from_arrays",
    ("images missing", lambda: arrays(None), "x_train"),
    ("labels missing", lambda: arrays(y=None), "y_train"),
    ("no images", lambda: arrays(X[:0], Y[:0]), "(0, 6, 6)"),
    ("images of no pixels", lambda: arrays(X[:, :0]), "(40, 0, 6)"),
    ("one axis", lambda: arrays(X[:, 0, 0]), "(40,)"),
    ("five axes", lambda: arrays(X[..., None, None]), "(40, 6, 6, 1, 1)"),
    ("ragged images", lambda: arrays([X[0], X[1][:2]], [0, 1]), "x"),
    ("images of strings", lambda: arrays(X.astype(str)), "<U"),
    ("masked images", lambda: arrays(np.ma.masked_less(X, 9)), "x_train, some of them masked"),
    ("masked labels", lambda: arrays(y=np.ma.masked_less(Y, 1)), "y_train, some of them masked"),
    ("a sparse matrix", lambda: arrays(scipy.sparse.csr_matrix(X[:, 0])), ".toarray()"),
    ("images of objects", lambda: arrays(X.astype(object)), "object"),
    ("images of int64", lambda: arrays(X.astype("int64")), 'use astype("uint8"), else divide'),
    ("images of 0 and 1 as int64", lambda: arrays((X > 9).astype(int)), 'use astype("float32")'),
    ("test images of 0 and 1", lambda: arrays(X / 255, Y, X // 128, Y), "x_test holds 0 and 1"),
    ("images of complex numbers", lambda: arrays(X.astype("complex64")), "complex64"),
    ("images of NaN", lambda: arrays(value(NAN)), "nan"),
    ("infinite images", lambda: arrays(value(INF)), "inf"),
    ("images below 0", lambda: arrays(value(-0.5)), "-0.5"),
    ("images from -1 to 1", lambda: arrays(X / 127.5 - 1), "use (x - low) / (high - low)"),
    ("images to 255 as floats", lambda: arrays(X.astype("float32")), "x_train["),
    ("more labels", lambda: arrays(X[:5]), "5 images"),
    ("more images", lambda: arrays(y=Y[:5]), "5 labels"),
    ("one class", lambda: arrays(y=0 * Y), "labels are 0"),
    ("a gap in the classes", lambda: arrays(y=np.where(Y == 1, 5, Y)), "1"),
    ("one-hot labels", lambda: arrays(y=np.eye(4)[Y]), "(40, 4)"),
    ("labels below 0", lambda: arrays(y=Y - 1), "-1"),
    ("labels of halves", lambda: arrays(y=Y / 2), "0.5"),
    ("labels of NaN", lambda: arrays(y=np.where(Y == 1, NAN, Y)), "nan"),
    ("labels as strings", lambda: arrays(y=Y.astype(str)), "<U"),
    ("labels as bools", lambda: arrays(y=Y > 1), "bool"),
    ("a label beyond reason", lambda: arrays(y=np.where(Y == 1, 10**9, Y)), "1000000000"),
    ("one image a class", lambda: arrays(X[:4], Y[:4]), "one training image a class"),
    ("test images without labels", lambda: arrays(X, Y, X), "y_test"),
    ("test labels without images", lambda: arrays(X, Y, None, Y), "x_test"),
    ("test images of another shape", lambda: arrays(X, Y, X[:, :5], Y), "(5, 6)"),
    ("more test labels", lambda: arrays(X, Y, X[:5], Y), "5 images"),
    ("fewer names than classes", lambda: arrays(class_names=["a"]), "(1,)"),
    ("more names than classes", lambda: arrays(class_names=list("abcdef")), "(6,)"),
    ("the same name twice", lambda: arrays(class_names=list("aabc")), "'a'"),
    ("a string for names", lambda: arrays(class_names="abcd"), "()"),
)

DATA = table(
    "load",
    *(
        (f"{name}.npz", lambda name=name: ff.load(f"{name}.npz"), f"{name}.npz")
        for name in (*WRONG, "text in it", *"swapped objects names others nothing vast".split())
    ),
    ("bomb.npz", lambda: ff.load("bomb.npz"), "is compressed more than 500 times"),
    *each("dataset", [None, 3, NAN, b"mnist", ["mnist"], {}], ff.load),
    ("an unknown name", lambda: ff.load("minst"), "did you mean mnist?"),
    ("an empty name", lambda: ff.load(""), "''"),
    ("an enormous name", lambda: ff.load("x" * 100_000), "xxx"),
    ("an enormous path", lambda: ff.load("x" * 100_000 + ".npz"), "xxx"),
    ("a name in another alphabet", lambda: ff.load("数字"), "数字"),
    ("a name with a zero", lambda: ff.load("mni\0st"), "mni\\x00st"),
    ("a name with a line break", lambda: ff.load("mnist\n"), "mnist\\n"),
    ("a file of another kind", lambda: ff.load("good.txt"), "good.txt"),
    ("pictures, one a class", lambda: ff.load("pictures/one each"), "one each"),
    *each(
        "size",
        [(6,), (0, 6), (6, -1), (6.5, 6), "66", 6, (1, 2, 3), (NAN, 6)],
        lambda v: ff.load("pictures/good", size=v),
    ),
    *each("color", ["yes", 2, "gray"], lambda v: ff.load("pictures/good", color=v)),
    ("a size for a file", lambda: ff.load("good.npz", size=(6, 6)), "good.npz"),
    ("a colour for a name", lambda: ff.load("mnist", color=True), "mnist"),
    *(
        (f"pictures, {kind}", lambda kind=kind: ff.load(f"pictures/{kind}"), f"pictures/{kind}")
        for kind in (
            "truncated",
            "words",
            "empty file",
            "pickle",
            "huge",
            "script",
            "one class",
            "no class",
            "no folders",
            "empty class",
            "other classes",
            "circle",
            "deep",
        )
    ),
)


@contextlib.contextmanager
def data_dir(folder):
    before = os.environ.get("FF_DATA_DIR")
    os.environ["FF_DATA_DIR"] = folder
    try:
        yield
    finally:
        os.environ.pop("FF_DATA_DIR")
        if before is not None:
            os.environ["FF_DATA_DIR"] = before


def published(name, folder):
    with data_dir(folder):
        return ff.load(name)


PUBLISHED = table(
    "FF_DATA_DIR",
    *(
        (
            f"mnist, {kind}",
            lambda kind=kind: published("mnist", f"published/{kind}"),
            f"published/{kind}",
            "tried",
        )
        for kind in ("truncated", "flipped", "words", "pickle", "own", "nothing")
    ),
    (
        "mnist, no such folder",
        lambda: published("mnist", "nowhere"),
        "nowhere is not a folder",
        "tried",
    ),
    ("mnist, a circle", lambda: published("mnist", "circle.npz"), "circle.npz", "tried"),
    (
        "fashion_mnist where there is mnist",
        lambda: published("fashion_mnist", "published/own"),
        "published/own",
        "tried",
    ),
    (
        "cifar10, pickles that run",
        lambda: published("cifar10", "published/batches"),
        "MD5",
        "tried",
    ),
    (
        "cifar10, no archive",
        lambda: published("cifar10", "published/archive"),
        "published/archive",
        "tried",
    ),
    (
        "digit_recognizer, other columns",
        lambda: published("digit_recognizer", "published/digits"),
        "columns",
        "tried",
    ),
    ("fables, nothing", lambda: text_from("published/nothing"), "no such files", "tried"),
)


def text_from(folder):
    with data_dir(folder):
        return ff.load_text("fables")


NO_TEXTS = {
    "none": "No such file",
    "dangling": "No such file",
    "folder": "Is a directory",
    "circle": "Too many levels",
    "pickle": "byte 0 is not UTF-8; expected a text, saved as UTF-8",
    "utf16": "byte 0 is not UTF-8",
    "latin": "byte 3 is not UTF-8",
    "zeros": "holds zero bytes, so it is no text",
    "short": "9 characters after folding, expected at least 3000, 30 strings of 100",
    "empty": "no letter in it",
    "digits": "no letter in it",
    "keycaps": "only one symbol in it",
    "one letter": "only one symbol in it, so that there is nothing to predict",
    **({"unreadable": ""} if "unreadable" in WRONG else {}),
}
TEXTS = table(
    "load_text",
    *(
        (f"{name}.txt", lambda name=name: ff.load_text(f"{name}.txt"), f"{name}.txt: {says}")
        for name, says in NO_TEXTS.items()
    ),
    ("an unknown name", lambda: ff.load_text("pyhton"), "pyhton"),
    ("an empty name", lambda: ff.load_text(""), "''"),
    ("an enormous name", lambda: ff.load_text("x" * 100_000), "xxx"),
    ("a name with a zero", lambda: ff.load_text("a\0b"), "a\\x00b"),
    ("a good file and a length beyond it", lambda: ff.load_text("good.txt", 5000), "good.txt"),
)


CONFIGS = ["another class", "another source", "another argument", "impossible value"]
CONFIGS += ["other classes"]


def loaded(name):
    return keras.saving.load_model(f"{name}.keras")


MODELS = table(
    "load_model",
    *(
        (f"{name}.keras", lambda name=name: loaded(name), "", "any")
        for name in (*WRONG, "no weights", "no config", "words as weights", *CONFIGS)
    ),
    (
        "weights of a file that is none",
        lambda: network_weights("words.keras"),
        "words.keras",
        "any",
    ),
)


def network_weights(path):
    from .fitting import network

    network().load_weights(path)


RECORDS = table(
    "records",
    *(
        (f"{name}.jsonl", lambda name=name: tables.table(f"{name}.jsonl"), f"{name}.jsonl")
        for name in (*WRONG, "lists", "numbers", "no figures", "half", "figures as list")
        if name != "flipped"  # it may be JSON still
    ),
    *(
        (f"{name}.ipynb", lambda name=name: ff.results(f"{name}.ipynb"), f"{name}.ipynb")
        for name in (*WRONG, "list", "number", "object")
    ),
    *(
        (
            f"figures of {name}.ipynb",
            lambda name=name: ff.figures(f"{name}.ipynb"),
            f"{name}.ipynb",
        )
        for name in (*WRONG, *"list number object cells cell future nested good".split())
    ),
    *each("path", [None, 3, NAN, {}], ff.results),
    ("a figure that is none", lambda: ff.table("good.jsonl", figure="tset_error"), "tset_error"),
    ("a parameter that is none", lambda: ff.table("good.jsonl", by=["sead"]), "sead"),
    ("a reference that is none", lambda: ff.table("good.jsonl", by=["seed"], against="9"), "9"),
    (
        "figures that are no lists",
        lambda: ff.results("good.jsonl", each="test_error"),
        "test_error",
    ),
    *(
        (f"record {value!r}", lambda value=value: ff.record(error=value), f"figure error{says}")
        for value, says in (
            (NAN, "=nan"),
            (np.float32("nan"), "=nan"),
            (INF, "=inf"),
            (-INF, "=-inf"),
            ([NAN], "[0]=nan"),
            ({"a": NAN}, "['a']=nan"),
            (None, " of type NoneType"),
            ({3: 1}, " of type dict"),
            (object, " of type type"),
            (1j, " of type complex"),
            (np.zeros(2), " of type ndarray"),
            (b"a", " of type bytes"),
        )
    ),
)

PARAMETERS = table(
    "check_parameters",
    *each(
        "epochs",
        [0, -1, 1.5, "3", None, True, [3], NAN, INF],
        lambda v: ff.check_parameters({"epochs": v, "__annotations__": {"epochs": int}}),
    ),
    (
        "an enormous value",
        lambda: ff.check_parameters({"epochs": "9" * 10**6, "__annotations__": {"epochs": int}}),
        "epochs='999",
    ),
    (
        "a value in another alphabet",
        lambda: ff.check_parameters(
            {"negatives": "難しい", "__annotations__": {"negatives": str}}
        ),
        "難しい",
    ),
    ("no dict", lambda: ff.check_parameters(3), "3"),
    (
        "a missing value",
        lambda: ff.check_parameters({"__annotations__": {"epochs": int}}),
        "epochs",
    ),
)

CASES = ARRAYS + DATA + PUBLISHED + TEXTS + MODELS + RECORDS + PARAMETERS
