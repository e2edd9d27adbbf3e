"""A digit to draw: networks and images as `playground.js` reads them, in notebooks and on the site.

    .venv/bin/python -m ffhelpers.playground    # trains the site's networks again, some minutes

A network there is a dict of plain values and of packed arrays, `{"shape", "dtype", "base64"}`. Its
weights are float32, or for the site int8: each unit has a step of its own, its largest weight / 127.
"""

import base64
import importlib.util
import json
from pathlib import Path

import keras
import numpy as np

from . import evaluation, plots
from .augmentation import batches
from .convolutions import Conv
from .data import load
from .goodness import KINDS, ClassChannels
from .hardware import setup
from .labels import LabelPixels
from .layers import Dense, Labelled
from .losses import PairwiseLoss, SoftmaxLoss
from .machine import watched
from .model import ForwardForward
from .negatives import hybrid_masks
from .sources import Images

MODULE = Path(__file__).with_suffix(".js")
NETWORKS = Path(__file__).parents[1] / "site" / "playground_networks.js"


def packed(values, whole=False):
    """An array as JSON can hold it.

    Args:
        values: uint8 or float.
        whole: as int8, with a step for each place of the last axis; else float32. Bytes stay bytes.

    Returns:
        dict with `shape`, `dtype`, `base64` and, if `whole`, `scale`, the packed steps.

    Example:
        `packed(np.ones((2, 3)))["shape"]` is `[2, 3]`.
    """
    values, scale = np.asarray(values), {}
    if values.dtype != "uint8":
        values = values.astype("float32")
    if whole:
        values, steps = _whole(values)
        scale = {"scale": packed(steps)}
    text = base64.b64encode(values.tobytes()).decode()
    return {"shape": list(values.shape), "dtype": values.dtype.name, "base64": text, **scale}


def _whole(values):
    """As int8, and the step of each place of the last axis."""
    steps = np.abs(values).max(axis=tuple(range(values.ndim - 1))).clip(1e-12) / 127
    return np.rint(values / steps).astype("int8"), steps


def network(model, whole=False, error=None):
    """A trained network as `playground.js` reads it.

    Args:
        model: a `ForwardForward` for grey pictures: dense blocks that read a label's pixels, or
            convolutions with channels for each class, normalised over batches; with ReLU.
        whole: see `packed`; biases and what normalises stay float32.
        error: of its predictions, a fraction, to be shown.

    Returns:
        dict, ready for JSON.

    Raises:
        ValueError: a network of another kind, or one that was not built.

    Example:
        `network(ff.ForwardForward([200, 200], num_classes=10))`, after its `fit`.
    """
    if not model.built:
        raise ValueError("this network has seen no image yet: fit it first")
    shape = model.source.image_shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,)):
        raise ValueError(f"a network for images of shape {shape}: expected grey ones, (h, w)")
    first = model.blocks[0]
    if isinstance(first, Labelled) and isinstance(first.label, LabelPixels):
        blocks = [_dense(first.block, whole), *(_dense(b, whole) for b in model.blocks[1:])]
        pixels = first.label.pixels or range(model.num_classes)
        kind = {"label": {"pixels": list(pixels), "brightness": first.label.brightness}}
        about = f"{_listed(model)} units; the label is a pixel in the image"
    else:
        blocks = [_conv(block, whole) for block in model.blocks]
        kinds = {block.kind.kind for block in model.blocks}
        if len(kinds) > 1 or not kinds <= {KINDS["mean_square"], KINDS["mean_activity"]}:
            raise ValueError(
                "convolutions of other goodness: expected mean_square or mean_activity"
            )
        squares = kinds == {KINDS["mean_square"]}
        kind = {"squares": squares}
        about = f"{_listed(model)} channels; a group of them for each class"
    about += "" if error is None else f"; wrong on {100 * error:.1f} % of the test images"
    kind |= {"classes": model.num_classes, "shape": list(shape[:2])}
    return {"blocks": blocks, "silent": model.silent_blocks, "about": f"{about}.", **kind}


def _listed(model):
    return " + ".join(str(getattr(block, "block", block).units) for block in model.blocks)


def _dense(block, whole):
    if type(block) is not Dense or not block.normalized or block.kind is not KINDS["mean_square"]:
        raise ValueError(f"{block.name}: expected ff.Dense, or convolutions alone")
    return _weights(block, whole)


def _conv(block, whole):
    of_classes = isinstance(getattr(block, "kind", None), ClassChannels)
    if type(block) is not Conv or not of_classes or block.normalization != "batch":
        raise ValueError(
            f"{block.name}: expected ff.Conv with ff.ClassChannels and normalization='batch', or "
            "dense blocks that read a label's pixels"
        )
    norm = block.over_batches
    scale = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    over_batches = {"mean": packed(norm.moving_mean.numpy()), "scale": packed(scale)}
    return {**_weights(block, whole), "pool": block.pool, **over_batches}


def _weights(block, whole):
    if block.activation is not keras.activations.relu:
        raise ValueError(f"{block.name} has another activation: expected relu")
    return {"kernel": packed(block.kernel, whole), "bias": packed(block.bias)}


def page(networks, images, names):
    """All that a page needs: networks, a stored image of each class, masks for hybrids.

    Args:
        networks: name → what `network` gave.
        images: float in [0, 1] or uint8, `(num_classes, h, w)` or `(num_classes, h, w, 1)`.
        names: of the classes.

    Raises:
        ValueError: images of another shape than a network's, or not one image and one name for
            each of its classes.
    """
    images = np.asarray(images)
    for each in networks.values():
        expected = (each["classes"], *each["shape"])
        if images.shape not in (expected, (*expected, 1)) or len(names) != expected[0]:
            raise ValueError(
                f"images of shape {images.shape} and {len(names)} names: expected {expected} and "
                f"{expected[0]} names, one of each class"
            )
    shape = images.shape[1:3]
    images = images.reshape(-1, *shape)
    if images.dtype != "uint8":
        images = np.rint(255 * images).astype("uint8")
    masks = 255 * np.array(hybrid_masks(8, shape, 6, seed=1)).astype("uint8")
    pictures = {"digits": packed(images), "masks": packed(masks)}
    return {"networks": networks, "shape": list(shape), "names": list(names), **pictures}


def one_of_each(data):
    """An image of each class of a `Data`, `(num_classes, …)`: of a test image where there is one.

    A class without any image has a black one.
    """
    parts = [(data.x_test, data.y_test), (data.x_train, data.y_train), (data.x_val, data.y_val)]
    return np.stack(
        [
            next((x[np.argmax(y == label)] for x, y in parts if label in y), 0 * data.x_train[0])
            for label in range(data.num_classes)
        ]
    )


def markup(networks):
    """HTML that shows a playground with the site's networks.

    Args:
        networks: address of a file that sets `window.playground`, as `main` writes it.
    """
    # The module stands in the page itself: a browser loads none from a folder without a server.
    return f"""\
<p>These networks learned for longer than those of lesson 12, and from digits moved by up to two
pixels. So they misread fewer digits that are moved.</p>
<div id="playground"><noscript>Drawing needs JavaScript.</noscript></div>
<script src="{networks}"></script>
<script type="module">
{MODULE.read_text("utf-8")}
const place = document.getElementById("playground");
if (window.playground !== place) mount(place, window.playground); // unset, it is that element
else place.textContent = "The networks are missing: expected them in {networks}. " +
  "Keep the folders together, as in the repository.";
</script>
"""


def show(networks, images, names):
    """The playground below a notebook's cell, where a person watches; else a picture of an answer.

    Args:
        networks: name → a trained model, see `network`.
        images, names: as for `page`.

    Example:
        `playground.show({"dense": model}, playground.one_of_each(data), data.class_names)`
    """
    data = page({name: network(model) for name, model in networks.items()}, images, names)
    if not watched():
        print("Run this cell in JupyterLab, VS Code or Colab: a sheet of paper appears here.")
        votes = [model.predict(images[-1:], verbose=0)[0] for model in networks.values()]
        stored = np.repeat(images[-1:], len(votes), axis=0)
        titles = [f"{name}: {names[np.argmax(vote)]}" for name, vote in zip(networks, votes)]
        plots.with_bars(stored, votes, "vote", titles, "label", names)
    elif importlib.util.find_spec("anywidget") is None:
        print("To draw here: pip install anywidget, then reload this page and run the cell again.")
    else:
        from IPython.display import display

        display(_widget(data))


def _widget(data):
    import anywidget
    import traitlets

    class Playground(anywidget.AnyWidget):
        _esm = MODULE
        data = traitlets.Dict().tag(sync=True)

    return Playground(data=data)


# --- The site's networks ---------------------------------------------------------------------


def untrained(num_classes):
    """Two small networks: name → model."""
    goodness = ClassChannels(num_classes)
    convs = [
        Conv(num_classes * each, pool=pool, normalization="batch", goodness=goodness)
        for each, pool in ((1, 2), (4, 2), (8, 2), (8, 1))
    ]
    return {
        "dense": ForwardForward([200, 200], num_classes=num_classes),
        "convolutional": ForwardForward(convs, source=Images(num_classes), silent_blocks=2),
    }


PLANS = {  # epochs, images in a step, learning rate, loss: as in lessons 04 and 06
    "dense": (20, 250, 4e-3, PairwiseLoss(10.0, pull=0.03)),
    "convolutional": (4, 128, 8e-3, SoftmaxLoss(2.0, pull=0.0)),
}


def train(model, data, epochs, batch_size, rate, loss):
    """Train a network from moved images: people draw less evenly than MNIST's writers."""
    moved = batches(data.x_train, data.y_train, batch_size, shift=2)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * len(moved))
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.0), loss)
    model.fit(moved, epochs=epochs, verbose=2)


def rounded(model):
    """Round the weights as `packed` does, in place: the network that the site has."""
    for block in model.blocks:
        kernel = getattr(block, "block", block).kernel
        values, steps = _whole(kernel.numpy())
        kernel.assign(values * steps)


def main():
    setup(seed=1)
    data, networks = load("mnist"), {}
    for name, model in untrained(data.num_classes).items():
        train(model, data, *PLANS[name])
        before = evaluation.error(model.predict(data.x_test, 500, verbose=0), data.y_test)
        rounded(model)
        after = evaluation.error(model.predict(data.x_test, 500, verbose=0), data.y_test)
        print(f"{name}: test error {before:.2%}, with weights of a byte {after:.2%}")
        networks[name] = network(model, whole=True, error=after)
    shown = page(networks, one_of_each(data), data.class_names)
    NETWORKS.write_text(f"window.playground = {json.dumps(shown)};\n")
    print(f"{NETWORKS}: {NETWORKS.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
