"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle

from .style import COLORS, NEGATIVE, NEUTRAL, POSITIVE, show


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


def _labelled_image(ax, x, y, digit, label, color, pixel=0.17, size=34):
    """A picture of a digit, drawn large, with its label's pixel lit in the top row."""
    left, top = x - 5 * pixel, y + 5 * pixel
    frame = {"edgecolor": NEUTRAL, "linewidth": 0.8}
    corner = (left, y - 5 * pixel)
    ax.add_patch(Rectangle(corner, 10 * pixel, 10 * pixel, facecolor="white", **frame))
    for i in range(10):
        corner, lit = (left + i * pixel, top - pixel), color if i == label else "white"
        ax.add_patch(Rectangle(corner, pixel, pixel, facecolor=lit, **frame))
    ax.text(x, y - pixel / 2, digit, ha="center", va="center", fontsize=size)


def lessons():
    """A small picture for each lesson, and which ones build on which.

    The first row is read in its order; after it any lesson of the second, but for those that an
    arrow leads to.
    """
    ax = canvas(12, 5.6)
    for i, (title, picture) in enumerate(_LESSONS.items()):
        x, y = 1 + 2 * (i % 6), 4.2 if i < 6 else 1.3
        panel = ax.inset_axes([x - 0.7, y - 0.7, 1.4, 1.4], transform=ax.transData)
        panel.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        panel.grid(False)
        for spine in panel.spines.values():
            spine.set(visible=True, color=NEUTRAL)
        picture(panel)
        ax.text(x, y + 0.95, f"{i:02} {title}", ha="center", va="center", fontsize=11)
        if 0 < i < 6:
            arrow(ax, (x - 1.25, y), (x - 0.75, y))
    ax.plot([0.1, 11.9], [2.9, 2.9], color=NEUTRAL, linewidth=0.8)
    # 10 and 11 read their networks as 08 does.
    ax.plot([5, 5, 11], [0.55, 0.25, 0.25], color="black", linewidth=1)
    for x in (9, 11):
        arrow(ax, (x, 0.25), (x, 0.57))
    show(ax.figure)


def _start_panel(ax):
    for y in (0.2, 0.5, 0.8):
        ax.add_patch(Rectangle((0.25, y - 0.07), 0.5, 0.14, facecolor="white", edgecolor="black"))
    for x, color in ((0.4, POSITIVE), (0.6, NEGATIVE)):
        for y in (0.27, 0.57):
            ax.annotate("", (x, y + 0.16), (x, y), arrowprops={"arrowstyle": "->", "color": color})


def _label_panel(ax):
    _labelled_image(ax, 0.5, 0.45, "7", 7, POSITIVE, pixel=0.08, size=28)


def _loss_panel(ax):
    x = np.linspace(0, 1, 50)
    for sign, color in ((1, NEGATIVE), (-1, POSITIVE)):
        ax.plot(x, 0.12 * np.logaddexp(0, sign * 14 * (x - 0.5)) + 0.05, color=color)
    ax.axvline(0.5, color=NEUTRAL, linestyle=":")


def _training_panel(ax):
    x = np.linspace(0, 1, 50)
    for sign, color in ((1, POSITIVE), (-1, NEGATIVE)):
        ax.plot(x, 0.5 + sign * 0.4 * np.tanh(2 * x**1.5), color=color)


def _candidates_panel(ax):
    heights = [0.3, 0.25, 0.35, 0.4, 0.22, 0.28, 0.2, 0.85, 0.3, 0.45]
    colors = [POSITIVE if height > 0.8 else NEUTRAL for height in heights]
    ax.bar(np.linspace(0.1, 0.9, 10), heights, 0.065, color=colors)


def _intervals_panel(ax):
    ax.axvline(0.3, color=POSITIVE, linestyle=":")
    for y, x in ((0.8, 0.3), (0.6, 0.35), (0.4, 0.5), (0.2, 0.75)):
        ax.plot([x - 0.1, x + 0.1], [y, y], color="black" if y < 0.8 else POSITIVE)
        ax.plot(x, y, "o", markersize=4, color="black" if y < 0.8 else POSITIVE)


def _channels_panel(ax):
    for i in reversed(range(6)):
        corner, color = (0.15 + 0.08 * i, 0.2 + 0.06 * i), COLORS[i // 2]
        ax.add_patch(Rectangle(corner, 0.35, 0.35, facecolor=color, edgecolor="white"))


def _fields_panel(ax):
    ax.add_patch(Rectangle((0.1, 0.1), 0.55, 0.55, facecolor="white", edgecolor="black"))
    fields = ((0.12, 0.12, POSITIVE, (0.8, 0.5)), (0.38, 0.38, NEGATIVE, (0.8, 0.85)))
    for x, y, color, unit in fields:
        ax.add_patch(Rectangle((x, y), 0.25, 0.25, facecolor="none", edgecolor=color, linewidth=2))
        for corner in ((x + 0.25, y), (x + 0.25, y + 0.25)):
            ax.plot(*zip(corner, unit), color=color, linewidth=0.8)
        ax.plot(*unit, "o", color=color)


def _hybrid_panel(ax):
    x, y = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
    mask = np.sin(7 * x + 2 * np.sin(5 * y)) + np.sin(6 * y - 3 * x) > 0
    picture = np.where(mask[..., None], to_rgb(POSITIVE), to_rgb(NEGATIVE))
    ax.imshow(picture, extent=(0.1, 0.9, 0.1, 0.9), alpha=0.8, aspect="auto")
    ax.set(xlim=(0, 1), ylim=(0, 1))


def _recurrent_panel(ax):
    for y in (0.2, 0.5, 0.8):
        ax.add_patch(Rectangle((0.25, y - 0.07), 0.5, 0.14, facecolor="white", edgecolor="black"))
    for y in (0.27, 0.57):
        for x, start, end, color in ((0.4, 0, 0.16, POSITIVE), (0.6, 0.16, 0, NEGATIVE)):
            style = {"arrowstyle": "->", "color": color}
            ax.annotate("", (x, y + end), (x, y + start), arrowprops=style)


def _text_panel(ax):
    style = {"ha": "center", "va": "center", "fontsize": 15, "family": "monospace"}
    ax.text(0.45, 0.68, "the fo", **style)
    ax.text(0.86, 0.68, "x", color=POSITIVE, **style)
    ax.text(0.45, 0.32, "the fo", **style)
    ax.text(0.86, 0.32, "e", color=NEGATIVE, **style)


def _phases_panel(ax):
    for i in range(12):
        awake = i // 3 % 2 == 0
        color = POSITIVE if awake else NEGATIVE
        ax.bar(0.1 + 0.073 * i, 0.25, 0.055, 0.52 if awake else 0.22, color=color)


_LESSONS = {
    "start here": _start_panel,
    "labels": _label_panel,
    "the loss": _loss_panel,
    "training": _training_panel,
    "evaluation": _candidates_panel,
    "ablations": _intervals_panel,
    "convolutions": _channels_panel,
    "local fields": _fields_panel,
    "no labels": _hybrid_panel,
    "recurrence": _recurrent_panel,
    "sequences": _text_panel,
    "asleep": _phases_panel,
}
