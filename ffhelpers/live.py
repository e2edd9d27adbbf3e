"""A picture of the goodness parting, in one place of a notebook, while a network learns."""

import io
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib.figure import Figure

from .labels import check_labels
from .machine import watched
from .style import NEGATIVE, POSITIVE

IMAGES = 200  # enough for a histogram
SHARE = 1 / 50  # of a training's time, for the pictures between the first and the last


def live(x, y):
    """Callbacks for `fit` that show how a network parts true labels from wrong ones.

    A picture with the histograms of each block's goodness appears before the first step. It is
    drawn again in its place while the network learns, as often as a fiftieth of the time allows,
    and once more at the end.

    Args:
        x: images that the network does not learn from, as for `predict`; 200 are looked at.
        y: their labels, int `(n,)`. The wrong label of an image is the next one.

    Returns:
        A list: empty where nobody watches or this is no notebook, so that nothing is spent there.

    Raises:
        ValueError: not a label for each image; in `fit`, labels that are not the network's.

    Example:
        `model.fit(x, y, callbacks=plots.live(data.x_val, data.y_val))`
    """
    return [_Live(x, y)] if watched() and "inline" in plt.get_backend() else []


class _Live(keras.callbacks.Callback):
    def __init__(self, x, y):
        super().__init__()
        if not all(isinstance(a, (list, tuple)) or getattr(a, "ndim", 0) for a in (x, y)):
            raise ValueError(
                f"x={type(x).__name__}, y={type(y).__name__}: expected images and labels as arrays"
            )
        if len(x) != len(y) or not len(x):
            raise ValueError(f"{len(x)} images and {len(y)} labels: expected one for each image")
        self.x, self.y = np.asarray(x[:IMAGES]), np.asarray(y[:IMAGES])

    def on_train_begin(self, logs=None):
        check_labels(self.y, self.model.num_classes)
        positive, negative = self._goodness()
        self.figure, self.stairs = _empty(len(positive))
        self._fill(positive, negative)
        self.shown = display(self._picture(), display_id=True)
        self.began, self.spent = time.perf_counter(), 0.0

    def on_train_batch_end(self, batch, logs=None):  # after up to 20 steps each
        if self.spent <= SHARE * (time.perf_counter() - self.began):
            self._draw()

    def on_train_end(self, logs=None):
        self._draw()

    def _draw(self):
        start, goodness = time.perf_counter(), self._goodness()
        if not np.isfinite(goodness).all():  # the training says so after this step, and ends
            return
        self._fill(*goodness)
        self.shown.update(self._picture())
        self.spent += time.perf_counter() - start

    def _goodness(self):
        """Of the true and of the next label, each float `(blocks, n)`."""
        by_block = self.model.block_goodness(keras.ops.convert_to_tensor(self.x))
        by_block = np.array([keras.ops.cast(g, "float32") for g in by_block])
        rows, labels, count = np.arange(len(self.y)), self.y.reshape(-1), by_block.shape[-1]
        return by_block[:, rows, labels], by_block[:, rows, (labels + 1) % count]

    def _fill(self, *goodness):
        for ax, pair, values in zip(self.figure.axes, self.stairs, zip(*goodness)):
            edges = spread(values, 31)
            counts = [np.histogram(each, edges)[0] for each in values]
            for stairs, heights in zip(pair, counts):
                stairs.set_data(heights, edges)
            ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.05 * np.max(counts)))

    def _picture(self):
        drawn = io.BytesIO()
        self.figure.savefig(drawn, dpi=2 * self.figure.dpi)
        return Image(drawn.getvalue(), retina=True)


def spread(goodness, count):
    """So many edges of a histogram from 0, or below it, to nearly the largest goodness."""
    low, high = min(0, np.quantile(goodness, 0.005)), max(0, np.quantile(goodness, 0.995))
    return np.linspace(low, high if high > low else low + 1, count)


def _empty(blocks):
    """A figure, and its positive and negative histogram for each block."""
    figure = Figure(figsize=(3.3 * blocks, 2.7), layout="constrained")
    stairs = []
    for i, ax in enumerate(figure.subplots(1, blocks, squeeze=False)[0], 1):
        kinds = {"true label": POSITIVE, "wrong label": NEGATIVE}
        look = {"fill": True, "alpha": 0.6}
        stairs.append([ax.stairs([0], label=k, color=c, **look) for k, c in kinds.items()])
        ax.set(title=f"block {i}", xlabel="goodness", yticks=[])
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=2)
    return figure, stairs
