"""Draws the README's picture: the algorithm, and a digit's ten candidates.

    .venv/bin/python docs/picture.py    # trains a small network first, some seconds

The picture carries the goodness that it was drawn from, so that it can be drawn again alike.
"""

import ffhelpers as ff  # first, it keeps TensorFlow's start quiet

import io
import json
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from PIL.PngImagePlugin import PngInfo

from ffhelpers.drawings import arrow, box
from ffhelpers.files import whole
from ffhelpers.style import NEGATIVE, NEUTRAL, POSITIVE

PATH = Path(__file__).with_name("forward_forward.png")
DIGIT = 0  # of the test images


def main():
    data = ff.load("mnist")
    goodness = predicted(data)
    save(draw(data, goodness), goodness, PATH)
    print(f"{PATH}: {PATH.stat().st_size // 1000} kB")


def predicted(data):
    """The goodness of each label of the digit, after a short training."""
    ff.setup(seed=1)
    model = ff.ForwardForward([500, 500], num_classes=data.num_classes)
    model.compile(keras.optimizers.Adam(2e-3), ff.ThresholdLoss(1.0, 10.0))
    model.fit(data.x_train, data.y_train, batch_size=250, epochs=4, verbose=0)
    return model.predict(data.x_test[DIGIT : DIGIT + 1], verbose=0)[0].tolist()


def draw(data, goodness):
    """The picture, of the goodness of each label, as a figure."""
    image, label = data.x_test[DIGIT], int(data.y_test[DIGIT])
    figure = plt.figure(figsize=(10, 5.2))
    top = figure.add_axes((0, 0.44, 1, 0.56), xlim=(0, 20), ylim=(0, 5.8), aspect="equal")
    _passes(top, image, label, int(np.argsort(goodness)[-2]))
    bottom = figure.add_axes((0, 0, 1, 0.44), xlim=(0, 20), ylim=(0, 4.6), aspect="equal")
    _candidates(bottom, image, goodness)
    for ax in (top, bottom):
        ax.axis("off")
    return figure


def save(figure, goodness, path):
    """Keep the figure as PNG, with a palette, at twice the pixels that a page shows it with."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=170)
    plt.close(figure)
    about = PngInfo()
    about.add_text("goodness", json.dumps(goodness))
    picture = PIL.Image.open(drawn).convert("RGB").quantize(dither=PIL.Image.Dither.NONE)
    with whole(path) as aside:
        picture.save(aside, "png", optimize=True, pnginfo=about)


def _digit(ax, x, y, image, label, color, size=1.7):
    """An image with its label, the first row of pixels, drawn large above it."""
    half = size / 2
    ax.imshow(image, extent=(x - half, x + half, y - half, y + half), zorder=2, vmin=0, vmax=1)
    frame = {"edgecolor": NEUTRAL, "linewidth": 0.8, "zorder": 3}
    ax.add_patch(plt.Rectangle((x - half, y - half), size, size, facecolor="none", **frame))
    cell = size / 10
    for i in range(10):
        filled = color if i == label else "white"
        place = (x - half + i * cell, y + half + 0.08)
        ax.add_patch(plt.Rectangle(place, cell, 1.3 * cell, facecolor=filled, **frame))


def _passes(ax, image, label, wrong):
    """One image with its true label, one with a wrong one, through the same two layers."""
    layers = (8.7, 14.2)
    for x, name in zip(layers, ("layer 1", "layer 2")):
        box(ax, x, 2.9, name, width=2.6, height=5.4, fill="#f2f2f2", size=13)
    for y, shown, color, kind, which, aim, full in (
        (4.3, label, POSITIVE, "positive", "its label", "as high\nas possible", 0.85),
        (1.5, wrong, NEGATIVE, "negative", "a wrong label", "as low\nas possible", 0.2),
    ):
        ax.text(0.5, y + 0.35, kind, color=color, fontsize=15, va="center", weight="bold")
        ax.text(0.5, y - 0.35, f"{which}, {shown}", color=color, fontsize=12, va="center")
        _digit(ax, 4.9, y - 0.1, image, shown, color)
        for start, end in ((5.95, layers[0] - 1.3), (layers[0] + 1.3, layers[1] - 1.3)):
            arrow(ax, (start, y), (end, y), color, stopped=start > layers[0])
        for x in layers:
            _gauge(ax, x, y, color, full)
        ax.text(16.1, y, f"goodness\n{aim}", color=color, fontsize=13, va="center")
    middle = sum(layers) / 2
    ax.text(middle, 2.9, "no gradient\npasses", fontsize=11, ha="center", va="center")


def _gauge(ax, x, y, color, full, width=0.9, height=1.7):
    """How much goodness, as a bar in a frame that it fills in part."""
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(plt.Rectangle(corner, width, full * height, facecolor=color, zorder=3))
    frame = {"edgecolor": NEUTRAL, "facecolor": "white", "linewidth": 0.8, "zorder": 2.5}
    ax.add_patch(plt.Rectangle(corner, width, height, **frame))


def _candidates(ax, image, goodness):
    """The image under each label, and its goodness as a bar."""
    best = int(np.argmax(goodness))
    ax.text(
        0.5,
        4.3,
        "Which digit is it? Try every label, take the one with the most goodness.",
        fontsize=14,
        va="center",
    )
    for i, value in enumerate(goodness):
        x = 1.45 + 1.9 * i
        color = POSITIVE if i == best else NEUTRAL
        _digit(ax, x, 2.75, image, i, color, size=1.5)
        height = 0.95 * value / max(goodness)
        ax.add_patch(plt.Rectangle((x - 0.4, 0.6), 0.8, height, facecolor=color))
        ax.text(x, 0.68 + height, f"{value:.1f}", fontsize=11, ha="center", color="black")
        weight = "bold" if i == best else "normal"
        ax.text(x, 0.27, str(i), fontsize=13, ha="center", va="center", color=color, weight=weight)


if __name__ == "__main__":
    main()
