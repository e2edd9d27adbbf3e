"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

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


def ingredients():
    """What a recipe chooses, in grey, beside the place in a network where it acts."""
    ax = canvas(12.4, 6.9)
    box(ax, 2.3, 0.6, "image, true label", width=3.4, color=POSITIVE)
    box(ax, 6.1, 0.6, "image, wrong label", width=3.4, color=NEGATIVE)
    for layer, y in ((1, 1.9), (2, 4.7)):
        if layer == 1:
            arrow(ax, (2.3, 1), (3, y), POSITIVE)
            arrow(ax, (6.1, 1), (3.4, y), NEGATIVE)
        else:
            arrow(ax, (3.2, y - 1.2), (3.2, y), stopped=True)
        box(ax, 3.2, y + 0.8, f"layer {layer}: normalise,\nweights, ReLU", width=4.6, height=1.6)
        arrow(ax, (5.5, y + 1.2), (6.3, y + 1.2))
        box(ax, 7.6, y + 1.2, "goodness", width=2.6)
        arrow(ax, (7.6, y + 0.8), (7.6, y + 0.55))
        box(ax, 7.6, y + 0.15, "own loss", width=2.6)
    said = {"color": NEUTRAL, "fontsize": 12, "va": "center"}
    ax.text(9.2, 5.9, "of what kind,\nand who votes", **said)
    ax.text(9.2, 4.85, "pairwise\nor threshold", **said)
    ax.text(9.2, 2.6, "layers together\nor one by one;\noptimizer", **said)
    ax.text(8.1, 0.6, "negatives: fixed,\nuniform, hard", **said)
    show(ax.figure)
