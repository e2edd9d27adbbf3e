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
    assert (np.abs(drawn / 255 - to_rgb(color)) < 0.01).all(-1).any()


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
