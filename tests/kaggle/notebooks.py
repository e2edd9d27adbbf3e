"""The notebooks as Kaggle runs them: its versions, no network, all data read-only, nothing installed.

`make test-kaggle` makes the environment, `.venv-kaggle`, and calls this. Only root can take the
network away and lay a folder over /kaggle.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from written import copied

sys.argv, sys.orig_argv = ["-m"], ["ffhelpers"]  # no TensorFlow here

from ffhelpers import data, fetch  # noqa: E402
from ffhelpers.running import ask  # noqa: E402

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-kaggle" / "bin" / "python"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
REPOSITORY = "datasets/someone/forward-forward"

if os.getuid() != 0:
    pytest.exit("only root can take the network away: run this as root", 1)

SURROUNDINGS = """
set -e
mkdir -p /kaggle && mount -t tmpfs none /kaggle && mkdir /kaggle/input /kaggle/working
mount --bind "$1" /kaggle/input && mount -o remount,ro,bind /kaggle/input
mount --bind "$2" /kaggle/working && cd /kaggle/working
ip link set lo up  # a kernel is talked to over the loopback interface
shift 2 && exec "$@"
"""


def idx(array):
    sizes = np.array(array.shape, ">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def doubled(folder, arrays):
    """As in hojjatk/mnist-dataset: each file, and in a folder of its name once more."""
    parts = {"x_train": "train-images", "y_train": "train-labels"}
    parts |= {"x_test": "t10k-images", "y_test": "t10k-labels"}
    for key, part in parts.items():
        axes = 3 if key[0] == "x" else 1
        name = f"{part}-idx{axes}-ubyte"
        (folder / name).mkdir(parents=True)
        (folder / name / name).write_bytes(idx(arrays[key]))
        (folder / f"{part}.idx{axes}-ubyte").write_bytes(idx(arrays[key]))


def table(path, header, *columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack(columns)
    words = np.array([str(i) for i in range(256)])[rows]
    path.write_text("\n".join([",".join(header), *map(",".join, words), ""]))


def csv_files(folder, arrays):
    """As in oddrationale/mnist-in-csv."""
    header = ["label"] + [f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)]
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        table(folder / f"mnist_{split}.csv", header, y, x.reshape(len(x), -1))


def npz(folder, arrays):
    folder.mkdir(parents=True)
    np.savez_compressed(folder / "mnist.npz", **arrays)


FORMS = {"datasets/hojjatk/mnist-dataset": doubled, "datasets/o/mnist-in-csv": csv_files}
FORMS |= {"mnist-numpy": npz}  # one in the older place


@pytest.fixture(scope="session")
def arrays():
    return fetch.find(data.DATASETS["mnist"])[0]


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    copied(folder)
    return folder


@pytest.fixture
def run(repository, tmp_path):
    """Run a notebook there; what came out, and its working folder."""

    def call(notebook, inputs, parameters):
        shutil.copytree(repository, inputs / REPOSITORY)
        working = tmp_path / "working"
        working.mkdir()
        source = f"/kaggle/input/{REPOSITORY}/notebooks/{notebook.name}"
        command = [PYTHON, "-m", "papermill", source, "out.ipynb", "-k", "python3"]
        command += ["--no-progress-bar", "-y", json.dumps(parameters)]
        inside = ["unshare", "-m", "-n", "sh", "-c", SURROUNDINGS, "sh", inputs, working]
        environment = {"PATH": os.environ["PATH"], "HOME": "/kaggle/working", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*inside, *command], env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return nbformat.read(working / "out.ipynb", as_version=4), working

    return call


@pytest.mark.slow(one_in=6)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_on_kaggle(run, arrays, notebook, tmp_path):
    """With MNIST in one of the forms that data sets have it in there, in turn."""
    stored = nbformat.read(notebook, as_version=4)
    inputs = tmp_path / "input"
    place, write = list(FORMS.items())[NOTEBOOKS.index(notebook) % len(FORMS)]
    if "dataset" in ask.parameters(notebook):
        write(inputs / place, arrays)
    small = {k: v for k, v in stored.metadata["tests"]["small"].items() if k != "batch_size"}
    # Those are for fewer images.
    small |= {k: 1 for k in ("epochs", "softmax_epochs", "seeds") if k in ask.parameters(notebook)}
    given = [f"{name}={value}" for name, value in small.items()]
    executed, _ = run(notebook, inputs, ask.parse_parameters(notebook, given))
    outputs = [o for cell in executed.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.get("name") == "stderr" and "ffhelpers" in o.text]
    assert not [o for o in outputs if "━" in o.get("text", "") or "it/s" in o.get("text", "")]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert pictures, "no picture"
    text = "".join(o.get("text", "") for o in outputs)
    assert "TensorFlow 2.20.0, Keras 3.13.2" in text


def test_the_digit_recognizer(run, arrays, tmp_path):
    """Trains on the competition's images and writes what it wants to be handed in."""
    inputs = tmp_path / "input"
    x = np.concatenate([arrays["x_train"], arrays["x_test"]]).reshape(70_000, -1)
    y = np.concatenate([arrays["y_train"], arrays["y_test"]])
    pixels = [f"pixel{i}" for i in range(784)]
    competition = inputs / "competitions" / "digit-recognizer"
    table(competition / "train.csv", ["label", *pixels], y[:42_000], x[:42_000])
    table(competition / "test.csv", pixels, x[42_000:])
    (notebook,) = [path for path in NOTEBOOKS if path.stem == "04_evaluation"]
    small = {"epochs": 1, "widths": [100, 100], "dataset": "digit-recognizer"}
    _, working = run(notebook, inputs, small)
    with open(working / "submission.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["ImageId", "Label"]
    assert [int(image) for image, _ in rows] == list(range(1, 28_001))
    assert np.mean([int(label) for _, label in rows] == y[42_000:]) > 0.9
