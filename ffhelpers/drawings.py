"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Rectangle

from .style import NEGATIVE, NEUTRAL, POSITIVE, show


def canvas(width, height):
    """An empty drawing of `width` × `height` units, from (0, 0) at its lower left: its axes."""
    figure, ax = plt.subplots(figsize=(0.8 * width, 0.8 * height), layout="constrained")
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")
    return ax


def box(ax, x, y, text="", width=2.0, height=0.8, color="black", fill="white", size=11):
    """A rounded box with its text, centred at (x, y)."""
    style = {"boxstyle": "round,pad=0,rounding_size=0.12", "edgecolor": color, "facecolor": fill}
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(FancyBboxPatch(corner, width, height, zorder=2, **style))
    ax.text(x, y, text, ha="center", va="center", fontsize=size, color=color, zorder=3)


def arrow(ax, start, end, color="black", text="", stopped=False, dashed=False, size=10):
    """An arrow from one point to another.

    Args:
        text: beside its middle.
        stopped: with a bar across it, where `stop_gradient` stands: numbers pass, no gradient does.
        dashed: a dashed line.
    """
    (x0, y0), (x1, y1) = start, end
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.2,head_length=0.35",
            "color": color,
            "shrinkA": 0,
            "shrinkB": 0,
            "linestyle": "--" if dashed else "-",
        },
    )
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
    across = -(y1 - y0) / length, (x1 - x0) / length
    if stopped:
        bar = [(c - 0.18 * a, c + 0.18 * a) for c, a in zip((x, y), across)]
        ax.plot(*bar, color=NEGATIVE, linewidth=3, zorder=3)
    if text:
        away = 0.3 if stopped else 0.15
        x, y = x - away * across[0], y - away * across[1]
        ha = "center" if abs(across[1]) > 0.7 else ("left" if across[0] < 0 else "right")
        va = "center" if abs(across[0]) > 0.7 else ("top" if across[1] > 0 else "bottom")
        ax.text(x, y, text, ha=ha, va=va, fontsize=size, color=color)


def network(model):
    """Any `ForwardForward` model: its source, its blocks with their shapes, what each learns by.

    Args:
        model: built, as after the first `fit` or `predict`; or not, then without shapes.

    Example:
        `plots.network(ff.ForwardForward([500, 500], num_classes=10))`
    """
    blocks = model.blocks
    ax = canvas(10, 1.4 + 1.6 * len(blocks))
    box(ax, 3, 0.6, type(model.source).__name__, width=4.4, fill="#f2f2f2")
    for i, block in enumerate(blocks):
        y = 2.2 + 1.6 * i
        arrow(ax, (3, y - 1.2), (3, y - 0.4), stopped=i > 0)
        box(ax, 3, y, _described(block), width=4.4)
        arrow(ax, (5.2, y), (6.3, y), POSITIVE)
        box(ax, 8, y, _learned_by(model, block), width=3.4, color=POSITIVE, size=10)
    show(ax.figure)


def _described(block):
    kernels = [v for v in block.weights if v.path.endswith("kernel")]
    shape = " × ".join(str(n) for n in kernels[0].shape) if kernels else "not built yet"
    reader, inner = type(block).__name__, getattr(block, "block", None)
    return f"{reader}({type(inner).__name__})\n{shape}" if inner else f"{reader}\n{shape}"


def _learned_by(model, block):
    kind = getattr(block, "block", block).kind
    loss = type(model.loss).__name__ if getattr(model, "loss", None) else "not compiled yet"
    named = getattr(kind, "__name__", type(kind).__name__)
    return f"{named}\n{loss if block.trainable else 'frozen'}"


def backprop_and_forward_forward():
    """The same three layers twice: one loss above all of them, or a loss beside each.

    Solid arrows carry activities, dashed ones gradients; at an orange bar the gradient stops.
    """
    ax = canvas(10, 7.4)
    ax.text(1.4, 7.1, "Backpropagation", ha="center", va="center", fontsize=14)
    ax.text(7.4, 7.1, "Forward-Forward", ha="center", va="center", fontsize=14)
    box(ax, 1.4, 0.5, "image", width=2.6, fill="#f2f2f2", size=12)
    box(ax, 6.2, 0.5, "image + label", width=2.6, fill="#f2f2f2", size=12)
    for i in range(3):
        y = 2.0 + 1.5 * i
        for x in (1.4, 6.2):
            box(ax, x, y, f"layer {i + 1}", width=2.6, size=12)
        arrow(ax, (1.0, y - 1.1), (1.0, y - 0.4))
        arrow(ax, (1.8, y + 1.1), (1.8, y + 0.4), dashed=True)
        arrow(ax, (6.2, y - 1.1), (6.2, y - 0.4), stopped=i > 0)
        arrow(ax, (7.5, y + 0.15), (8.4, y + 0.15))
        arrow(ax, (8.4, y - 0.15), (7.5, y - 0.15), dashed=True)
        box(ax, 9.2, y, f"loss {i + 1}", width=1.5, size=12)
    arrow(ax, (1.0, 5.4), (1.0, 6.1))
    box(ax, 1.4, 6.4, "loss, from the label", width=2.6, height=0.6, size=12)
    note = {"va": "center", "fontsize": 12}
    ax.text(2.9, 3.5, "the gradient\ncomes back\nthrough all", **note)
    ax.text(7.4, 6.1, "the gradient stays in its layer", ha="center", **note)
    show(ax.figure)


def forward_forward():
    """The two passes through one network of two blocks.

    The label enters with the image, goodness is read at each block, and no gradient passes an orange
    bar. Dashed arrows are the gradients of each block's own loss.
    """
    ax = canvas(10, 7.6)
    _labelled_image(ax, 1.4, 1.5, "7", 7, POSITIVE)
    _labelled_image(ax, 8.6, 1.5, "7", 3, NEGATIVE)
    for i in range(2):
        y = 3.8 + 2 * i
        box(ax, 5, y, f"loss {i + 1}", width=1.8, size=12)
        _pass(ax, y, i, 1.4, (2.5, 4.1), "raise it", POSITIVE)
        _pass(ax, y, i, 8.6, (7.5, 5.9), "lower it", NEGATIVE)
    for x in (1.4, 8.6):
        arrow(ax, (x, 6.2), (x, 7.3), stopped=True)
    note = {"ha": "center", "va": "center", "fontsize": 12}
    ax.text(1.4, 0.3, "positive: true label 7", color=POSITIVE, **note)
    ax.text(8.6, 0.3, "negative: wrong label 3", color=NEGATIVE, **note)
    ax.text(5, 1.9, "the label is a pixel\nin the image's top row", **note)
    ax.text(5, 4.8, "the same weights in both passes", **note)
    ax.text(5, 7.0, "to the next block;\nno gradient passes a bar", **note)
    show(ax.figure)


def _pass(ax, y, i, x, reach, verb, color):
    """One block in one of the two passes, from the image or block below it, and its goodness."""
    box(ax, x, y, f"block {i + 1}", width=2.2, color=color, size=12)
    arrow(ax, (x, y - (1.6 if i else 1.4)), (x, y - 0.4), stopped=i > 0)
    edge, to = reach
    arrow(ax, (edge, y + 0.15), (to, y + 0.15), color)
    arrow(ax, (to, y - 0.15), (edge, y - 0.15), color, dashed=True)
    note = {"ha": "center", "va": "center", "fontsize": 12, "color": color}
    ax.text((edge + to) / 2, y + 0.42, "goodness", **note)
    ax.text((edge + to) / 2, y - 0.42, verb, **note)


def _labelled_image(ax, x, y, digit, label, color):
    """A picture of a digit, drawn large, with its label's pixel lit in the top row."""
    pixel = 0.17
    left, top = x - 5 * pixel, y + 5 * pixel
    frame = {"edgecolor": NEUTRAL, "linewidth": 0.8}
    corner = (left, y - 5 * pixel)
    ax.add_patch(Rectangle(corner, 10 * pixel, 10 * pixel, facecolor="white", **frame))
    for i in range(10):
        corner, lit = (left + i * pixel, top - pixel), color if i == label else "white"
        ax.add_patch(Rectangle(corner, pixel, pixel, facecolor=lit, **frame))
    ax.text(x, y - pixel / 2, digit, ha="center", va="center", fontsize=34)


def prediction():
    """Two ways to predict with a trained network: a pass for each label, or one neutral pass."""
    ax = canvas(12.4, 6.6)
    for below in (0.24, 0.12):  # more copies of the image behind it
        box(ax, 1.6 + below, 4.4 + below, width=2.4, height=1.1)
    box(ax, 1.6, 4.4, "image + label\n0, 1, …, 9", width=2.4, height=1.1, size=12)
    box(ax, 1.6, 1.2, "image +\nneutral label", width=2.4, height=1.1, size=12)
    for y, color, read in ((4.4, POSITIVE, "goodness"), (1.2, NEUTRAL, "activities")):
        for i, x in enumerate((4.9, 8.1)):
            arrow(ax, (x - 2.2 if i else 2.8, y), (x - 1, y))
            box(ax, x, y, f"layer {i + 1}", size=12)
            ax.plot([x, x], [y + 0.4, y + 1.3], color=color, linewidth=1)
            ax.text(x + 0.15, y + 0.75, read, color=color, va="center", fontsize=12)
        ax.plot([4.9, 11.2], [y + 1.3] * 2, color=color, linewidth=1)
        arrow(ax, (11.2, y + 1.3), (11.2, y + 0.55), color)
    box(ax, 11.2, 4.4, "add up;\nthe largest wins", width=2.3, height=1.1, color=POSITIVE)
    box(ax, 11.2, 1.2, "softmax, trained\nafterwards", width=2.3, height=1.1)
    ax.text(0.4, 6.2, "Ten candidates", va="center", fontsize=14)
    ax.text(0.4, 2.7, "One pass", va="center", fontsize=14)
    show(ax.figure)
