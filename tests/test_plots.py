"""Figures: what can be seen in them, of unusual series too."""

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
from matplotlib.colors import to_rgb
from matplotlib.font_manager import fontManager as font_manager

import ffhelpers as ff
from ffhelpers import drawings, plots, style


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
    drawings.unrolled(["image", "a", "b", "label"], iterations=4, counted=[3])
    arrows = [text for text in axes().texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 2 + 4 * 2 * 3  # the bottom-up pass; both neighbours and itself
    filled = [
        tuple(dot.get_offsets()[0]) for dot in axes().collections if dot.get_facecolor()[0, 0] == 0
    ]
    assert sorted(filled) == [(3, 1), (3, 2)]


def test_lines_are_told_apart_without_their_colours(axes):
    styles = {"b": {"color": "red"}, "c": {"color": "red", "ls": "-"}}
    plots.curves([1, 2, 3], {name: [1, 2, 3] for name in "abcd"}, "x", "y", styles)
    assert [line.get_linestyle() for line in axes().get_lines()] == ["-", "--", "-", "-."]


def test_signs_over_time_have_their_colours(axes):
    plots.timelines({"together": [0, 0], "apart": [1, -1]}, "step")
    colors = [[bar.get_facecolor()[:3] for bar in ax.patches] for ax in plt.gcf().axes]
    both, apart = ([to_rgb(plots.POSITIVE), to_rgb(plots.NEGATIVE)] * n for n in (2, 1))
    assert colors == [both, apart]


def test_a_map_says_every_value_and_its_interval(axes):
    each = {"1": {"1": (1.0, 0.1), "2": (22.22, np.nan)}, "2": {"1": (50, 2), "2": (90, 3)}}
    plots.phase_map(
        {
            f"{name}, rate {rate}, phase {phase}": error
            for name in "ab"
            for rate, row in each.items()
            for phase, error in row.items()
        }
    )
    for ax in plt.gcf().axes:
        assert [text.get_text() for text in ax.texts] == [
            "1.0\n±0.1",
            "22.2",
            "50.0\n±2.0",
            "90.0\n±3.0",
        ]


@pytest.mark.parametrize("shape, across", [((28, 28), 12), ((28, 28, 1), 12), ((4, 3, 3), 3)])
def test_the_pixels_of_a_label_are_enlarged(axes, shape, across):
    """As many rows as the label fills, and two pixels after it where the row goes on."""
    edited = ff.write_label(np.zeros((3, *shape)), [0, 5, 9], 10)
    plots.labelled(edited, 10, ["0", "5", "9"], columns=2)
    parts = [ax.images[0].get_array() for ax in plt.gcf().axes if ax.images]
    enlarged, whole = parts[:2] + parts[4:5], parts[2:4] + parts[5:]
    assert all(part.shape[:2] == (-(-10 // shape[1]), across) for part in enlarged)
    np.testing.assert_array_equal(np.squeeze(whole), np.squeeze(edited))
    for part, label in zip(enlarged, (0, 5, 9)):
        lit = np.reshape(part, (part.shape[0] * across, -1))[:, 0]
        assert np.flatnonzero(lit).tolist() == [label]


def test_a_pair_is_drawn_with_its_labels(axes):
    drawings.pair(np.zeros((4, 6)), np.ones((4, 6, 3)), ["5", "6"])
    assert len(axes().images) == 2
    said = " ".join(text.get_text() for text in axes().texts)
    assert "true label 5" in said and "wrong label 6" in said


def test_spans_are_shaded(axes):
    plots.curves(np.arange(4), {"a": np.ones(4)}, "x", "y", shaded=[(1, 2)])
    (span,) = axes().patches
    assert (span.get_x(), span.get_width()) == (1, 1)


def test_windows_say_which_characters_are_made_up(axes):
    drawings.windows({"real": ("ab ", 0), "predicted": ("abc", 1)})
    written = {}
    for text in axes().texts:
        written.setdefault(to_rgb(text.get_color()), []).append(text.get_text())
    assert written[to_rgb(plots.POSITIVE)] == ["␣", "goodness up"]
    assert written[to_rgb(plots.NEGATIVE)] == ["c", "goodness down"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("length", [1, 8])
def test_what_a_memory_keeps_of_a_push(axes, momentum, length):
    drawings.memory([momentum], length, steps=400)
    awake, asleep = (sum(bar.get_height() for bar in bars) for bars in axes().containers)
    assert f": {100 * (asleep - awake):.0f} % " in axes().get_title()


def test_the_rival_is_the_best_wrong_label_where_it_counts(axes):
    goodness = np.array([[[1.0, 9, 0]], [[1, 2, 3]], [[1, 2, 3]], [[1, 9, 0]]])
    plots.rivals(np.zeros((1, 2, 2)), range(4), goodness, [0], ["a", "b", "c"], [1, 2])
    texts = [text.get_text() for text in plt.gcf().axes[1].get_legend().get_texts()]
    assert sorted(texts) == ["other labels", "rival: c", "true: a"]


def test_a_window_has_a_mark_for_each_character(axes):
    plots.window(np.array([0, 2]), np.array([0, 1]), " ab")
    drawn = [ax.collections[0].get_offsets().tolist() for ax in plt.gcf().axes]
    assert drawn == [[[0, 0], [1, 2]], [[0, 0], [1, 1]]]


@pytest.mark.filterwarnings("error")
def test_a_window_says_which_characters_no_font_has(axes):
    plots.window(np.array([0, 2]), np.array([0, 1]), " é\U000f0000")  # a private one
    axes().figure.draw_without_rendering()
    left = plt.gcf().axes[0]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["␣", "é", "U+F0000"]
    assert {tick.get_rotation() for tick in left.get_xticklabels()} == {90}


@pytest.mark.filterwarnings("error")
def test_letters_that_the_first_font_lacks_are_of_another(axes):
    assert plt.rcParams["font.family"] == style.FONTS
    assert {*style.FONTS[1:]} <= {*font_manager.get_font_names()}  # else there is a warning
    with plt.rc_context({"font.family": ["sans-serif", "STIXNonUnicode"]}):
        assert style.written("\ue000") == "\ue000"
        plots.window(np.array([0, 1]), np.array([0, 0]), "a\ue000")
        axes().figure.draw_without_rendering()


def test_settings_find_their_place_in_a_map(axes):
    errors = {
        f"{o}, rate {r}, phase {p}": (r * 10 + n, np.nan)
        for o in ("Adam 0.9", "SGD 0")
        for r in (1, 0.1)
        for n, p in enumerate(("together", 16, 2))
    }
    plots.phase_map(errors)
    assert [ax.get_title() for ax in plt.gcf().axes] == ["SGD 0", "Adam 0.9"]
    for ax in plt.gcf().axes:
        written = [text.get_text() for text in ax.texts]
        assert written == ["1.0", "3.0", "2.0", "10.0", "12.0", "11.0"]


def test_a_lead_is_counted_from_the_best_wrong_label(axes):
    images, goodness = np.eye(9)[:3].reshape(3, 3, 3), np.array([1, 3, 2.5])
    plots.candidates(images, goodness, ["a", "b", "c"], 1, lead=True)
    assert [bar.get_height() for bar in plt.gcf().axes[-1].patches] == [-1.5, 0.5, 0]


def test_bars_below_a_picture_have_the_colour_of_their_sign_or_are_marked(axes):
    images, values = -np.ones((2, 3, 3)), np.array([[1, -2], [-3, 4]])
    positive, negative, neutral = map(to_rgb, (plots.POSITIVE, plots.NEGATIVE, style.PALE))
    for marked, expected in (
        (None, [[positive, negative], [negative, positive]]),
        ([0, 1], [[negative, neutral], [neutral, negative]]),
    ):
        plots.with_bars(images, values, "y", ["a", "b"], "x", marked=marked)
        below = [ax for ax in plt.gcf().axes if ax.patches]
        colors = [[bar.get_facecolor()[:3] for bar in ax.patches] for ax in below]
        assert colors == expected


def test_of_very_many_labels_the_best_are_drawn_and_the_true_one(axes):
    images = np.zeros((100, 4, 4)) + np.eye(16)[np.arange(100) % 16].reshape(-1, 4, 4)
    goodness = np.arange(100.0)
    plots.candidates(images, goodness, [f"n{i}" for i in range(100)], 3)
    *pictures, bars = plt.gcf().axes
    assert [ax.get_title() for ax in pictures] == ["n3", *(f"n{i}" for i in range(89, 100))]
    assert [bar.get_height() for bar in bars.patches] == [3, *range(89, 100)]
    assert to_rgb(bars.patches[0].get_facecolor()) == to_rgb(plots.POSITIVE)
    assert to_rgb(bars.patches[-1].get_facecolor()) == to_rgb(plots.NEGATIVE)


@pytest.mark.parametrize("shape", [(6,), (3, 2), (3, 2, 1), (3, 2, 2), (3, 2, 3), (3, 2, 5)])
def test_images_of_any_kind_have_candidates_and_a_grid(axes, shape):
    images = np.zeros((3, *shape))
    images.reshape(3, 6, -1)[range(3), range(3)] = 1
    plots.candidates(images, np.arange(3.0), "abc", 0)
    *pictures, _ = plt.gcf().axes
    for ax in pictures:  # the ring lies within the picture
        (_x, y), height = ax.collections[0].get_offsets()[0], ax.images[0].get_array().shape[0]
        assert 0 <= y < height and ax.get_ylim()[0] == height - 0.5
    plots.images(images, ["automobile, not an airplane"] * 3)
    assert "\n" in plt.gca().get_title()


def test_bytes_are_drawn_as_what_they_are_and_titles_may_be_numbers(axes):
    plots.images(np.array([[[0, 51, 255]]] * 2, np.uint8), titles=np.arange(2))
    drawn = plt.gcf().axes[0].images[0].get_array()
    np.testing.assert_allclose(drawn, [[0, 0.2, 1]])
    assert axes().get_title() == "1"
    plots.confusions(np.ones((3, 3), int), range(3))
    plots.grids([np.eye(3)], ["a"], "share", names=range(3))


def test_a_dark_image_among_bright_ones_is_dark(axes):
    images = np.array([[[0, 1]], [[0, 255]]], np.uint8)
    for draw in (
        lambda: plots.images(images),
        lambda: plots.labelled(images, 2),
        lambda: plots.rows({"": images}, "ab"),
        lambda: plots.candidates(images, np.arange(2.0), "ab", 0),
        lambda: plots.with_bars(images, np.ones((2, 3)), "y", "ab", "x"),
    ):
        draw()
        drawn = plt.gcf().axes[0].images[0].get_array()
        np.testing.assert_allclose(drawn, [[0, 1 / 255]])


def test_a_hundred_classes_fit_into_a_picture(axes):
    names = [f"class {i}" for i in range(300)]
    plots.confusions(np.ones((300, 300), int), names)
    assert max(plt.gcf().get_size_inches()) < 25 and not axes().texts


def test_nothing_is_lost_where_an_error_is_zero(axes):
    plots.intervals({"a": (0.0, 0.0, 1.0), "b": (2.0, 1.0, 3.0)}, "error", logx=True)
    assert axes().get_xscale() == "linear"
    plots.intervals({"b": (2.0, 1.0, 3.0)}, "error", logx=True)
    assert axes().get_xscale() == "log"
    plots.phase_map({f"a, rate 1, phase {n}": (0.0, np.nan) for n in (1, 2)})
    assert [text.get_text() for text in axes().texts] == ["0.0", "0.0"]
    plots.panels({"a": (np.array([1.0]), {"b": [2.0]})}, "x", "y", {"b": {}})
    assert plt.gcf().axes[0].lines[0].get_marker() == "o"


def texts():
    return [text.get_text() for ax in plt.gcf().axes for text in ax.texts]


def test_a_network_is_drawn_with_its_source_its_shapes_and_losses(axes):
    model = ff.ForwardForward([7, 5], num_classes=10)
    model.compile(loss=ff.ThresholdLoss())
    model.build((None, 4, 5))
    model.blocks[1].trainable = False
    plots.network(model)
    words = "\n".join(texts())
    parts = ("LabelInImage", "Labelled(Dense)\n20 × 7", "Dense\n7 × 5", "ThresholdLoss", "frozen")
    assert [part for part in parts if part not in words] == []


def test_a_network_that_hears_from_above_is_drawn_with_both_ways(axes):
    model = ff.Recurrent([7, 5], num_classes=3, iterations=[2, 3])
    model.build((None, 4, 5))
    plots.network(model)
    words = "\n".join(texts())
    for part in ("RecurrentDense\n20 × 7, from above 5 × 7", "7 × 5, from above 3 × 5"):
        assert part in words, part
    assert "label, by LabelInImage" in words and "iterations 2, 3" in words
    assert len(axes().lines) == 2  # no gradient between the blocks, neither up nor down


def test_signed_numbers_are_blue_and_orange_and_apart_in_grey(axes):
    plots.grids([np.array([[-1.0, 0, 1]])], [""], "weight", centred=True, written="{:.0f}")
    (picture,) = plt.gcf().axes[0].images
    red, green, blue, _ = picture.to_rgba(np.array([[-1.0, 0, 1]]))[0].T
    assert red[0] > blue[0] and blue[2] > red[2]
    assert np.ptp([red[1], green[1], blue[1]]) < 0.02
    coloured = PIL.Image.fromarray(picture.to_rgba(np.linspace([-1], 1, 50), bytes=True))
    grey = np.asarray(coloured.convert("L")).ravel().astype(int)
    assert (np.diff(grey) <= 0).all() and grey[0] > grey[25] + 40 > grey[-1] + 80
    assert [text.get_color() for text in plt.gcf().axes[0].texts] == ["black", "black", "white"]


def test_a_longer_curve_ends_where_the_references_do(axes):
    plots.multiples({"a": [3, 2, 2, 1], "b": [3, 1]}, {"ours": [2, 1]}, "passes", "error")
    lines = [ax.lines[-1].get_xdata().tolist() for ax in plt.gcf().axes if ax.lines]
    assert lines == [[0.5, 1, 1.5, 2], [1, 2]]


def test_a_single_rate_makes_one_table(axes):
    settings = [
        f"{o}, rate 0.1, phase {p}" for o in ("SGD 0", "Adam 0.9") for p in ("together", 8)
    ]
    plots.phase_map({setting: (i + 1.0, np.nan) for i, setting in enumerate(settings)})
    (ax,) = plt.gcf().axes
    assert texts() == ["1.0", "2.0", "3.0", "4.0"]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["SGD 0, rate 0.1", "Adam 0.9, rate 0.1"]
