"""The picture of the goodness parting: where it is drawn, how often, and that it changes nothing."""

import itertools
import types

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

import ffhelpers as ff
from ffhelpers import live, plots


@pytest.fixture
def pictures(monkeypatch):
    """A notebook that somebody watches: all pictures that appear in one place, in their order."""
    seen = []

    class Place:
        def update(self, picture):
            seen.append(picture.data)

    def display(picture, display_id):
        assert display_id and not seen
        seen.append(picture.data)
        return Place()

    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    monkeypatch.setattr(live, "display", display)
    return seen


def images(count):
    rng = np.random.default_rng(0)
    x, y = rng.random((count, 12, 12), "float32"), rng.integers(0, 10, count)
    x[:, 0] = 0  # where the label goes
    return x, y


def dense():
    return ff.ForwardForward([20, 10], num_classes=10)


def convolutional():
    blocks = [ff.Conv(10, pool=2, goodness=ff.ClassChannels(10))]
    return ff.ForwardForward(blocks, source=ff.Images(10))


def recurrent():
    return ff.Recurrent([20, 10], num_classes=10, iterations=[2])


def trained(make, callbacks):
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(*images(400), 50, 2, callbacks=callbacks, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("make", [dense, convolutional, recurrent])
def test_it_changes_while_a_network_learns_and_changes_nothing(make, pictures):
    callbacks = plots.live(*images(300))
    with_it = trained(make, callbacks)
    assert len(pictures) >= 2 and pictures[0] != pictures[-1]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    for weights, alone in zip(with_it, trained(make, [])):
        np.testing.assert_array_equal(weights, alone)
    assert plt.get_fignums() == []


def test_nothing_is_spent_where_nobody_watches(pictures, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert plots.live(*images(300)) == []
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    monkeypatch.setattr(plt, "get_backend", lambda: "agg")  # a script in a terminal
    assert plots.live(*images(300)) == []


def test_it_takes_a_fiftieth_of_the_time(pictures, monkeypatch):
    """On a clock that goes on by a second whenever it is asked."""
    clock = types.SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(live, "time", clock)
    (callback,) = plots.live(*images(300))
    callback.set_model(dense())
    monkeypatch.setattr(callback, "_goodness", lambda: np.ones((2, 1, 200)))
    callback.on_train_begin()
    for batch in range(500):
        callback.on_train_batch_end(batch)
    assert 8 <= callback.spent <= 11  # of some five hundred seconds
    assert len(pictures) == 1 + callback.spent
    callback.on_train_end()
    assert len(pictures) == 1 + callback.spent


def test_a_goodness_below_0_and_a_column_of_labels_are_drawn(pictures):
    x, y = images(300)
    (callback,) = plots.live(x, y[:, None])
    callback.set_model(model := dense())
    model.build(x.shape)
    assert np.shape(callback._goodness()) == (2, 2, 200)
    callback._goodness = lambda: np.linspace(-3, -1, 800).reshape(2, 2, 200)
    callback.on_train_begin()
    assert callback.stairs[0][0].get_data()[0].sum() > 150
    with pytest.raises(ValueError, match="expected images and labels as arrays"):
        plots.live(iter(x), None)


def test_what_it_draws(pictures):
    """Of each block the goodness of the true label and of the next one."""
    (callback,) = plots.live(*images(300))
    callback.set_model(model := dense())
    x, y = (each[:200] for each in images(300))
    by_block = model.layer_goodness(x).transpose(1, 0, 2)
    true, following = callback._goodness()
    np.testing.assert_allclose(true, by_block[:, range(200), y], rtol=1e-5)
    np.testing.assert_allclose(following, by_block[:, range(200), (y + 1) % 10], rtol=1e-5)
    callback.on_train_begin()
    assert [ax.get_title() for ax in callback.figure.axes] == ["block 1", "block 2"]
    for pair, *values in zip(callback.stairs, true, following):
        for stairs, each in zip(pair, values):
            heights, edges, _ = stairs.get_data()
            np.testing.assert_array_equal(heights, np.histogram(each, edges)[0])
