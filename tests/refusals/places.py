"""A folder of files that are not what they say, for the tables whose input is a path."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from written import save

from .fitting import CLASSES, network

rng = np.random.default_rng(0)
X = np.rint(255 * rng.random((40, 6, 6))).astype("uint8")
Y = np.arange(40) % CLASSES
# A notebook under names that no run can have; the last is "café" in Latin-1.
NAMES = ("good.IPYNB", "no suffix", "good.failed.ipynb", ".good.ipynb", "caf\udce9.ipynb")
EXECUTED = "executed"  # what would be there if anything in these files had run


class Malicious:
    def __reduce__(self):
        return os.system, (f"touch {EXECUTED}",)


def fill(folder):
    """Make the files in `folder`."""
    here = Path(folder)
    _data(here)
    _pictures(here)
    _texts(here)
    _models(here)
    _notebooks(here)
    _records(here)


def _damaged(here, name, ending):
    content = (here / f"{name}{ending}").read_bytes()
    (here / f"truncated{ending}").write_bytes(content[: len(content) // 2])
    flipped = bytearray(content)
    for place in range(60, len(flipped) - 60, 97):
        flipped[place] ^= 0x10
    (here / f"flipped{ending}").write_bytes(flipped)
    (here / f"empty{ending}").touch()
    (here / f"words{ending}").write_text("Once upon a time\n" * 30)
    (here / f"zeros{ending}").write_bytes(bytes(5000))
    (here / f"folder{ending}").mkdir()
    (here / f"circle{ending}").symlink_to(f"circle{ending}")
    (here / f"dangling{ending}").symlink_to("nowhere")
    (here / f"unreadable{ending}").symlink_to("/proc/self/mem")  # also for root
    (here / f"pickle{ending}").write_bytes(pickle.dumps(Malicious()))


def _data(here):
    np.savez(here / "good.npz", x_train=X, y_train=Y)
    _damaged(here, "good", ".npz")
    np.savez(here / "swapped.npz", x_train=Y, y_train=X)
    np.savez(here / "objects.npz", x_train=np.array([Malicious()], object), y_train=Y)
    np.savez(here / "names.npz", x_train=X, y_train=Y, class_names=np.array([Malicious()], object))
    np.savez(here / "others.npz", images=X, labels=Y)
    np.savez(here / "nothing.npz")
    with zipfile.ZipFile(here / "text in it.npz", "w") as archive:
        archive.writestr("x_train.npy", "no array")
        archive.writestr("y_train.npy", "no array")
    with zipfile.ZipFile(here / "vast.npz", "w") as archive:  # a header that promises a terabyte
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1000)}
        )
        archive.writestr("x_train.npy", header.getvalue() + bytes(100))
        archive.writestr("y_train.npy", header.getvalue() + bytes(100))
    with zipfile.ZipFile(here / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x_train.npy", "w", force_zip64=True) as member:
            for _ in range(200):
                member.write(bytes(1 << 20))
    published = here / "published"  # for FF_DATA_DIR
    for kind in ("truncated", "flipped", "words", "pickle"):
        (published / kind).mkdir(parents=True)
        (published / kind / "mnist.npz").write_bytes((here / f"{kind}.npz").read_bytes())
    (published / "own").mkdir()
    np.savez(published / "own" / "mnist.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    (published / "batches").mkdir()
    for i in range(1, 6):
        (published / "batches" / f"data_batch_{i}").write_bytes(pickle.dumps(Malicious()))
    (published / "batches" / "test_batch").write_bytes(pickle.dumps(Malicious()))
    (published / "archive").mkdir()
    (published / "archive" / "cifar-10-python.tar.gz").write_bytes(b"no archive")
    (published / "digits").mkdir()
    (published / "digits" / "train.csv").write_text("label,pixel0\n1,2\n")
    (published / "digits" / "test.csv").write_text("pixel0\n2\n")
    (published / "nothing").mkdir()


def _pictures(here):
    def picture(path, content=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            Image.fromarray(X[0]).save(path)
        else:
            path.write_bytes(content)

    kinds = here / "pictures"
    whole = io.BytesIO()
    Image.fromarray(np.rint(255 * rng.random((40, 40))).astype("uint8")).save(whole, "PNG")
    for kind, content in {
        "truncated": whole.getvalue()[:300],
        "words": b"no picture",
        "empty file": b"",
        "pickle": pickle.dumps(Malicious()),
        "huge": b"P5 60000 60000 255\n" + bytes(10),
        "script": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(executed) (w) file\n",
    }.items():
        for name in ("a", "b"):
            for i in range(3):
                picture(kinds / kind / name / f"{i}.png")
        picture(kinds / kind / "b" / "3.png", content)
    picture(kinds / "one class" / "a" / "0.png")
    (kinds / "no class").mkdir()
    picture(kinds / "no folders" / "0.png")
    picture(kinds / "empty class" / "a" / "0.png")
    (kinds / "empty class" / "b").mkdir()
    picture(kinds / "one each" / "a" / "0.png")
    picture(kinds / "one each" / "b" / "0.png")
    for part in ("train", "test"):
        picture(kinds / "other classes" / part / f"in {part}" / "0.png")
        picture(kinds / "other classes" / part / "a" / "0.png")
    for name in ("a", "b"):
        picture(kinds / "good" / name / "0.png")
    for name in ("a", "b"):
        picture(kinds / "circle" / name / "0.png")
    (kinds / "circle" / "b" / "1.png").symlink_to("1.png")
    (kinds / "deep").mkdir()
    picture(kinds / "deep" / "a" / "more" / "0.png")
    picture(kinds / "deep" / "b" / "0.png")


def _texts(here):
    (here / "good.txt").write_text("the quick brown fox, " * 400)
    _damaged(here, "good", ".txt")
    (here / "short.txt").write_text("too short")
    (here / "latin.txt").write_bytes("café ".encode("latin-1") * 2000)
    (here / "utf16.txt").write_text("words " * 2000, encoding="utf-16")
    (here / "one letter.txt").write_text("a" * 10_000)
    (here / "digits.txt").write_text("0123456789 " * 1000)
    (here / "keycaps.txt").write_text("1\ufe0f\u20e3 2\ufe0f\u20e3 " * 900)


def _models(here):
    network().save(here / "good.keras")
    _damaged(here, "good", ".keras")
    with zipfile.ZipFile(here / "good.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = members["config.json"].decode()

    def write(name, **others):
        with zipfile.ZipFile(here / f"{name}.keras", "w") as archive:
            for member, content in {**members, **others}.items():
                if content is not None:
                    archive.writestr(member, content)

    write("no weights", **{"model.weights.h5": None})
    write("no config", **{"config.json": None})
    write("words as weights", **{"model.weights.h5": b"no weights"})
    write("another class", **{"config.json": config.replace("ForwardForward", "BackwardBackward")})
    write("another source", **{"config.json": config.replace("LabelInImage", "LabelInVideo")})
    write("another argument", **{"config.json": config.replace('"hardness"', '"harshness"')})
    write(
        "impossible value", **{"config.json": config.replace('"hardness": 10.0', '"hardness": -1')}
    )
    write(
        "other classes",
        **{"config.json": config.replace('"num_classes": 4', '"num_classes": 5', 1)},
    )


def _notebooks(here):
    sources = {
        "good": "epochs: int = 3  # passes\nname: str = 'a'\nwidths: list = [5]\nrate: float = 0.1",
        "no parameters": None,
        "no assignment": "epochs",
        "a call": f"epochs: int = __import__('os').system('touch {EXECUTED}')",
        "an import": "import os\nepochs: int = 3",
        "an expression": "epochs: int = 1 + 2",
        "a formatted string": 'name: str = f\'{open("executed", "w")}\'',
        "two names": "a = b = 3",
        "a dict": "sizes: dict = {'a': 1}",
        "a tuple": "sizes: tuple = (1, 2)",
        "none, not annotated": "looks = None",
        "bad syntax": "epochs: int = = 3",
        "an attribute": "a.b = 3",
        "unpacked": "a, b = 1, 2",
        "augmented": "epochs += 1",
        "annotated alone": "epochs: int",
        "a loop": "for i in range(3):\n    epochs = i",
        "a magic": "%run x.py",
    }
    for name, source in sources.items():
        save(here / f"{name}.ipynb", "print(1)", parameters=source, metadata={})
    _damaged(here, "good", ".ipynb")
    (here / "list.ipynb").write_text("[]")
    (here / "number.ipynb").write_text("3")
    (here / "object.ipynb").write_text("{}")
    (here / "cells.ipynb").write_text(
        '{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'
    )
    (here / "cell.ipynb").write_text(
        '{"cells": [3], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'
    )
    (here / "future.ipynb").write_text(
        '{"cells": [], "nbformat": 9, "nbformat_minor": 0, "metadata": {}}'
    )
    (here / "metadata.ipynb").write_text('{"cells": [], "metadata": []}')
    (here / "nested.ipynb").write_text("[" * 100_000)
    (here / "own").mkdir()
    for name in ("own/good.ipynb", *NAMES):
        (here / name).write_bytes((here / "good.ipynb").read_bytes())


def _records(here):
    (here / "good.jsonl").write_text(
        json.dumps(
            {"notebook": "n.ipynb", "parameters": {"seed": 1}, "figures": {"test_error": 0.1}}
        )
        + "\n"
    )
    _damaged(here, "good", ".jsonl")
    for name, changed in {
        "text": {"figures": {"test_error": "low"}},
        "no notebook": {"notebook": None},
        "statistics": {"parameters": {"seed": 1, "n": 2}},
        "namesakes": {"parameters": {"seed": 1, "accuracy": 2}, "figures": {"accuracy": 0.5}},
        "dicts": {"figures": {"test_error": 0.2, "errors": {"a": [0.1]}}},
    }.items():
        good = json.loads((here / "good.jsonl").read_text())
        lines = "\n".join(map(json.dumps, (good, good | changed)))
        (here / f"{name}.jsonl").write_text(f"{lines}\n")
    (here / "lists.jsonl").write_text("[1, 2]\n")
    (here / "numbers.jsonl").write_text("1\n2\n")
    (here / "no figures.jsonl").write_text('{"notebook": "n.ipynb"}\n')
    (here / "half.jsonl").write_text('{"notebook": "n.ipynb", "figures": {"a": 1}}\n')
    (here / "figures as list.jsonl").write_text(
        '{"notebook": "n.ipynb", "parameters": {}, "figures": [1]}\n'
    )
    (here / "code.yaml").write_text(
        f"epochs: !!python/object/apply:os.system ['touch {EXECUTED}']\n"
    )
    (here / "list.yaml").write_text("- 1\n- 2\n")
    (here / "number.yaml").write_text("3\n")
    (here / "bad.yaml").write_text("epochs: [1, 2\n")
    (here / "tabs.yaml").write_text("epochs:\t- 1\n\t- 2\n")
    (here / "latin.yaml").write_bytes("name: café\n".encode("latin-1"))
    (here / "zeros.yaml").write_bytes(bytes(300))
    (here / "repeated.yaml").write_text("epochs: 3\nepochs: 4\n")
    (here / "numbers.yaml").write_text("3: 4\n")
    laughs = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    for before, name in zip("abcdefgh", "bcdefghi"):
        laughs.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]")
    (here / "laughs.yaml").write_text("\n".join([*laughs, "epochs: *i", ""]))
    (here / "folder.yaml").mkdir()
    (here / "circle.yaml").symlink_to("circle.yaml")
    (here / "empty").mkdir()
    (here / "a file").write_text("a file\n")
