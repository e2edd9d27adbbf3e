"""The notebooks' figures: one function a figure, all in one style. Each shows its figure."""

import math
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator

from .drawings import network
from .style import NEGATIVE, NEUTRAL, POSITIVE, show

__all__ = ["NEGATIVE", "NEUTRAL", "POSITIVE", "candidates", "confusions", "curves", "images"]
__all__ += ["intervals", "maps", "multiples", "network", "separation", "show", "timelines"]
__all__ += ["unrolled", "weights"]


def _logarithmic(axis):
    """Ticks at 1, 2, 5, 10, … written as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")


def images(images, titles=None, columns=10, colors=None):
    """A grid of images; nothing where there are none.

    Args:
        images: float in [0, 1], `(n, h, w)` or `(n, h, w, 3)`; with one channel or flat, `(n, d)`
            as a strip.
        titles: n strings.
        columns: images in a row.
        colors: n colours of the titles.
    """
    images = [_picture(image) for image in np.asarray(images)]
    if not images:
        return
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * 1.1, rows * (1.35 if titles else 1.1)), squeeze=False
    )
    for i, ax in enumerate(axes.flat):
        if i >= len(images):
            ax.axis("off")
        else:
            _framed(ax, images[i])
            if titles is not None:
                ax.set_title(titles[i], fontsize=9, color=colors[i] if colors else "black")
    show(figure)


def _framed(ax, image):
    """An image in a thin frame: on a white page one would not see where it ends."""
    ax.imshow(image, vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=NEUTRAL, linewidth=0.6)


def _picture(image):
    if image.ndim == 1:
        return image[None]
    return image[..., 0] if image.shape[2:] == (1,) else image


def curves(x, series, xlabel, ylabel, styles=None, lines=(), shaded=()):
    """Lines over a common x.

    Args:
        x: numbers `(n,)`; where they are integers the ticks are, too.
        series: label → numbers `(n,)`.
        styles: label → keyword arguments of `plot`, such as `{"color": POSITIVE}`.
        lines: heights of dotted horizontal lines, such as a threshold.
        shaded: pairs of an x from and an x to, between which the ground is grey.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    for span in shaded:
        ax.axvspan(*span, color=NEUTRAL, alpha=0.15, linewidth=0)
    marker = "o" if len(x) == 1 else None  # of one point there is no line to see
    for label, y in series.items():
        ax.plot(x, y, label=label, marker=marker, **(styles or {}).get(label, {}))
    for height in lines:
        ax.axhline(height, color=NEUTRAL, linestyle=":")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if np.asarray(x).dtype.kind == "i":
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    if len(series) > 3:  # no room among the lines
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    else:
        ax.legend()
    show(figure)


def multiples(curves, references, xlabel, ylabel, ylim=None, across=4):
    """One small panel for each curve, with the same references in grey in all of them.

    Args:
        curves: title → numbers, the first one at x = 1.
        references: label → numbers, at most four.
        xlabel, ylabel: what the axes are, which all panels share.
        ylim: ends of the y axis; where a curve ends above it, a word says where.
        across: panels side by side.
    """
    down = math.ceil(len(curves) / across)
    size = (2.2 * across, 1.9 * down + 0.5)
    figure, axes = plt.subplots(
        down, across, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for ax, (title, curve) in zip(axes.flat, curves.items()):
        for (label, line), style in zip(references.items(), ("-", "--", ":", "-.")):
            ax.plot(range(1, len(line) + 1), line, style, color=NEUTRAL, label=label)
        ax.plot(
            range(1, len(curve) + 1), curve, "o-", color=POSITIVE, markersize=4, label="the recipe"
        )
        ax.set_title(textwrap.fill(title, 20), fontsize=10)
        if ylim is not None and curve[-1] > ylim[1]:
            said = {"ha": "center", "va": "top", "color": POSITIVE, "fontsize": 10}
            ax.text(0.5, 0.95, f"ends at {curve[-1]:.0f}", transform=ax.transAxes, **said)
    if ylim is not None:
        axes[0, 0].set(ylim=ylim)
    axes[0, 0].locator_params(axis="x", integer=True, min_n_ticks=1)
    figure.supxlabel(xlabel, fontsize=10)
    figure.supylabel(ylabel, fontsize=10)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    show(figure)


def separation(g_pos, g_neg, titles, theta=None):
    """Histograms of positive and negative goodness, one panel a block.

    Args:
        g_pos, g_neg: float `(panels, n)`.
        titles: a string for each panel.
        theta: where a threshold is drawn.
    """
    figure, axes = plt.subplots(1, len(titles), figsize=(3.3 * len(titles), 2.6), squeeze=False)
    for ax, pos, neg, title in zip(axes[0], g_pos, g_neg, titles):
        bins = np.linspace(0, np.quantile(np.concatenate([pos, neg]), 0.995), 50)
        ax.hist(neg, bins, color=NEGATIVE, alpha=0.6, label="negative")
        ax.hist(pos, bins, color=POSITIVE, alpha=0.6, label="positive")
        if theta is not None:
            ax.axvline(theta, color=NEUTRAL, linestyle=":")
        ax.set(title=title, xlabel="goodness", yticks=[])
    axes[0, 0].legend()
    show(figure)


def candidates(images, goodness, names, label):
    """One image under every label, and the goodness of each as a bar.

    Args:
        images: float `(num_classes, h, w)` or `(num_classes, h, w, channels)`.
        goodness: float `(num_classes,)`.
        names: of the classes.
        label: the true one.
    """
    best = int(np.argmax(goodness))
    colors = [NEUTRAL] * len(names)
    colors[best], colors[label] = NEGATIVE, POSITIVE
    figure, axes = plt.subplots(
        2, len(names), figsize=(len(names) * 1.0, 2.8), height_ratios=[1, 1.3], squeeze=False
    )
    for i, (top, bar) in enumerate(axes.T):
        _framed(top, _picture(images[i]))
        top.set_title(names[i], fontsize=9, color=colors[i])
        bar.bar([0], [goodness[i]], color=colors[i])
        bar.set(ylim=(0, max(goodness) * 1.15), xlim=(-0.7, 0.7))
        bar.axis("off")
        bar.text(0, goodness[i], f"{goodness[i]:.2f}", ha="center", va="bottom", fontsize=8)
    show(figure)


def weights(kernel, image_shape, count=10):
    """Incoming weights of the first units of a layer, each as a picture of its own scale.

    Args:
        kernel: float `(pixels, units)`.
        image_shape: `(h, w)` or `(h, w, channels)`, of which the mean over channels is drawn.
        count: number of units.
    """
    count = min(count, kernel.shape[1])
    pictures = np.asarray(kernel)[:, :count].T.reshape(count, *image_shape[:2], -1).mean(-1)
    rows = math.ceil(count / 10)
    figure, axes = plt.subplots(rows, 10, figsize=(8, 0.9 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture in zip(axes.flat, pictures):
        reach = np.abs(picture).max()
        ax.imshow(picture, cmap="RdBu_r", vmin=-reach, vmax=reach)
    show(figure)


def confusions(matrix, names):
    """A confusion matrix; the diagonal is left blank, because it would outshine the mistakes.

    Args:
        matrix: int `(num_classes, num_classes)`, true class by row.
        names: of the classes.
    """
    wrong = np.array(matrix)
    np.fill_diagonal(wrong, 0)
    figure, ax = plt.subplots(figsize=(1.5 + 0.42 * len(names), 1.2 + 0.42 * len(names)))
    ax.imshow(wrong, cmap="Oranges")
    for row, column in zip(*np.nonzero(wrong)):
        count = wrong[row, column]
        color = "white" if count > 0.6 * wrong.max() else "black"
        ax.text(column, row, count, ha="center", va="center", fontsize=8, color=color)
    ticks = range(len(names))
    ax.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    ax.set_xticklabels(names, rotation=0 if max(map(len, names)) < 3 else 60)
    ax.set_yticklabels(names)
    ax.grid(False)
    show(figure)


def unrolled(layers, iterations, counted=()):
    """A recurrent network in time: who hears whom from one iteration to the next.

    Args:
        layers: names from bottom to top; the first and the last one stay as they are.
        iterations: how many are drawn, after a bottom-up pass, 0.
        counted: those whose goodness counts; their blocks are filled.

    A blue arrow comes from below, an orange one from above, a grey one from the block itself.
    """
    figure, ax = plt.subplots(figsize=(1.1 * iterations + 2.4, 0.75 * len(layers) + 0.6))
    top = len(layers) - 1
    for t in range(iterations + 1):
        for row in range(top + 1):
            still = row in (0, top)
            filled = t in counted and not still
            colors = {"facecolor": "black" if filled else "white", "edgecolor": "black"}
            ax.scatter(t, row, 320, marker="s" if still else "o", zorder=3, **colors)
            if t and not still:
                for other, color in ((-1, POSITIVE), (0, NEUTRAL), (1, NEGATIVE)):
                    _arrow(ax, (t - 1, row + other), (t, row), color)
    for row in range(1, top):
        _arrow(ax, (0, row - 1), (0, row), POSITIVE)
    for row, name in enumerate(layers):
        ax.text(-0.55, row, name, ha="right", va="center")
    ax.set(xlim=(-0.6, iterations + 0.6), ylim=(-0.5, top + 0.5), xlabel="iteration", yticks=[])
    ax.set_xticks(range(iterations + 1))
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    show(figure)


def _arrow(ax, start, end, color):
    style = {"arrowstyle": "->", "shrinkA": 9, "shrinkB": 9, "color": color}
    ax.annotate("", end, start, arrowprops=style)


def intervals(rows, xlabel, reference=None, logx=False):
    """A figure with its interval for each of several settings, from top to bottom.

    Args:
        rows: label → (value, low, high).
        xlabel: what the figures are.
        reference: label of the row to compare with; a line marks its value.
        logx: logarithmic x axis.
    """
    figure, ax = plt.subplots(figsize=(7, 0.8 + 0.32 * len(rows)))
    for y, (label, (value, low, high)) in enumerate(rows.items()):
        color = POSITIVE if label == reference else "black"
        ax.plot([low, high], [y, y], color=color)
        ax.plot(value, y, "o", color=color)
    if reference is not None:
        ax.axvline(rows[reference][0], color=POSITIVE, linestyle=":")
    ax.set(xlabel=xlabel, yticks=range(len(rows)))
    if logx:
        ax.set_xscale("log")
        _logarithmic(ax.xaxis)
    ax.set_yticklabels(list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    show(figure)


def timelines(rows, xlabel):
    """Signs over time, a row of squares each.

    Args:
        rows: label → signs `(steps,)`: +1 is drawn as positive, -1 as negative, 0 as both.
        xlabel: what the steps are.
    """
    height = 0.9 + 0.32 * len(rows)
    figure, axes = plt.subplots(len(rows), 1, figsize=(7, height), sharex=True, squeeze=False)
    colors = {1: POSITIVE, -1: NEGATIVE}
    for ax, (label, signs) in zip(axes[:, 0], rows.items()):
        for step, sign in enumerate(np.asarray(signs).astype(int)):
            for i, color in enumerate([colors[sign]] if sign else colors.values()):
                ax.bar(step, 0.9 if sign else 0.45, 0.9, -0.45 * i, color=color)
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
        ax.set(yticks=[])
        ax.grid(False)
        ax.spines["left"].set_visible(False)
    axes[-1, 0].set_xlabel(xlabel)
    show(figure)


def maps(panels, columns, xlabel, ylabel, across=3):
    """Figures over two settings, a panel for each value of a third; green is small, red is large.

    Args:
        panels: title → labels of the rows, values, and the half widths of their intervals or
            NaN, each of these float `(rows, columns)`.
        columns: labels.
        xlabel, ylabel: what columns and rows are.
        across: panels side by side.
    """
    across = min(across, len(panels))
    down = math.ceil(len(panels) / across)
    most = max(len(rows) for rows, _, _ in panels.values())
    size = (across * (0.9 + 0.6 * len(columns)), down * (1.1 + 0.5 * most))
    figure, axes = plt.subplots(down, across, figsize=size, squeeze=False)
    every = np.concatenate([np.ravel(values) for _, values, _ in panels.values()])
    colors = LogNorm(max(np.nanmin(every), 1e-3), np.nanmax(every))
    for ax in axes.flat[len(panels) :]:
        ax.axis("off")
    for ax, (title, (rows, values, widths)) in zip(axes.flat, panels.items()):
        ax.imshow(values, cmap="RdYlGn_r", norm=colors, aspect="auto", alpha=0.7)
        for (i, j), value in np.ndenumerate(np.asarray(values)):
            written = f"{value:.1f}"
            if np.isfinite(widths[i][j]):
                written += f"\n±{widths[i][j]:.1f}"
            ax.text(j, i, written, ha="center", va="center", fontsize=8)
        ax.set(xticks=range(len(columns)), yticks=range(len(rows)))
        ax.set_xticklabels(columns, fontsize=9)
        ax.set_yticklabels(rows, fontsize=9)
        ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
        ax.grid(False)
    show(figure)
