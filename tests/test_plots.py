"""Figures: what can be seen of unusual series."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ffhelpers import plots


@pytest.fixture
def axes(monkeypatch):
    """The axes of the figure that is drawn in a test."""
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("agg")
    yield plt.gca
    plt.close("all")


@pytest.mark.parametrize("n", [1, 2, 10])
def test_each_series_is_seen_however_short(axes, n):
    color = plots.POSITIVE
    plots.curves(np.arange(n), {"a": np.ones(n)}, "x", "y", {"a": {"color": color}})
    axes().get_legend().remove()
    axes().figure.canvas.draw()
    drawn = np.asarray(axes().figure.canvas.buffer_rgba())[..., :3]
    assert (np.abs(drawn / 255 - to_rgb(color)) < 0.2).all(-1).any()  # edges are smoothed


@pytest.mark.parametrize("n", [1, 2, 3, 10, 300])
def test_whole_numbers_have_whole_ticks(axes, n):
    plots.curves(np.arange(1, n + 1), {"a": np.arange(n)}, "epoch", "y")
    low, high = axes().get_xlim()
    ticks = [tick for tick in axes().get_xticks() if low <= tick <= high]
    assert ticks and np.equal(ticks, np.round(ticks)).all()


def test_a_network_in_time_has_an_arrow_for_each_that_is_heard(axes):
    plots.unrolled(["image", "a", "b", "label"], iterations=4, counted=[3])
    arrows = [text for text in axes().texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 2 + 4 * 2 * 3  # the bottom-up pass; both neighbours and itself
    filled = [
        tuple(dot.get_offsets()[0]) for dot in axes().collections if dot.get_facecolor()[0, 0] == 0
    ]
    assert sorted(filled) == [(3, 1), (3, 2)]


def test_signs_over_time_have_their_colours(axes):
    plots.timelines({"together": [0, 0], "apart": [1, -1]}, "step")
    colors = [[bar.get_facecolor()[:3] for bar in ax.patches] for ax in plt.gcf().axes]
    both, apart = ([to_rgb(plots.POSITIVE), to_rgb(plots.NEGATIVE)] * n for n in (2, 1))
    assert colors == [both, apart]


def test_a_map_says_every_value_and_its_interval(axes):
    values, widths = np.array([[1.0, 22.22], [50, 90]]), np.array([[0.1, np.nan], [2, 3]])
    panels = {"a": (["x", "y"], values, widths), "b": (["p", "q"], values, widths)}
    plots.maps(panels, [1, 2], "u", "v")
    for ax in plt.gcf().axes:
        assert [text.get_text() for text in ax.texts] == [
            "1.0\n±0.1",
            "22.2",
            "50.0\n±2.0",
            "90.0\n±3.0",
        ]


def test_spans_are_shaded(axes):
    plots.curves(np.arange(4), {"a": np.ones(4)}, "x", "y", shaded=[(1, 2)])
    (span,) = axes().patches
    assert (span.get_x(), span.get_width()) == (1, 1)


def test_a_lead_is_counted_from_the_best_wrong_label(axes):
    images, goodness = np.eye(9)[:3].reshape(3, 3, 3), np.array([1, 3, 2.5])
    plots.candidates(images, goodness, ["a", "b", "c"], 1, lead=True)
    assert [bar.get_height() for bar in plt.gcf().axes[-1].patches] == [-1.5, 0.5, 0]


def test_bars_below_a_picture_have_the_colour_of_their_sign_or_are_marked(axes):
    images, values = -np.ones((2, 3, 3)), np.array([[1, -2], [-3, 4]])
    positive, negative, neutral = map(to_rgb, (plots.POSITIVE, plots.NEGATIVE, plots.NEUTRAL))
    for marked, expected in (
        (None, [[positive, negative], [negative, positive]]),
        ([0, 1], [[negative, neutral], [neutral, negative]]),
    ):
        plots.with_bars(images, values, "y", ["a", "b"], "x", marked=marked)
        below = [ax for ax in plt.gcf().axes if ax.patches]
        colors = [[bar.get_facecolor()[:3] for bar in ax.patches] for ax in below]
        assert colors == expected
