"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Rectangle

from .style import NEGATIVE, POSITIVE, show


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


def pair(positive, negative, labels):
    """An image with its true label and with a wrong one, and what a layer makes of the two.

    Args:
        positive, negative: the images, float `(h, w)` or `(h, w, channels)`.
        labels: their names, the true one first.

    Example:
        `drawings.pair(*ff.write_label(images[[0, 0]], [5, 6], 10), ["5", "6"])`
    """
    ax = canvas(11, 5.4)
    box(ax, 5.3, 2.7, "one layer,\nthe same weights", width=2.8, height=1.4)
    for image, y, kind, label, color, learns in (
        (positive, 4.2, "positive", f"true label {labels[0]}", POSITIVE, "goodness up"),
        (negative, 1.2, "negative", f"wrong label {labels[1]}", NEGATIVE, "goodness down"),
    ):
        _picture(ax, image, (2, y), 2.0, color)
        ax.text(0.85, y, f"{kind}:\n{label}", ha="right", va="center", fontsize=11, color=color)
        toward = 2.7 + 0.25 * (y - 2.7)
        arrow(ax, (3.1, y), (3.9, toward), color)
        arrow(ax, (6.7, toward), (7.7, y), color)
        box(ax, 9.2, y, learns, width=2.8, color=color)
    ax.set_xlim(-1.4, 10.8)
    show(ax.figure)


def _picture(ax, image, centre, size, color):
    """An image on a canvas, in a frame, its longer side `size`."""
    height, width = (size * n / max(image.shape[:2]) for n in image.shape[:2])
    left, bottom = centre[0] - width / 2, centre[1] - height / 2
    limits = ax.axis()
    image = image[..., 0] if image.shape[2:] == (1,) else image
    extent = (left, left + width, bottom, bottom + height)
    ax.imshow(image, vmin=0, vmax=1, extent=extent)
    frame = {"fill": False, "edgecolor": color}
    ax.add_patch(Rectangle((left, bottom), width, height, **frame))
    ax.axis(limits)  # which imshow changes


def layer():
    """One layer with all that it learns by: its goodness, its loss, its local gradient.

    Example:
        `drawings.layer()`
    """
    ax = canvas(12.4, 3.6)
    y = 1.9
    box(ax, 3.3, y, "layer\nh = max(0, xW)", width=2.6, height=1.1)
    box(ax, 6.9, y, "goodness\ng = mean of h²", width=2.6, height=1.1, color=POSITIVE)
    box(ax, 10.6, y, "loss L\npositive or negative?", width=2.8, height=1.1, color=POSITIVE)
    arrow(ax, (0.9, y), (2, y), text="x")
    ax.text(0.8, y, "input", ha="right", va="center", fontsize=11)
    arrow(ax, (4.6, y), (5.6, y), POSITIVE, text="h")
    arrow(ax, (8.2, y), (9.2, y), POSITIVE, text="g")
    ax.plot([10.6, 10.6, 3.3], [y - 0.55, 0.7, 0.7], color=NEGATIVE, linewidth=1)
    arrow(ax, (3.3, 0.7), (3.3, y - 0.55), NEGATIVE)
    said = "the gradient ends at this layer's own W"
    ax.text(6.9, 0.6, said, ha="center", va="top", fontsize=11, color=NEGATIVE)
    arrow(ax, (3.3, y + 0.55), (3.3, 3.5), stopped=True)
    ax.text(3.7, 3.1, "h goes on to the next layer; no gradient comes back", va="center", size=11)
    show(ax.figure)
