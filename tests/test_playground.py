"""What the page of the playground is given; what it computes is in `browser/test_drawing.py`."""

import base64
import dataclasses
import io
import json
import re
from pathlib import Path

import matplotlib.colors
import numpy as np
import PIL.Image
import pytest
from networks import network as dense

import ffhelpers as ff
from ffhelpers import evaluation, playground, style

SITE = json.loads(playground.NETWORKS.read_text().removeprefix("window.playground = ")[:-2])


def unpacked(part):
    values = np.frombuffer(base64.b64decode(part["base64"]), part["dtype"])
    values = values.reshape(part["shape"])
    return values * unpacked(part["scale"]) if "scale" in part else values


def convolutional(silent_blocks=1):
    goodness = ff.ClassChannels(10)
    convs = [
        ff.Conv(10 * each, pool=pool, normalization="batch", goodness=goodness)
        for each, pool in ((1, 2), (2, 2), (1, 1))
    ]
    return dense(convs, source=ff.Images(10), silent_blocks=silent_blocks)


KINDS = {"dense": dense, "convolutional": convolutional}


@pytest.fixture(params=KINDS)
def trained(request, small):
    model = KINDS[request.param]()
    model.fit(small[0][:500], small[1][:500], batch_size=100, verbose=0)
    return model


def by_hand(packed, image):
    """The goodness of every label in each block, `(blocks, classes)`, from what the page is given."""
    blocks = [
        {k: unpacked(v) if isinstance(v, dict) else v for k, v in b.items()}
        for b in packed["blocks"]
    ]
    by_block = []
    if "label" in packed:
        h = np.repeat(image.reshape(1, -1), 10, axis=0)
        h[:, packed["label"]["pixels"]] = packed["label"]["brightness"] * np.eye(10)
        for block in blocks:
            h = h / np.sqrt(np.mean(h**2, axis=1, keepdims=True) + 1e-12)
            h = np.maximum(h @ block["kernel"] + block["bias"], 0)
            by_block.append(np.mean(h**2, axis=1))
        return np.stack(by_block)
    h = image[..., None]
    for block in blocks:
        h = np.pad((h - block["mean"]) * block["scale"], ((1, 1), (1, 1), (0, 0)))
        seen = np.lib.stride_tricks.sliding_window_view(h, (3, 3), axis=(0, 1))
        h = np.einsum("hwcij,ijcu->hwu", seen, block["kernel"]) + block["bias"]
        pool = block["pool"]
        height, width = (size // pool for size in h.shape[:2])
        h = h[: height * pool, : width * pool].reshape(height, pool, width, pool, -1).max((1, 3))
        h = np.maximum(h, 0)
        by_block.append(np.mean(h.reshape(height, width, 10, -1) ** 2, axis=(0, 1, 3)))
    return np.stack(by_block)


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_given_is_the_network(trained, mnist, whole):
    packed = json.loads(json.dumps(playground.network(trained, whole)))
    if whole:
        playground.rounded(trained)
    for image, goodness in zip(mnist.x_test, trained.layer_goodness(mnist.x_test[:4])):
        np.testing.assert_allclose(by_hand(packed, image), goodness, atol=1e-4)
        voting = goodness[packed["silent"] :].sum(axis=0)
        np.testing.assert_allclose(voting, trained.predict(image[None], verbose=0)[0], atol=1e-4)


def test_a_byte_for_a_weight_is_near_it():
    values = np.random.default_rng(0).normal(size=(30, 4)) * [1e-3, 1, 10, 0]
    packed = playground.packed(values, whole=True)
    assert packed["dtype"] == "int8" and len(base64.b64decode(packed["base64"])) == 120
    steps = np.abs(values).max(axis=0) / 127
    assert (np.abs(unpacked(packed) - values) <= 0.51 * steps + 1e-12).all()
    with_bytes = playground.packed(np.arange(6, dtype="uint8").reshape(2, 3))
    np.testing.assert_array_equal(unpacked(with_bytes), [[0, 1, 2], [3, 4, 5]])


def pixels():
    return ff.LabelPixels(10)


UNFIT = {
    "expected ff.Dense, or": lambda: dense([60, ff.Dense(9, normalized=False)]),
    "expected relu": lambda: dense([ff.Labelled(ff.Dense(9, activation="tanh"), pixels())]),
    "expected ff.Conv with": lambda: dense(
        [ff.Dense(20, goodness=ff.ClassChannels(10))], source=ff.Images(10)
    ),
    "batch": lambda: dense([ff.Conv(10, goodness=ff.ClassChannels(10))], source=ff.Images(10)),
    "expected mean_square or mean_activity": lambda: dense(
        [ff.Conv(10, goodness=ff.ClassChannels(10, "sum_of_squares"), normalization="batch")],
        source=ff.Images(10),
    ),
    r"expected grey ones, \(h, w\)": lambda: dense([9], image_shape=(8, 8, 3)),
}


@pytest.mark.parametrize("says", UNFIT)
def test_what_the_page_cannot_compute_is_refused(says):
    with pytest.raises(ValueError, match=says):
        playground.network(UNFIT[says]())


def test_a_network_without_weights_is_refused():
    with pytest.raises(ValueError, match="fit it first"):
        playground.network(ff.ForwardForward([9], num_classes=10))


# --- In a notebook ---------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch, mnist):
    """What `show` displays."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    monkeypatch.setattr(style, "display", displayed.append)
    monkeypatch.setattr("matplotlib.pyplot.get_backend", lambda: "inline")
    model, images = dense([9]), playground.one_of_each(mnist)

    def show(watched):
        monkeypatch.setattr(playground, "watched", lambda: watched)
        playground.show({"dense": model}, images, mnist.class_names)
        return displayed

    return show


def test_where_nobody_watches_a_line_says_what_to_do(shown, capsys):
    (picture,) = shown(watched=False)  # of a stored digit, and what the networks say of it
    assert capsys.readouterr().out.count("\n") == 1
    pixels = np.array(PIL.Image.open(io.BytesIO(picture.data)).convert("RGB"))
    shown = {
        matplotlib.colors.to_hex(color / 255) for color in np.unique(pixels.reshape(-1, 3), axis=0)
    }
    assert style.POSITIVE.lower() in shown and style.NEGATIVE.lower() not in shown


def test_where_anywidget_is_missing_a_line_says_so(shown, capsys, monkeypatch):
    monkeypatch.setattr(playground.importlib.util, "find_spec", lambda name: None)
    assert shown(watched=True) == []
    said = capsys.readouterr().out
    assert "pip install anywidget" in said and "reload this page" in said


def test_where_a_person_watches_there_is_a_widget(shown, capsys):
    (widget,) = shown(watched=True)
    assert capsys.readouterr().out == ""
    assert widget.data["names"] == list("0123456789") and widget.data["shape"] == [28, 28]
    assert "export default { render }" in widget.get_state()["_esm"]
    assert unpacked(widget.data["digits"]).shape == (10, 28, 28)
    masks = unpacked(widget.data["masks"])
    assert set(np.unique(masks)) == {0, 255} and 0.2 < masks.mean() / 255 < 0.8


def test_a_class_without_any_image_is_black(mnist):
    images = playground.one_of_each(dataclasses.replace(mnist, num_classes=11))
    assert images.shape[0] == 11 and not images[10].any() and images[9].any()


def test_each_class_has_its_own_image_wherever_there_is_one(mnist):
    x, y = mnist.x_train[:300], mnist.y_train[:300] % 3
    data = ff.Data.from_arrays(x, y, x[y < 2], y[y < 2])
    images = playground.one_of_each(data)
    assert any(np.array_equal(images[2], image) for image in data.x_train[data.y_train == 2])
    np.testing.assert_array_equal(images[0], data.x_test[data.y_test == 0][0])


def test_the_page_to_open_has_the_module_as_it_is():
    root = Path(__file__).parents[1]
    page = (root / "docs" / "draw.html").read_text()
    (networks,) = re.findall('<script src="([^"]*)">', page)
    assert playground.markup(networks) in page, "call .venv/bin/python docs/draw.py"
    assert (root / "docs" / networks).samefile(playground.NETWORKS)


def test_the_module_is_one_plain_file_of_the_package():
    source = playground.MODULE.read_text()
    assert len(source) <= 22_000 and not re.search(
        r"^import |\bimport\(|\brequire\(", source, re.M
    )
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert 'package-data = { ffhelpers = ["*.js"] }' in pyproject


# --- The site's networks ---------------------------------------------------------------------


def test_the_sites_networks_are_a_file_of_a_megabyte_at_most():
    assert playground.NETWORKS.stat().st_size <= 1_000_000


@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_the_sites_networks_err_as_little_as_they_say(name, mnist):
    """On all test images, with the weights as they are rounded."""
    packed = SITE["networks"][name]
    model = playground.untrained(10)[name]
    model.build((None, 28, 28))
    for block, stored in zip(model.blocks, packed["blocks"]):
        block = getattr(block, "block", block)
        block.kernel.assign(unpacked(stored["kernel"]))
        block.bias.assign(unpacked(stored["bias"]))
        if name == "convolutional":
            norm = block.over_batches
            norm.moving_mean.assign(unpacked(stored["mean"]))
            norm.moving_variance.assign(1 / unpacked(stored["scale"]) ** 2 - norm.epsilon)
    error = evaluation.error(model.predict(mnist.x_test, 500, verbose=0), mnist.y_test)
    (said,) = re.findall(r"wrong on ([\d.]+) % of the test images", packed["about"])
    assert abs(100 * error - float(said)) <= 0.06 and error < 0.02


def test_the_sites_digits_are_those_of_the_data(mnist):
    digits = unpacked(SITE["digits"])
    np.testing.assert_allclose(digits / 255, playground.one_of_each(mnist), atol=1e-6)
    for name in ("dense", "convolutional"):
        packed = SITE["networks"][name]
        for label, digit in enumerate(digits):
            by_block = by_hand(packed, np.float32(digit / 255))
            assert by_block[packed["silent"] :].sum(axis=0).argmax() == label


@pytest.mark.slow
def test_the_sites_networks_can_be_made_again(tmp_path, monkeypatch, small):
    """…by what the command calls, in small."""
    path = tmp_path / "networks.js"
    monkeypatch.setattr(playground, "NETWORKS", path)
    x, y = (array[:600] for array in small)
    few = ff.Data.from_arrays(x, y, x, y)
    monkeypatch.setattr(playground, "load", lambda name: few)
    plans = {name: (1, 100, *plan[2:]) for name, plan in playground.PLANS.items()}
    monkeypatch.setattr(playground, "PLANS", plans)
    playground.main()
    text = path.read_text()
    assert text.startswith("window.playground = ") and text.endswith(";\n")
    made = json.loads(text.removeprefix("window.playground = ")[:-2])
    assert made.keys() == SITE.keys() and made["networks"].keys() == SITE["networks"].keys()
    for name, packed in made["networks"].items():
        kernels = [block["kernel"]["shape"] for block in packed["blocks"]]
        stored = [block["kernel"]["shape"] for block in SITE["networks"][name]["blocks"]]
        assert kernels == stored
