"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle

from .style import COLORS, NEGATIVE, NEUTRAL, POSITIVE, drawable, show


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


def arrow(ax, start, end, color="black", text="", stopped=False, dashed=False):
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
        ax.text(x, y, text, ha=ha, va=va, fontsize=10, color=color)


def network(model):
    """Any `ForwardForward` model: its source, its blocks with their shapes, what each learns by.

    The blocks of a `Recurrent` model hear those above, too, the last one the label.

    Args:
        model: built, as after the first `fit` or `predict`; or not, then without shapes.

    Example:
        `plots.network(ff.ForwardForward([500, 500], num_classes=10))`
    """
    from .recurrent import Recurrent  # which needs Keras, as no other drawing does

    recurrent = isinstance(model, Recurrent)
    top = 2.2 + 1.6 * len(model.blocks)  # where the label of a recurrent network is
    ax = canvas(10, top + 0.6 if recurrent else top - 0.8)
    source = type(model.source).__name__
    box(ax, 3, 0.6, "image" if recurrent else source, width=4.4, fill="#f2f2f2")
    up, down = (2.2, 3.8) if recurrent else (3, None)
    for i, block in enumerate(model.blocks):
        y = 2.2 + 1.6 * i
        arrow(ax, (up, y - 1.2), (up, y - 0.4), stopped=i > 0)
        box(ax, 3, y, _described(block), width=4.4)
        arrow(ax, (5.2, y), (6.3, y), POSITIVE)
        box(ax, 8, y, _learned_by(model, block), width=3.4, color=POSITIVE, size=10)
        if recurrent:
            arrow(ax, (down, y + 1.2), (down, y + 0.4), COLORS[2], stopped=y + 1.6 < top)
    if recurrent:
        box(ax, 3, top, f"label, by {source}", width=4.4, fill="#f2f2f2")
        counted = ", ".join(map(str, model.iterations))
        ax.text(8, top, f"goodness counts in\niterations {counted}", ha="center", va="center")
    show(ax.figure)


def _described(block):
    kernels = [v for v in block.weights if v.path.endswith("kernel")]
    kernels += [v for v in block.weights if v.path.endswith("top_down")]
    shapes = [" × ".join(str(n) for n in v.shape) for v in kernels]
    shape = ", from above ".join(shapes) or "not built yet"
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
        _inset(ax, image, 2, y, 2.0, color=color)
        ax.text(0.85, y, f"{kind}:\n{label}", ha="right", va="center", fontsize=11, color=color)
        toward = 2.7 + 0.25 * (y - 2.7)
        arrow(ax, (3.1, y), (3.9, toward), color)
        arrow(ax, (6.7, toward), (7.7, y), color)
        box(ax, 9.2, y, learns, width=2.8, color=color)
    ax.set_xlim(-1.4, 10.8)
    show(ax.figure)


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
    ax.plot([10.6, 10.6, 3.3], [y - 0.55, 0.7, 0.7], "--", color=NEGATIVE, linewidth=1)
    arrow(ax, (3.3, 0.7), (3.3, y - 0.55), NEGATIVE, dashed=True)
    said = "the gradient ends at this layer's own W"
    ax.text(6.9, 0.6, said, ha="center", va="top", fontsize=11, color=NEGATIVE)
    arrow(ax, (3.3, y + 0.55), (3.3, 3.5), stopped=True)
    ax.text(3.7, 3.1, "h goes on to the next layer; no gradient comes back", va="center", size=11)
    show(ax.figure)


def class_channels(classes=3, true=1):
    """Two convolutional blocks whose channels belong to classes, and what each block learns by.

    Args:
        classes: groups of channels in a block.
        true: the class of the image, whose goodness is raised.

    Example:
        `drawings.class_channels(classes=3, true=1)`
    """
    ax = canvas(11, 6.1)
    box(ax, 2.5, 0.5, "image", width=2, fill="#f2f2f2")
    for i, y in enumerate((2.4, 4.9)):
        arrow(ax, (2.5, y - 1.5), (2.5, y - 0.8), stopped=i > 0)
        ax.text(0.1, y + 0.95, f"block {i + 1}", va="center", fontsize=11)
        box(ax, 2.5, y, width=4.8, height=1.5, color=NEUTRAL)
        for group in range(classes):
            x = 2.5 + 4.6 * ((group + 0.5) / classes - 0.5)
            color = POSITIVE if group == true else NEGATIVE
            for away in (0.16, 0):
                box(ax, x + away, y + 0.1 + away, width=0.7, height=0.7, color=color)
            ax.text(x + 0.05, y - 0.5, f"class {group}", ha="center", va="center", fontsize=10)
        arrow(ax, (4.9, y), (5.5, y))
        box(
            ax, 6.6, y, "mean square\nof each group:\nits goodness", width=2.2, height=1.3, size=10
        )
        arrow(ax, (7.7, y), (8.3, y))
        box(
            ax, 9.6, y, "its own loss:\nsoftmax and\ncross-entropy", width=2.6, height=1.3, size=10
        )
    ax.text(9.6, 1.05, f"raises class {true}", ha="center", fontsize=10, color=POSITIVE)
    ax.text(9.6, 0.65, "lowers the others", ha="center", fontsize=10, color=NEGATIVE)
    show(ax.figure)


def local_fields(image, pattern, field, strides, grids):
    """A picture with a label laid over it, two of its fields, and the units that see them.

    Args:
        image, pattern: float `(h, w)`, the image with or without an axis of channels.
        field, strides: height and width of a field in pixels, and the pixels from one to the next.
        grids: rows and columns of fields in each block.

    Example:
        `drawings.local_fields(image, pattern, (10, 10), (6, 6), [(4, 4), (3, 3), (2, 2)])`
    """
    ax = canvas(6.0 + 2.6 * len(grids), 4.6)
    image = np.asarray(image)
    laid_over = 0.3 * pattern.reshape(*pattern.shape, *[1] * (image.ndim - 2))
    _inset(ax, image, 0.9, 3.2, 1.5, "image")
    ax.text(0.9, 2.15, "+", ha="center", va="center", fontsize=14)
    _inset(ax, 0.5 + pattern / 2, 0.9, 0.8, 1.5, "label")
    arrow(ax, (1.75, 2.2), (2.25, 2.2))
    _inset(ax, np.clip(image + laid_over, 0, 1), 3.75, 2.2, 2.8, "what enters")
    pixel = 2.8 / max(image.shape[:2])
    left, top = 3.75 - pixel * image.shape[1] / 2, 2.2 + pixel * image.shape[0] / 2
    centers = [7.1 + 2.6 * i for i in range(len(grids))]
    cells = [_grid_of_boxes(ax, grid, x, 2.2) for x, grid in zip(centers, grids)]
    height, width = field[0] * pixel, field[1] * pixel
    for place, color in (((0, 0), COLORS[2]), (max(cells[0]), COLORS[3])):  # two of the fields
        x, y = left + place[1] * strides[1] * pixel, top - place[0] * strides[0] * pixel
        _outline(ax, x, y - height, width, height, color)
        column, row = cells[0][place]
        box(ax, column, row, width=0.5, height=0.5, color=color, fill=color)
        arrow(ax, (x + width, y - height / 2), (column - 0.25, row), color)
    for below, above in zip(cells, cells[1:]):  # what the first field of a later block sees
        seen = [below[place] for place in below if max(place) < 2]
        (x, y), (across, up) = np.min(seen, axis=0) - 0.29, np.ptp(seen, axis=0) + 0.58
        _outline(ax, x, y, across, up, "black")
        edge, middle = max(below.values())[0] + 0.3, y + up / 2
        ax.plot([x + across, edge], [middle, middle], color="black", linewidth=1)
        arrow(ax, (edge, middle), (above[0, 0][0] - 0.25, above[0, 0][1]), stopped=True)
        box(ax, *above[0, 0], width=0.5, height=0.5, fill="black")
    for i, (x, (rows, columns)) in enumerate(zip(centers, grids), 1):
        ax.text(x, 4.1, f"block {i}: {rows}×{columns}", ha="center", va="center", fontsize=11)
        ax.text(x, 0.5, "goodness, loss\nof its own", ha="center", va="center", fontsize=11)
    show(ax.figure)


def _grid_of_boxes(ax, grid, x, y):
    """Boxes around (x, y), one for the units of each field: (row, column) → its centre."""
    rows, columns = grid
    places = {
        (row, column): (x + 0.58 * (column - (columns - 1) / 2), y - 0.58 * (row - (rows - 1) / 2))
        for row in range(rows)
        for column in range(columns)
    }
    for place in places.values():
        box(ax, *place, width=0.5, height=0.5, color=NEUTRAL)
    return places


def hybrid(image, other, mask, blocks=2):
    """A hybrid of two images, a network that tells it from an image, a softmax that reads it.

    Args:
        image, other: float `(h, w)`, with or without an axis of channels.
        mask: an array `(h, w)` of zeros and ones.
        blocks: how many the network has.

    Example:
        `drawings.hybrid(x[0], x[1], np.eye(28))`
    """
    ax = canvas(6.8 + 2.2 * blocks, 5.9)
    image, other, mask = np.asarray(image), np.asarray(other), np.asarray(mask)
    made = np.where(mask.reshape(*mask.shape, *[1] * (image.ndim - 2)), image, other)
    _inset(ax, image, 0.9, 4.6, 1.4, "image: positive")
    _inset(ax, mask, 0.9, 2.7, 1.4, "mask")
    _inset(ax, other, 0.9, 0.8, 1.4, "another image")
    _inset(ax, made, 3.3, 2.2, 1.4, "hybrid: negative")
    for start, end in ((4.1, 2.7), (2.6, 2.3), (0.9, 1.8)):
        arrow(ax, (1.7, start), (2.5, end), NEUTRAL)
    arrow(ax, (1.7, 4.6), (4.6, 3.6), POSITIVE)
    arrow(ax, (4.1, 2.4), (4.6, 2.8), NEGATIVE)
    for i in range(blocks):
        x = 5.4 + 2.2 * i
        box(ax, x, 3.2, f"block {i + 1}", width=1.5, height=1.4)
        arrow(ax, (x, 2.5), (x, 1.7))
        box(ax, x, 1.2, "goodness,\nloss of its own", width=1.9, height=1.0, size=10)
        arrow(ax, (x, 3.9), (x, 4.9), POSITIVE, stopped=True)
        if i:
            arrow(ax, (x - 1.45, 3.5), (x - 0.75, 3.5), POSITIVE, stopped=True)
            arrow(ax, (x - 1.45, 2.9), (x - 0.75, 2.9), NEGATIVE, stopped=True)
    middle, wide = 5.4 + 1.1 * (blocks - 1), 2.2 * blocks - 0.4
    ax.text(middle - 0.1, 0.35, "image up,", ha="right", fontsize=10, color=POSITIVE)
    ax.text(middle + 0.1, 0.35, "hybrid down", ha="left", fontsize=10, color=NEGATIVE)
    box(ax, middle, 5.3, "normalised activities", width=wide, color=POSITIVE, size=11)
    x = middle + wide / 2
    arrow(ax, (x, 5.3), (x + 0.6, 5.3), POSITIVE)
    box(ax, x + 1.4, 5.3, "softmax", width=1.6)
    arrow(ax, (x + 1.4, 4.2), (x + 1.4, 4.9))
    ax.text(x + 1.4, 4.05, "labels, only\nhere", ha="center", va="top", fontsize=11)
    show(ax.figure)


def _inset(ax, image, x, y, size, title="", color=NEUTRAL):
    """An image, float in [0, 1], in a thin frame, centred at (x, y); its longer side is `size`."""
    image, limits = drawable(image), ax.axis()
    height, width = (size * n / max(image.shape[:2]) for n in image.shape[:2])
    left, bottom = x - width / 2, y - height / 2
    ax.imshow(image, vmin=0, vmax=1, extent=(left, left + width, bottom, bottom + height))
    ax.axis(limits)  # which imshow changes
    _outline(ax, left, bottom, width, height, color, linewidth=1)
    ax.text(x, bottom + height + 0.1, title, ha="center", va="bottom", fontsize=11)


def _outline(ax, x, y, width, height, color, linewidth=2):
    frame = Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=linewidth)
    frame.set_zorder(4)
    ax.add_patch(frame)


def unrolled(layers, iterations, counted=()):
    """A recurrent network in time: who hears whom from one iteration to the next.

    Args:
        layers: names from bottom to top; the first and the last one stay as they are.
        iterations: how many are drawn, after a bottom-up pass, 0.
        counted: those whose goodness counts; their blocks are filled.
    """
    top = len(layers) - 1
    figure, ax = plt.subplots(figsize=(1.1 * iterations + 2.4, 0.9 * len(layers) + 1.1))
    heard = {-1: ("black", "-", "the block below"), 1: (COLORS[2], "-", "the block above")}
    heard[0] = (NEUTRAL, ":", "itself, a little")
    for t in range(iterations + 1):
        for row in range(top + 1):
            still = row in (0, top)
            filled = t in counted and not still
            colors = {"facecolor": "black" if filled else "white", "edgecolor": "black"}
            ax.scatter(t, row, 320, marker="s" if still else "o", zorder=3, **colors)
            if t and not still:
                for other, (color, line, _) in heard.items():
                    _hears(ax, (t - 1, row + other), (t, row), color, line)
    for row in range(1, top):
        _hears(ax, (0, row - 1), (0, row), "black", "-")
    for row, name in enumerate(layers):
        ax.text(-0.45, row, name, ha="right", va="center", fontsize=12)
    for color, line, name in heard.values():
        ax.plot([], [], color=color, linestyle=line, label=f"hears {name}")
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.45, 1), fontsize=11)
    ax.set(xlim=(-0.5, iterations + 0.5), ylim=(-0.5, top + 0.5), yticks=[])
    ax.set_xticks(range(iterations + 1), ["bottom-up", *range(1, iterations + 1)], fontsize=11)
    ax.set_xlabel("iteration", fontsize=11)
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    show(figure)


def _hears(ax, start, end, color, line):
    style = {"arrowstyle": "->", "shrinkA": 9, "shrinkB": 9, "color": color, "linestyle": line}
    ax.annotate("", end, start, arrowprops=style)


def meeting(damping=0.3):
    """A block of `RecurrentDense` in one iteration: both neighbours meet inside one activation.

    Args:
        damping: the share of its old activities.
    """
    ax = canvas(11.6, 5.4)
    box(ax, 1.5, 4.7, "block above\nor label", width=2.4, fill="#f2f2f2")
    box(ax, 1.5, 1.7, "block below\nor image", width=2.4, fill="#f2f2f2")
    for y, name in ((4.7, "top_down"), (1.7, "kernel")):
        arrow(ax, (2.7, y), (3.8, y), stopped=True)
        box(ax, 4.7, y, f"× {name}", width=1.8)
        arrow(ax, (5.6, y), (6.6, 3.2 + (0.35 if y > 3.2 else -0.35)))
    box(ax, 7.3, 3.2, "ReLU of\nthe sum", width=1.5, height=1)
    arrow(ax, (8.05, 3.2), (9.3, 3.2), text=f"× {1 - damping:g}")
    box(ax, 10.3, 3.2, "new\nactivities", width=2, height=1)
    box(ax, 7.3, 0.5, "its old activities", width=2.8, fill="#f2f2f2")
    arrow(ax, (8.7, 0.6), (10.1, 2.7), stopped=True)
    ax.text(9.75, 1.2, f"× {damping:g}", fontsize=10, va="center")
    arrow(ax, (10.3, 3.7), (10.3, 4.5), POSITIVE)
    box(ax, 10.0, 4.9, "goodness, loss", width=2.8, color=POSITIVE)
    show(ax.figure)


def windows(rows):
    """Windows of characters, one in a row: those that a network wrote itself are orange.

    Args:
        rows: label → a string and how many characters at its end are wrong or made up. Of a real
            window, with none, the last one is blue: it is what others are compared with.
    """
    longest = max(len(string) for string, _ in rows.values())
    ax = canvas(0.62 * longest + 5.9, 0.95 * len(rows))
    for i, (label, (string, own)) in enumerate(rows.items()):
        y = 0.95 * (len(rows) - i) - 0.475
        ax.text(2.3, y, label, ha="right", va="center", fontsize=12)
        for place, character in enumerate(string):
            last, made = place == len(string) - 1, place >= len(string) - own
            color = NEGATIVE if made else POSITIVE if last else "black"
            fill = _tinted(color) if made or last else "white"
            shown = "␣" if character == " " else character
            box(ax, 2.8 + 0.62 * place, y, shown, 0.54, 0.66, color, fill, size=13)
        color, word = (NEGATIVE, "down") if own else (POSITIVE, "up")
        x = 2.8 + 0.62 * len(string)
        arrow(ax, (x - 0.2, y), (x + 0.5, y), color)
        ax.text(x + 0.6, y, f"goodness {word}", va="center", fontsize=12, color=color)
    show(ax.figure)


def _tinted(color):
    """The colour, thinned with white."""
    return tuple(1 - 0.15 * (1 - part) for part in to_rgb(color))


def reading(widths):
    """Blocks that learn from windows by goodness, and a softmax that no gradient leaves.

    Args:
        widths: of the blocks.
    """
    ax = canvas(12, 1.5 * len(widths) + 1.2)
    middle = 0.75 * len(widths) + 1
    box(ax, 2.4, 0.5, "a window of characters", width=4.2, fill="#f2f2f2")
    for i, width in enumerate(widths):
        y = 2 + 1.5 * i
        arrow(ax, (2.4, y - 1.1), (2.4, y - 0.4), stopped=i > 0)
        box(ax, 2.4, y, f"block {i + 1}: {width} units\nown goodness, own loss", width=4.2)
        arrow(ax, (4.5, y), (7, middle), stopped=True)
    box(ax, 7.9, middle, "softmax", width=1.8)
    arrow(ax, (8.8, middle), (9.5, middle))
    ax.text(9.6, middle, "the next character", va="center", fontsize=11)
    show(ax.figure)


def memory(momenta, length=8, steps=48):
    """What a velocity is made of: how much each step of the past counts in it, by its sign.

    Phases follow each other, positive (awake) and negative (asleep), and the last one ends now.
    Above each panel stands what is left when the pushes of both signs are added.

    Args:
        momenta: of the optimiser, a panel each.
        length: of a phase, in steps.
        steps: how many of the past are drawn.
    """
    size = (7.5, 1.5 * len(momenta) + 0.8)
    figure, axes = plt.subplots(len(momenta), 1, figsize=size, sharex=True, squeeze=False)
    past = np.arange(0, -steps, -1)
    asleep = (-past // length) % 2 == 0
    for ax, momentum in zip(axes[:, 0], momenta):
        weights = (1 - momentum) * momentum ** -past.astype(float)
        ax.bar(past[~asleep], weights[~asleep], 0.9, color=POSITIVE, label="awake: up")
        ax.bar(
            past[asleep], weights[asleep], 0.9, color=NEGATIVE, label="asleep: down", hatch="//"
        )
        left = (1 - momentum**length) / (1 + momentum**length)
        ax.set_title(f"momentum {momentum:g}: {100 * left:.0f} % of a push is left", fontsize=12)
        ax.set(yticks=[], ylabel="weight")
        ax.grid(False)
    axes[0, 0].legend(fontsize=11, loc="upper left")
    axes[-1, 0].set_xlabel("step, counted back from now", fontsize=11)
    show(figure)


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
    ax = canvas(14, 5.6)
    for i, (title, picture) in enumerate(_LESSONS.items()):
        x, y = (1 + 2 * i, 4.2) if i < 6 else (1 + 2 * (i - 6), 1.3)
        panel = ax.inset_axes([x - 0.7, y - 0.7, 1.4, 1.4], transform=ax.transData)
        panel.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        panel.grid(False)
        for spine in panel.spines.values():
            spine.set(visible=True, color=NEUTRAL)
        picture(panel)
        ax.text(x, y + 0.95, f"{i:02} {title}", ha="center", va="center", fontsize=11)
        if 0 < i < 6:
            arrow(ax, (x - 1.25, y), (x - 0.75, y))
    ax.plot([0.1, 13.9], [2.9, 2.9], color=NEUTRAL, linewidth=0.8)
    # 10 and 11 read their networks as 08 does.
    ax.plot([5, 5, 11], [0.55, 0.25, 0.25], color="black", linewidth=1)
    for x in (9, 11):
        arrow(ax, (x, 0.25), (x, 0.57))
    show(ax.figure)


def _layers_panel(ax, right=(0, 0.16)):
    """Three layers with arrows between them: on the left upwards, on the right from … to …."""
    for y in (0.2, 0.5, 0.8):
        ax.add_patch(Rectangle((0.25, y - 0.07), 0.5, 0.14, facecolor="white", edgecolor="black"))
    for y in (0.27, 0.57):
        for x, (start, end), color in ((0.4, (0, 0.16), POSITIVE), (0.6, right, NEGATIVE)):
            style = {"arrowstyle": "->", "color": color}
            ax.annotate("", (x, y + end), (x, y + start), arrowprops=style)


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


def _pen_panel(ax):
    turn = np.linspace(0.2, 1.85, 60) * np.pi
    ax.plot(0.42 + 0.22 * np.sin(turn), 0.6 + 0.27 * np.cos(turn), color="black", linewidth=6)
    ax.plot([0.42, 0.8], [0.87, 0.3], color=POSITIVE, linewidth=3)


_LESSONS = {
    "start here": _layers_panel,
    "labels": _label_panel,
    "the loss": _loss_panel,
    "training": _training_panel,
    "evaluation": _candidates_panel,
    "ablations": _intervals_panel,
    "convolutions": _channels_panel,
    "local fields": _fields_panel,
    "no labels": _hybrid_panel,
    "recurrence": lambda ax: _layers_panel(ax, right=(0.16, 0)),
    "sequences": _text_panel,
    "asleep": _phases_panel,
    "playground": _pen_panel,
}


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


def from_pen_to_vote(drawn, centred):
    """What happens to a drawing before a network says what it shows.

    Args:
        drawn, centred: the drawing where it was drawn, and as MNIST would have it, float in [0, 1],
            `(h, w)`.

    Example:
        `drawings.from_pen_to_vote(np.roll(image, 5, axis=0), image)`
    """
    ax = canvas(13.4, 4.4)
    _inset(ax, drawn, 1.1, 2.3, 1.9, "as drawn")
    arrow(ax, (2.2, 2.3), (3.2, 2.3))
    ax.text(2.7, 2.1, "scale,\ncentre", ha="center", va="top", fontsize=11)
    _inset(ax, centred, 4.3, 2.3, 1.9, "as MNIST has it")
    arrow(ax, (5.4, 2.3), (6.2, 2.3))
    for away in (0.24, 0.12):  # more copies of the image behind it
        box(ax, 7.3 + away, 2.2 + away, width=2.1, height=1.1)
    box(ax, 7.3, 2.2, "image + label\n0, 1, …, 9", width=2.1, height=1.1)
    arrow(ax, (8.6, 2.0), (9.2, 1.2))
    arrow(ax, (10.1, 1.5), (10.1, 3.1))
    for i, y in enumerate((1.1, 3.5)):
        box(ax, 10.1, y, f"layer {i + 1}", width=1.8)
        arrow(ax, (11, y), (11.5, 1.8 + i), POSITIVE)
    box(ax, 12.4, 2.3, "goodness of\neach label:\nthe vote", 1.8, 1.6, POSITIVE, size=11)
    show(ax.figure)
