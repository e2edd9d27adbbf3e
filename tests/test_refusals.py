"""Bad input, by the hundred: each case of the tables in `refusals` is refused before any work."""

import os
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import ffhelpers as ff
from ffhelpers import parameters
from ffhelpers.running import ask, tables
from refusals import all_cases, fitting
from refusals.places import EXECUTED, fill

CASES = all_cases()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    fill(folder)
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(request, monkeypatch, places):
    monkeypatch.chdir(places)
    monkeypatch.setenv("FF_DATA_DIR", str(places / "published" / "nothing"))  # nothing is fetched


def found():
    """What is in the working folder: names, sizes, times of the last change."""
    stats = {path: os.lstat(path) for path in _walk(".")}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def _walk(folder):
    for parent, folders, files in os.walk(folder):
        yield from (os.path.join(parent, name) for name in (*folders, *files))


def trained():
    """The weights of the networks that the tables share, and how far they are trained."""
    return {
        kind: [np.copy(v) for v in (*model.get_weights(), model.optimizer.iterations)]
        for kind, model in ((kind, fitting.network(kind)) for kind in fitting.trained)
    }


@pytest.fixture(scope="module")
def before(places):
    """What there is before each case: what the last one was checked to leave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(places)
        return {"files": found(), "trained": trained()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what[:100])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_is_refused_before_any_work(case, before):
    with pytest.raises(Exception) as raised:
        case.call()
    error, message = raised.value, str(raised.value)
    after = {"files": found(), "trained": trained()}
    changed, before["files"] = after["files"] != before["files"], after["files"]
    assert not changed, "nothing is written, changed or lost"
    assert not Path(EXECUTED).exists(), "nothing is executed"
    weights, before["trained"] = before["trained"], after["trained"]
    for kind in weights:
        for one, other in zip(weights[kind], after["trained"][kind]):
            np.testing.assert_array_equal(one, other)
    assert keras.config.dtype_policy().name == "float32" and not plt.get_fignums()
    if case.form == "any":
        return
    assert isinstance(error, (ValueError, TypeError, OSError)), repr(error)
    assert case.says in message
    system = getattr(error, "errno", None) or message.startswith("[Errno")
    if case.form in ("ours", "shown") and not system:
        assert "\n" not in message and len(message) <= 200
        assert "expected" in message or case.form == "shown"


def test_each_is_another():
    assert len({case.what for case in CASES}) == len(CASES)


# What people may set a parameter to: anything that YAML can say.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.dates(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(st.sampled_from(sorted(parameters._RULES)), VALUES)
def test_a_parameter_is_taken_or_refused_in_a_line(name, value):
    try:
        parameters.check(**{name: value})
    except parameters.ParameterError as error:
        assert str(error).startswith(f"{name}=")
        assert "expected" in str(error) and "\n" not in str(error) and len(str(error)) < 300


@given(VALUES)
def test_a_parameter_file_is_taken_or_refused_in_a_line(value):
    Path("any.yaml").write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    try:
        ask.parse_parameters("good.ipynb", file="any.yaml")
    except ValueError as error:
        assert "expected" in str(error) and "\n" not in str(error) and len(str(error)) < 300


@given(st.binary(max_size=300))
@pytest.mark.parametrize(
    "name, read",
    [
        ("any.npz", ff.load),
        ("any.txt", ff.load_text),
        ("any.ipynb", ff.figures),
        ("any.ipynb", ask.parameters),
        ("any.jsonl", tables.results),
        ("any.yaml", ask.read_yaml),
    ],
)
def test_any_bytes_are_read_or_refused_in_a_line(name, read, content):
    Path(name).write_bytes(content)
    try:
        read(name)
    except (ValueError, OSError) as error:
        assert "expected" in str(error) and "\n" not in str(error) and len(str(error)) < 300


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_file_with_one_bit_flipped_is_read_or_refused_in_a_line(place, bit):
    content = bytearray(Path("good.npz").read_bytes())
    content[place % len(content)] ^= 1 << bit
    Path("any.npz").write_bytes(content)
    try:
        ff.load("any.npz")
    except ff.data.DataError as error:
        assert "expected" in str(error) and "\n" not in str(error) and len(str(error)) < 300
