"""Drawings with pictures in them, of any size, grey or in colour; and rows and grids of them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ffhelpers import drawings, plots


@pytest.fixture
def shown(monkeypatch):
    """The figures that a test shows."""
    figures = []
    plt.switch_backend("agg")
    monkeypatch.setattr(drawings, "show", figures.append)
    yield figures
    plt.close("all")


@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,)])
def test_pictures_stand_in_drawings(shown, channels):
    image, other = np.zeros((12, 10, *channels)), np.ones((12, 10, *channels))
    drawings.local_fields(image, np.ones((12, 10)), (4, 4), (2, 2), [(4, 4), (2, 2), (1, 1)])
    drawings.hybrid(image, other, np.eye(12, 10))
    pictures = [figure.axes[0].images for figure in shown]
    assert [len(each) for each in pictures] == [3, 4]
    made = pictures[1][3].get_array()
    np.testing.assert_array_equal(made[..., 0] if channels == (3,) else made, 1 - np.eye(12, 10))


@pytest.mark.parametrize("shape", [(1, 16), (16, 1), (1, 16, 1)])
def test_pictures_of_a_single_row_stand_in_drawings(shown, shape):
    image, flat = np.zeros(shape), shape[:2]
    drawings.local_fields(image, np.ones(flat), (1, 1), (1, 1), [flat])
    drawings.hybrid(image, image, np.ones(flat))
    for figure in shown:
        assert {each.get_array().shape for each in figure.axes[0].images} == {flat}


def test_all_that_is_drawn_is_on_the_canvas(shown):
    drawings.class_channels()
    drawings.hybrid(np.zeros((8, 8)), np.ones((8, 8)), np.eye(8), blocks=3)
    drawings.local_fields(np.zeros((8, 8)), np.ones((8, 8)), (4, 4), (2, 2), [(3, 3), (2, 2)])
    for figure in shown:
        figure.draw_without_rendering()
        (ax,) = figure.axes
        for patch in ax.patches:
            (x0, y0), (x1, y1) = ax.transData.inverted().transform(patch.get_window_extent())
            assert x0 > -0.1 and y0 > -0.1
            assert x1 < ax.get_xlim()[1] + 0.1 and y1 < ax.get_ylim()[1] + 0.1


def test_rows_and_grids_say_what_they_show(monkeypatch):
    figures = []
    plt.switch_backend("agg")
    monkeypatch.setattr(plots, "show", figures.append)
    plots.rows({"image": np.zeros((3, 8, 8)), "block": np.ones((3, 2, 2, 3))}, ["a", "b", "c"])
    plots.grids([np.eye(3), np.ones((3, 3))], ["one", "two"], "share", ("x", "y"), "abc")
    plots.grids([np.array([[1.0, -2.0]])], ["own"], "weight", written="{:.0f}", centred=True)
    rows, named, written = figures
    assert [ax.get_ylabel() for ax in rows.axes[::3]] == ["image", "block"]
    assert [label.get_text() for label in named.axes[1].get_xticklabels()] == ["a", "b", "c"]
    assert named.axes[0].get_ylabel() == "y" and named.axes[-1].get_ylabel() == "share"
    assert [text.get_text() for text in written.axes[0].texts] == ["1", "-2"]
    assert written.axes[0].images[0].get_clim() == (-2, 2)
    plt.close("all")
