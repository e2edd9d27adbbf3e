"""What all tests share: the real MNIST, from wherever `ffhelpers.load` finds it, how examples
are drawn, and the command line."""

import subprocess
import sys

import numpy as np
import pytest
import sampled
from hypothesis import HealthCheck, settings

collect_ignore = ["browser"]  # for those, `make test-browser`

# The same examples every time, so that a red run is the change's fault; a slow machine is nobody's.
settings.register_profile(
    "same",
    derandomize=True,
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


def pytest_addoption(parser):
    parser.addoption("--some", action="store_true", help="only some of the slow tests")


def pytest_collection_modifyitems(config, items):
    if config.option.some:
        out = set(sampled.left_out(items))
        kept = [item for item in items if item not in out]
        # They take longest, so they should not begin last.
        items[:] = sorted(kept, key=lambda item: item.get_closest_marker("slow") is None)
        config.hook.pytest_deselected(items=out)


@pytest.fixture(scope="session")
def mnist():
    import ffhelpers as ff

    return ff.load("mnist")


@pytest.fixture(scope="session")
def own_data(mnist, tmp_path_factory):
    """A file of one's own: five classes, colour, 18 by 20 pixels, bytes, few images."""
    path = tmp_path_factory.mktemp("own") / "five digits.npz"
    arrays = {}
    for split, count in (("train", 1100), ("test", 600)):
        x, y = getattr(mnist, f"x_{split}"), getattr(mnist, f"y_{split}")
        kept = np.flatnonzero(y < 5)[:count]
        grey = np.rint(255 * x[kept, 5:23, 4:24]).astype("uint8")
        arrays[f"x_{split}"] = np.stack([grey, grey // 2, 255 - grey], axis=-1)
        arrays[f"y_{split}"] = y[kept]
    # Nothing of a name is read as HTML or as TeX.
    names = np.array(["<b>zero", r"$\one$", "two", "three", "four"])
    np.savez_compressed(path, **arrays, class_names=names)
    return path


@pytest.fixture(scope="session")
def own_text(tmp_path_factory):
    """A file of one's own: Greek letters, each drawn by the two before it."""
    rng = np.random.default_rng(0)
    letters = "αβγδεζηθ ικλμ."
    chain = rng.dirichlet([0.1] * len(letters), (len(letters), len(letters)))
    drawn = [0, 1]
    for _ in range(12_000):
        drawn.append(rng.choice(len(letters), p=chain[drawn[-2], drawn[-1]]))
    path = tmp_path_factory.mktemp("own") / "greek.txt"
    path.write_text("".join(letters[i] for i in drawn), encoding="utf-8")
    return path


@pytest.fixture
def small(mnist):
    return mnist.x_train[:3000], mnist.y_train[:3000]


@pytest.fixture
def command(tmp_path):
    """The command line, started in `tmp_path`: its exit status, standard output and error.

    `command.start` only starts it, or another module.
    """

    def start(*arguments, module="ffhelpers"):
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    def call(*arguments):
        process = start(*arguments)
        out, err = process.communicate(timeout=600)
        assert "Traceback" not in out + err
        return process.returncode, out, err

    started = []
    call.start = start
    yield call
    for process in started:
        process.kill()
        process.communicate()
