"""Drawings of the algorithm: boxes, arrows, and where an arrow carries no gradient.

A drawing is made on a canvas whose unit is about the height of a box; see `network` for one.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch

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


def unrolled(layers, iterations, counted=()):
    """A recurrent network in time: who hears whom from one iteration to the next.

    Args:
        layers: names from bottom to top; the first and the last one stay as they are.
        iterations: how many are drawn, after a bottom-up pass, 0.
        counted: those whose goodness counts; their blocks are filled.
    """
    top = len(layers) - 1
    figure, ax = plt.subplots(figsize=(1.1 * iterations + 2.4, 0.9 * len(layers) + 1.1))
    heard = {-1: ("black", "-", "the layer below"), 1: (COLORS[2], "-", "the layer above")}
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

    Args:
        momenta: of the optimiser, a panel each.
        length: of a phase, in steps.
        steps: how many of the past are drawn.

    Above each panel stands what is left when the pushes of both signs are added.
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
