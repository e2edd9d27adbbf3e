"""Blocks, and how one reads a label."""

import keras
import numpy as np
import pytest

import ffhelpers as ff
from networks import dropping


def test_dropout_silences_units_in_training_only():
    layer = ff.Dense(300, activation="linear", dropout=0.25)
    layer.build((None, None, 8))
    h = np.random.default_rng(0).random((400, 2, 8), "float32")
    whole = layer(h).numpy()
    np.testing.assert_array_equal(layer(h, training=False), whole)
    first, second = layer(h, training=True).numpy(), layer(h, training=True).numpy()
    silent, later = (first == 0).all(axis=1), (second == 0).all(axis=1)  # (images, units)
    np.testing.assert_array_equal(first[:, 0] == 0, silent)  # alike in an image's streams
    np.testing.assert_allclose(silent.mean(axis=1), 0.25, atol=0.15)  # a quarter of every image
    np.testing.assert_allclose(silent.mean(axis=0), 0.25, atol=0.15)
    # Other units, other images and other batches have nothing to do with it.
    for a, b in [(silent[:, :-1], silent[:, 1:]), (silent[:-1], silent[1:]), (silent, later)]:
        assert (a & b).mean() == pytest.approx(0.25**2, abs=0.025)
    # Those that are left make up for the rest.
    wide = np.broadcast_to(silent[:, None], first.shape)
    np.testing.assert_allclose(first[~wide], whole[~wide] / 0.75, rtol=1e-5)


def test_dropout_of_the_first_layer_takes_pixels_too_but_no_label():
    dense = ff.Dense(1, activation="linear", normalized=False, dropout=0.5)
    layer = ff.Labelled(dense, ff.LabelPixels(3))
    layer.build((None, 40, 50))
    dense.kernel.assign(np.ones((2000, 1)))
    x, labels = np.ones((4, 40, 50), "float32"), np.eye(3, dtype="float32")[None]
    assert (layer(x, labels=labels).numpy() == 1998).all()
    trained = np.array([layer(x, labels=labels, training=True) for _ in range(20)])
    kept = trained[(trained != 0).any(axis=(2, 3))] / 2  # the unit itself was there
    assert 20 < len(kept) < 60 and (kept == kept[:, :1]).all(), "alike in an image's streams"
    pixels = (kept[:, 0, 0] - 1) / 2
    assert (pixels == np.rint(pixels)).all(), "the label is there in full"
    assert abs(pixels / 1997 - 0.5).max() < 0.06 and np.ptp(pixels) > 0


def test_dropout_acts_in_fit_alone(small):
    x, y = small
    model = dropping()
    before = model.predict(x[:100])
    np.testing.assert_array_equal(model.predict(x[:100]), before)
    losses = {
        rate: dropping(rate).fit(x, y, batch_size=500, epochs=8).history["loss"][-1]
        for rate in (0.0, 0.5)
    }
    assert losses[0.5] > 1.2 * losses[0.0]


def test_dropout_spares_frozen_blocks(small):
    model = dropping()
    model.blocks[0].trainable = False
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    draws = [block.draws.state.numpy() for block in (model.blocks[0].block, model.blocks[1])]
    model.fit(*small, batch_size=1000)
    np.testing.assert_array_equal(model.blocks[0].block.draws.state, draws[0])
    assert (model.blocks[1].draws.state.numpy() != draws[1]).any()


def test_a_regulariser_of_its_own_is_saved():
    l2 = keras.regularizers.L2(0.1)
    first = ff.Labelled(ff.Dense(6), ff.LabelPixels(3), activity_regularizer=l2)
    again = ff.Labelled.from_config(first.get_config())
    assert again.activity_regularizer.get_config() == l2.get_config()
    assert again.block.activity_regularizer is None
