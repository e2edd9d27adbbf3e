"""The notebooks' figures: one function a figure, all in one style. Each shows its figure."""

import math
import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.ticker import LogLocator

from . import parameters
from .arrays import array_of
from .drawings import network
from .live import live, spread
from .style import LINES, NEGATIVE, NEUTRAL, PALE, POSITIVE, drawable, from_bytes, show, written

__all__ = ["NEGATIVE", "NEUTRAL", "POSITIVE", "candidates", "confusions", "curves", "grids"]
__all__ += ["images", "intervals", "labelled", "live", "multiples", "network", "panels"]
__all__ += ["phase_map", "rivals", "rows", "separation", "show", "timelines"]
__all__ += ["window", "with_bars"]


MOST = 500  # images in a grid
# From light to dark, so that signs are apart in grey, too.
_SIGNED = LinearSegmentedColormap.from_list("signed", ["#ffb570", "0.55", "#003f66"])


def _logarithmic(axis):
    """Ticks at 1, 2, 5, 10, … written as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")


def images(images, titles=None, columns=10, marked=None):
    """A grid of images; nothing where there are none.

    Args:
        images: float in [0, 1], `(n, h, w)` or `(n, h, w, 3)`; with other channels in grey; flat
            ones, `(n, d)`, as a strip.
        titles: n strings.
        columns: images in a row.
        marked: a pixel of each, counted row by row, with a ring around it.
    """
    parameters.check(columns=columns)
    images = _pictures(images)
    _one_each(images, titles=titles, marked=marked)
    if not images:
        return
    figure, axes = _places(len(images), columns, 1.1, 1.1 if titles is None else 1.35)
    for i, (ax, image) in enumerate(zip(axes.flat, images)):
        _framed(ax, image)
        if marked is not None:
            _ringed(ax, divmod(marked[i], image.shape[1]), POSITIVE)
        if titles is not None:
            title = "\n".join(textwrap.fill(line, 17) for line in str(titles[i]).splitlines())
            ax.set_title(title, fontsize=9)
    show(figure)


def _places(count, across, width, height, edge=(0, 0), **settings):
    """A figure with `count` axes of that size, `across` in a row: it, and all axes `(down, across)`.

    Those that are left over in the last row are blank. `edge` comes to the figure's width and height.
    """
    across = min(across, count)
    down = math.ceil(count / across)
    size = (across * width + edge[0], down * height + edge[1])
    figure, axes = plt.subplots(down, across, figsize=size, squeeze=False, **settings)
    for ax in axes.flat[count:]:
        ax.axis("off")
    return figure, axes


def _framed(ax, image, vmin=0, vmax=1, **colors):
    """An image in a thin frame: on a white page one would not see where it ends."""
    drawn = ax.imshow(image, vmin=vmin, vmax=vmax, **colors)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=NEUTRAL, linewidth=0.6)
    return drawn


def _ringed(ax, pixels, color):
    """Small rings around pixels, each a row and a column."""
    y, x = np.reshape(pixels, (-1, 2)).T
    ax.scatter(x, y, s=60, facecolors="none", edgecolors=color, linewidths=1.2)


def labelled(images, count, titles=None, columns=5, colors=None):
    """A grid of images that hold a label; above each, enlarged, the pixels that hold it.

    Args:
        images, titles: as for `images`.
        count: number of classes; their pixels are the first ones of an image.
        columns: images in a row.
        colors: n colours of the titles.

    Example:
        `plots.labelled(ff.write_label(images[:5], labels[:5], 10), 10)`
    """
    parameters.check(columns=columns, count=count)
    images = _pictures(images)
    _one_each(images, titles=titles, colors=colors)
    if not images or count > images[0].size:
        shape = images[0].shape if images else "none"
        raise ValueError(f"count={count} with images of shape {shape}: expected pixels for all")
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    height, width = images[0].shape[:2]
    down, across = math.ceil(count / width), min(count + 2, width)
    figure, axes = plt.subplots(
        2 * rows,
        columns,
        figsize=(8, rows * (8 / columns * height / width + 0.5)),
        height_ratios=[0.12, 1] * rows,
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, image in enumerate(images):
        top, whole = axes[2 * (i // columns) : 2 * (i // columns) + 2, i % columns]
        for ax, part in ((top, image[:down, :across]), (whole, image)):
            ax.axis("on")
            _framed(ax, part)
        top.set_xticks(np.arange(across - 1) + 0.5, minor=True)
        top.grid(which="minor", color=NEUTRAL, linewidth=0.6, alpha=1)
        top.tick_params(which="both", length=0)
        frame = {"fill": False, "edgecolor": NEUTRAL, "linewidth": 0.8}
        whole.add_patch(plt.Rectangle((-0.5, -0.5), across, down, **frame))
        if titles is not None:
            top.set_title(titles[i], fontsize=10, color=colors[i] if colors else "black")
    show(figure)


def _pictures(images):
    """Images as Matplotlib draws them, or a `ValueError`."""
    if len(images) > MOST:  # Matplotlib would take minutes and gigabytes
        raise ValueError(f"{len(images)} images: expected at most {MOST}, such as images[:20]")
    images = array_of("images", images, "several shapes: expected one, resize or crop them")
    if len(images) and not (images.ndim in (2, 3, 4) and images.dtype.kind in "fiub"):
        raise ValueError(
            f"images of shape {images.shape} and dtype {images.dtype}: expected numbers, (n, h, w), "
            "(n, h, w, 3) or (n, d)"
        )
    floats = images.size and images.ndim > 2 and images.dtype.kind == "f"
    if floats and images.min() >= 0 and 128 <= images.max() <= 255:
        raise ValueError(f"images up to {images.max():g}: expected 0 to 1, divide them by 255")
    return [drawable(image) for image in from_bytes(images)]


def _one_each(images, **texts):
    for name, each in texts.items():
        if each is not None and len(each) != len(images):
            raise ValueError(f"{len(images)} images and {len(each)} {name}: expected one for each")


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
    ax.set_prop_cycle(LINES)
    _lines(ax, x, series, styles or {}, lines, shaded)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if np.asarray(x).dtype.kind == "i":
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    if len(series) > 3:  # no room among the lines
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    else:
        ax.legend()
    show(figure)


def _lines(ax, x, series, styles, heights, shaded):
    """Lines over x, in front of dotted ones and of shaded spans; see `curves`."""
    for span in shaded:
        ax.axvspan(*span, color=NEUTRAL, alpha=0.15, linewidth=0)
    for height in heights:
        ax.axhline(height, color=NEUTRAL, linestyle=":")
    marker = {"marker": "o"} if len(x) == 1 else {}  # of one point there is no line to see
    for label, y in series.items():
        ax.plot(x, y, label=label, **marker, **styles.get(label, {}))


def separation(g_pos, g_neg, titles, theta=None):
    """Histograms of positive and negative goodness, one panel a block.

    Args:
        g_pos, g_neg: float `(panels, n)`.
        titles: a string for each panel.
        theta: where a threshold is drawn.
    """
    size = (3.3 * len(titles), 2.9)
    figure, axes = plt.subplots(1, len(titles), figsize=size, squeeze=False, layout="constrained")
    for ax, pos, neg, title in zip(axes[0], g_pos, g_neg, titles):
        bins = spread(np.concatenate([pos, neg]), 50)
        ax.hist(neg, bins, color=NEGATIVE, alpha=0.6, label="negative")
        ax.hist(pos, bins, color=POSITIVE, alpha=0.6, label="positive")
        if theta is not None:
            ax.axvline(theta, color=NEUTRAL, linestyle=":")
        ax.set(title=title, xlabel="goodness", yticks=[])
    axes[0, 0].set_ylabel("images")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    show(figure)


def candidates(images, goodness, names, label, lead=False):
    """One image under every label, of more than twelve the best, and a bar for the goodness of each.

    A small ring marks what each label lights up.

    Args:
        images: float `(num_classes, h, w)` or `(num_classes, h, w, channels)`.
        goodness: float `(num_classes,)`, summed over the layers.
        names: of the classes.
        label: the true one.
        lead: draw how far each label is ahead of the best wrong one, where the goodnesses
            themselves look alike.
    """
    images = [drawable(image) for image in from_bytes(images)]
    height = goodness - (np.delete(goodness, label).max() if lead else 0)
    # Of very many labels, those with the most goodness and the true one.
    labels = sorted({label, *np.argsort(-np.asarray(goodness))[: 11 if len(names) > 12 else 12]})
    count, best = len(labels), int(np.argmax(goodness))
    colors = [{best: NEGATIVE, label: POSITIVE}.get(each, NEUTRAL) for each in labels]
    figure = plt.figure(figsize=(0.4 + 0.95 * count, 3), layout="constrained")
    grid = figure.add_gridspec(2, count, height_ratios=[1, 1.3])
    others = np.min(images, axis=0)
    for i, each in enumerate(labels):
        ax = figure.add_subplot(grid[0, i])
        _framed(ax, images[each])
        lit = np.argwhere(np.reshape(images[each] > others, (*others.shape[:2], -1)).any(-1))
        _ringed(ax, lit, colors[i])
        ax.set_title(textwrap.fill(str(names[each]), 11), fontsize=11, color=colors[i])
    bars = figure.add_subplot(grid[1, :])
    height = np.asarray(height)[labels]
    pale = [PALE if color == NEUTRAL else color for color in colors]
    shown = bars.bar(range(count), height, 0.6, color=pale)
    bars.bar_label(shown, [f"{each:{'+' if lead else ''}.2f}" for each in height], padding=2)
    bars.axhline(0, color="black", linewidth=0.8)
    ylabel = "ahead of the\nbest wrong label" if lead else "goodness,\nsum over layers"
    bars.set(xlim=(-0.5, count - 0.5), xticks=[], ylabel=ylabel)
    bars.margins(y=0.2)
    bars.grid(axis="x")
    show(figure)


def confusions(matrix, names):
    """A confusion matrix; the diagonal is left blank, because it would outshine the mistakes.

    Args:
        matrix: int `(num_classes, num_classes)`, true class by row.
        names: of the classes.
    """
    wrong, names = np.array(matrix), list(map(str, names))
    if wrong.shape != (len(names), len(names)):
        raise ValueError(
            f"matrix of shape {wrong.shape} with {len(names)} names: expected (names, names)"
        )
    np.fill_diagonal(wrong, 0)
    side = min(0.42 * len(names), 21)  # of more than fifty classes, smaller fields
    figure, ax = plt.subplots(figsize=(1.5 + side, 1.2 + side))
    ax.imshow(wrong, cmap="Oranges")
    for row, column in zip(*np.nonzero(wrong)) if len(names) <= 50 else ():
        count = wrong[row, column]
        color = "white" if count > 0.6 * wrong.max() else "black"
        ax.text(column, row, count, ha="center", va="center", fontsize=8, color=color)
    step = math.ceil(len(names) / 50)
    ticks, named = range(0, len(names), step), names[::step]
    ax.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    ax.set_xticklabels(named, rotation=0 if max(map(len, named)) < 3 else 60)
    ax.set_yticklabels(named)
    ax.grid(False)
    show(figure)


def intervals(rows, xlabel, reference=None, logx=False):
    """A figure with its interval for each of several settings, from top to bottom.

    Args:
        rows: label → (value, low, high).
        xlabel: what the figures are.
        reference: label of the row to compare with; a line marks its value.
        logx: logarithmic x axis, unless an interval begins at 0.
    """
    figure, ax = plt.subplots(figsize=(7, 0.8 + 0.32 * len(rows)))
    for y, (label, (value, low, high)) in enumerate(rows.items()):
        color = POSITIVE if label == reference else "black"
        ax.plot([low, high], [y, y], color=color)
        ax.plot(value, y, "o", color=color)
    if reference is not None:
        ax.axvline(rows[reference][0], color=POSITIVE, linestyle=":")
    ax.set(xlabel=xlabel, yticks=range(len(rows)))
    if logx and all(low > 0 for _, low, _ in rows.values()):
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


def _maps(panels, columns, xlabel, ylabel, across=3):
    """Figures over two settings, a panel for each value of a third; light is small, dark is large.

    Panels are title → labels of the rows, values, and half widths of their intervals or NaN.
    """
    most = max(len(rows) for rows, _, _ in panels.values())
    longest = max(len(str(row)) for rows, _, _ in panels.values() for row in rows)
    width = 0.7 + 0.08 * longest + 0.6 * len(columns)
    figure, axes = _places(len(panels), across, width, 1.1 + 0.5 * most)
    every = np.concatenate([np.ravel(values) for _, values, _ in panels.values()])
    least = max(np.nanmin(every), 1e-3)
    colors = LogNorm(least, max(np.nanmax(every), 2 * least))
    for ax, (title, (rows, values, widths)) in zip(axes.flat, panels.items()):
        ax.imshow(values, cmap="cividis_r", norm=colors, aspect="auto")
        for (i, j), value in np.ndenumerate(np.asarray(values)):
            written = f"{value:.1f}"
            if np.isfinite(widths[i][j]):
                written += f"\n±{widths[i][j]:.1f}"
            color = "white" if colors(value) > 0.5 else "black"
            ax.text(j, i, written, ha="center", va="center", fontsize=10, color=color)
        ax.set(xticks=range(len(columns)), yticks=range(len(rows)))
        ax.set_xticklabels(columns)
        ax.set_yticklabels(rows)
        ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
        ax.grid(False)
    show(figure)


def rows(pictures, titles):
    """Rows of images, each with its name before it: what becomes of the same images.

    Args:
        pictures: name → float in [0, 1], `(n, h, w)` or `(n, h, w, channels)`.
        titles: n strings, above the first row.

    Example:
        `plots.rows({"image": x[:10], "hybrid": hybrids[:10]}, names[:10])`
    """
    size = (0.82 * len(titles) + 1.0, 0.82 * len(pictures) + 0.2)
    figure, axes = plt.subplots(
        len(pictures), len(titles), figsize=size, squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for line, (name, images) in zip(axes, pictures.items()):
        for ax, image in zip(line, from_bytes(images)):
            _framed(ax, drawable(image))
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, labelpad=6)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize=10)
    show(figure)


def grids(panels, titles, unit, sides=None, names=None, written=None, centred=False, across=4):
    """Tables of numbers as squares on one scale, with a bar of colours that says which.

    Args:
        panels: float `(rows, columns)` each.
        titles: a string for each panel.
        unit: what the numbers are.
        sides: what columns and rows are, two strings; by default places of a picture.
        names: of the columns and of the rows, which are the same then.
        written: how a number is written into its square, such as `"{:.0%}"`.
        centred: from orange over grey at 0 to dark blue; else from white at 0 to black.
        across: panels side by side.

    Example:
        `plots.grids([np.eye(3)], ["block 1"], "share", written="{:.0%}")`
    """
    names = [] if names is None else list(map(str, names))
    step = max(math.ceil(len(names) / 30), 1)
    turned = {"rotation": 90} if max(map(len, names), default=0) > 2 else {}
    across = min(across, len(panels))
    side = min(2.4, 8.6 / across)
    height = side + (0.6 if sides else 0.25)
    figure, axes = _places(len(panels), across, side, height, (1.1, 0), layout="constrained")
    most = max(np.abs(panel).max() for panel in panels)
    colors = {"cmap": _SIGNED} if centred else {}
    for ax, panel, title in zip(axes.flat, panels, titles):
        drawn = _framed(ax, panel, -most if centred else 0, most, **colors)
        for (i, j), value in np.ndenumerate(panel) if written else ():
            ground = np.mean(drawn.to_rgba(value)[:3])
            color = "white" if ground < 0.5 else "black"
            ax.text(j, i, written.format(value), ha="center", va="center", color=color, fontsize=9)
        ax.set_title(title, fontsize=10)
        ticks = range(0, len(names), step)
        ax.set_xticks(ticks, names[::step], fontsize=9, **turned)
        ax.set_yticks(ticks, names[::step], fontsize=9)
        if sides:
            ax.set_xlabel(sides[0], fontsize=10)
    if sides:
        for ax in axes[:, 0]:
            ax.set_ylabel(sides[1], fontsize=10)
    figure.colorbar(drawn, ax=axes, label=unit, shrink=0.8)
    show(figure)


def phase_map(errors):
    """What notebook 11 trained, as maps: phases across, rates down, a panel an optimiser; where
    each has a single rate, one panel for all.

    Args:
        errors: setting, such as "SGD 0.9, rate 0.1, phase 8" or "…, phase together", for every
            rate and phase of an optimiser → its error and half the width of its interval or NaN.
    """
    cells = {tuple(re.split(", rate |, phase ", setting)): e for setting, e in errors.items()}
    titles, _, columns = (list(dict.fromkeys(parts)) for parts in zip(*cells))
    titles.sort(key=lambda title: title.startswith("Adam"))  # stable, it comes last
    columns.sort(key=lambda column: int(column) if column.isdigit() else 0)
    panels, of_one = {}, []
    for title in titles:
        rows = sorted({row for other, row, _ in cells if other == title}, key=float)
        each = np.array([[cells[title, row, column] for column in columns] for row in rows])
        panels[title] = rows, each[..., 0], each[..., 1]
        of_one += [f"{title}, rate {row}" for row in rows]
    if len(of_one) == len(titles):  # a row of each is a table
        table = [np.concatenate(parts) for parts in zip(*(p[1:] for p in panels.values()))]
        _maps({"": (of_one, *table)}, columns, "batches in a phase", "")
        return
    across = 3 if len(columns) < 5 else 2  # to be read in a page's width
    _maps(panels, columns, "batches in a phase", "rate", across)


def rivals(pictures, x, goodness, labels, names, counted):
    """How labels compete for images over time, a row an image: the true one and its rival.

    The rival is the wrong label with the most goodness where it counts. The others are a band.

    Args:
        pictures: float in [0, 1], `(n, h, w)` or `(n, h, w, channels)`.
        x: iterations, int `(times,)`.
        goodness: float `(times, n, num_classes)`.
        labels: the true ones, int `(n,)`.
        names: of the classes.
        counted: iterations whose goodness counts; they are shaded.
    """
    size = (8, 2.7 * len(pictures))
    figure, axes = plt.subplots(len(pictures), 2, figsize=size, width_ratios=[1, 3], squeeze=False)
    x, counts = np.asarray(x), np.isin(x, counted)
    for (left, ax), picture, lines, true in zip(
        axes, from_bytes(pictures), np.moveaxis(np.asarray(goodness), 1, 0), labels
    ):
        _framed(left, drawable(picture))
        wrong = np.delete(np.arange(len(names)), true)
        rival = wrong[np.argmax(lines[counts][:, wrong].mean(axis=0))]
        others = np.delete(lines, [true, rival], axis=1)
        if others.shape[1]:
            low, high = others.min(axis=1), others.max(axis=1)
            ax.fill_between(x, low, high, color=NEUTRAL, alpha=0.3, label="other labels")
        ax.plot(x, lines[:, true], color=POSITIVE, label=f"true: {names[true]}")
        ax.plot(x, lines[:, rival], "--", color=NEGATIVE, label=f"rival: {names[rival]}")
        for each in counted:
            ax.axvspan(each - 0.5, each + 0.5, color=NEUTRAL, alpha=0.15, linewidth=0)
        ax.set(xlabel="iteration", ylabel="goodness, all blocks")
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    show(figure)


def window(real, wrong, symbols):
    """A window of characters as a network reads it, beside one with a wrong last character.

    Args:
        real, wrong: int `(length,)`.
        symbols: the character behind each number; a space is drawn as ␣, and what no font has as
            its code point.
    """
    shown = [written(symbol.replace(" ", "␣")) for symbol in symbols]
    turned = 90 if max(map(len, shown)) > 1 else 0
    size = (0.5 * len(real) + 2.5, 0.21 * len(symbols) + 1.2)
    figure, axes = plt.subplots(1, 2, figsize=size, sharey=True)
    for ax, codes, title, last in (
        (axes[0], real, "real", POSITIVE),
        (axes[1], wrong, "its last character is wrong", NEGATIVE),
    ):
        places = np.arange(len(codes))
        ax.scatter(places, codes, 45, ["black"] * (len(codes) - 1) + [last], marker="s", zorder=3)
        ax.set_xticks(places, [shown[code] for code in codes], fontsize=10, rotation=turned)
        ax.set_yticks(range(len(symbols)), shown, fontsize=10)
        ax.set(xlim=(-0.6, len(codes) - 0.4), ylim=(len(symbols) - 0.4, -0.6), title=title)
    axes[0].set_ylabel("symbol")
    figure.supxlabel("place in the window, with the character that stands there", fontsize=10)
    show(figure)


def with_bars(images, values, ylabel, titles, xlabel, names=None, marked=None, line=None):
    """Pictures, each with a bar chart below.

    Args:
        images: as for `images`; with negative values from orange over grey at 0 to dark blue, on a
            scale of each picture's own.
        values: float `(n, bars)`.
        ylabel, xlabel: what the bars are, and what their names are.
        titles: n strings.
        names: of the bars; by default their numbers.
        marked: int `(n,)`, the bar of each picture that is orange, the others grey; by default
            negative ones are orange, the others blue.
        line: height of a dotted line.
    """
    images, values = from_bytes(images), np.asarray(values)
    names = range(values.shape[1]) if names is None else names
    figure, axes = plt.subplots(
        2, len(images), figsize=(1.9 * len(images) + 0.4, 3.6), layout="constrained", squeeze=False
    )
    low = min(0, values.min())
    for i, (top, below) in enumerate(axes.T):
        _framed(top, drawable(images[i]))
        if images.min() < 0:
            reach = np.abs(images[i]).max()
            top.images[0].set(cmap=_SIGNED, clim=(-reach, reach))
        top.set_title(titles[i], fontsize=11)
        orange = values[i] < 0 if marked is None else np.arange(len(values[i])) == marked[i]
        other = POSITIVE if marked is None else PALE
        below.bar(names, values[i], color=np.where(orange, NEGATIVE, other))
        if line is not None:
            below.axhline(line, color=NEUTRAL, linestyle=":")
        ticks = list(names)[:: math.ceil(len(names) / 12)]
        below.set(xlabel=xlabel, xticks=ticks, ylim=(1.05 * low, 1.05 * values.max()))
        below.tick_params(labelsize=9, labelleft=i == 0)
        below.grid(axis="x")
    axes[1, 0].set_ylabel(ylabel)
    show(figure)


def panels(panels, xlabel, ylabel, styles, across=2, lines=(), shaded=()):
    """Lines in small panels with common axes.

    Args:
        panels: title → x, and label → numbers, each `(n,)`; the same labels everywhere.
        xlabel, ylabel: of all panels.
        styles: label → keyword arguments of `plot`.
        across: panels side by side.
        lines, shaded: as for `curves`, in each of them.
    """
    shared = {"sharex": "row", "sharey": True, "layout": "constrained"}
    figure, axes = _places(len(panels), across, 3.6, 2.1, (0.6, 0.6), **shared)
    for ax, (title, (x, series)) in zip(axes.flat, panels.items()):
        _lines(ax, x, series, styles, lines, shaded)
        ax.set(title=title, xlabel=xlabel)
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    show(figure)


def multiples(curves, references, xlabel, ylabel, ylim=None):
    """One small panel for each curve, with the same references in grey in all of them.

    Args:
        curves: title → numbers. They end where the references do, at equal distances.
        references: label → numbers, at x = 1, 2, …; at most four, of equal length.
        xlabel, ylabel: what the axes are, which all panels share.
        ylim: ends of the y axis; where a curve ends above it, a word says where.
    """
    end = max(map(len, (references or curves).values()))
    shared = {"sharex": True, "sharey": True, "layout": "constrained"}
    figure, axes = _places(len(curves), 4, 2.2, 1.9, (0, 0.5), **shared)
    for ax, (title, curve) in zip(axes.flat, curves.items()):
        for (label, line), style in zip(references.items(), ("-", "--", ":", "-.")):
            ax.plot(range(1, len(line) + 1), line, style, color=NEUTRAL, label=label)
        x = np.linspace(0, end, len(curve) + 1)[1:]
        ax.plot(x, curve, "o-", color=POSITIVE, markersize=4, label="the recipe")
        ax.set_title(textwrap.fill(title, 20), fontsize=10)
        if ylim is not None and curve[-1] > ylim[1]:
            said = {"ha": "center", "va": "top", "color": POSITIVE, "fontsize": 10}
            ax.text(0.5, 0.95, f"ends at {curve[-1]:.0f}", transform=ax.transAxes, **said)
    if ylim is not None:
        axes[0, 0].set(ylim=ylim)
    axes[0, 0].locator_params(axis="x", integer=True, min_n_ticks=1)
    for ax in axes.flat[max(len(curves) - 4, 0) : len(curves)]:  # nothing is below it
        ax.tick_params(labelbottom=True)
    figure.supxlabel(xlabel, fontsize=10)
    figure.supylabel(ylabel, fontsize=10)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    show(figure)
