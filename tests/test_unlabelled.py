"""Hybrid images, sums and given negatives: what a network without labels learns from."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

import ffhelpers as ff
from networks import network


@pytest.mark.parametrize("blurs", [0, 1, 2, 6])
@pytest.mark.parametrize("size", [(28, 28), (5, 9)])
def test_masks_are_blurred_bits_cut_at_a_half(blurs, size):
    masks = np.array(ff.hybrid_masks(7, size, blurs, seed=3))
    blurred = np.array(ff.hybrid_masks(7, size, 0, seed=3), float)
    for _ in range(blurs):
        for axis in (1, 2):
            kernel = [0.25, 0.5, 0.25]
            blurred = scipy.ndimage.convolve1d(blurred, kernel, axis, mode="reflect")
    assert masks.dtype == "float32"
    clear = abs(blurred - 0.5) > 1e-6  # not where rounding decides
    np.testing.assert_array_equal(masks[clear], (blurred > 0.5)[clear])
    assert clear.mean() > 0.8


def test_bits_are_fair_and_independent():
    bits = np.array(ff.hybrid_masks(400, (9, 11), 0, seed=1)).reshape(400, -1)
    assert set(np.unique(bits)) == {0, 1} and bits.mean() == pytest.approx(0.5, abs=0.02)
    related = np.corrcoef(bits) - np.eye(400)  # of two pictures, by chance 1 / sqrt(99)
    assert related.std() == pytest.approx(99**-0.5, rel=0.1) and abs(related).max() < 0.55
    draws = [np.array(ff.hybrid_masks(1, (9, 11), 0, seed)).ravel() for seed in range(400)]
    related = np.corrcoef(np.transpose(draws)) - np.eye(99)  # of two pixels
    assert related.std() == pytest.approx(400**-0.5, rel=0.1) and abs(related).max() < 0.3


def test_more_blurs_make_larger_regions_everywhere_alike():
    borders = []
    for blurs in (0, 1, 3, 9):
        masks = np.array(ff.hybrid_masks(20_000, (12, 12), blurs, seed=1))
        borders.append((masks[:, 1:] != masks[:, :-1]).mean())
        assert abs(masks.mean(axis=0) - masks.mean()).max() < 0.08, "no pixel is special"
        assert masks.mean() == pytest.approx(0.5, abs=0.13)  # of bits, a tie is a zero
    assert borders[0] == pytest.approx(0.5, abs=0.01)
    assert all(more < 0.85 * fewer for fewer, more in zip(borders, borders[1:]))


def streams(source, x, y=None):
    source.build(x.shape)
    made = source.training(tf.constant(x), None if y is None else tf.constant(y))
    np.testing.assert_array_equal(made.signs, [[1, -1]])
    return np.array(made.inputs[:, 0]), np.array(made.inputs[:, 1])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_hybrid_is_one_image_inside_and_another_outside_and_nothing_else(channels):
    x = np.random.default_rng(0).random((50, 8, 9, channels), "float32")
    positive, negative = streams(ff.HybridImages(2, seed=1), x)
    np.testing.assert_array_equal(positive, x)
    pixel = negative[:, None] == x[None]  # (hybrid, image, h, w, channels)
    assert (pixel.all(axis=-1) == pixel.any(axis=-1)).all(), "a pixel has one source"
    share = pixel[..., 0].mean(axis=(2, 3))
    own, others = np.diag(share), share - np.diag(np.diag(share))
    np.testing.assert_allclose(own + others.max(axis=1), 1)
    assert (np.count_nonzero(others, axis=1) == 1).all()
    assert 0.3 < own.mean() < 0.7


def test_any_other_image_of_a_batch_may_be_the_partner():
    x = np.arange(6, dtype="float32").reshape(6, 1)
    source = ff.ImageSums(seed=1)
    partners = {tuple((streams(source, x)[1] - x).ravel().astype(int)) for _ in range(100)}
    assert partners == {tuple(np.roll(range(6), k)) for k in range(1, 6)}
    np.testing.assert_array_equal(streams(source, x)[0], 2 * x)
    np.testing.assert_array_equal(streams(source, x[:1])[1], 2 * x[:1])  # it is alone


def test_given_negatives_are_used(small):
    x = small[0][:200]
    wrong = x[:, ::-1].copy()
    positive, negative = streams(ff.GivenImages(), x, wrong)
    np.testing.assert_array_equal(positive[..., 0], x)
    np.testing.assert_array_equal(negative[..., 0], wrong)
    model = network(num_classes=None, source=ff.GivenImages())
    model.fit(x, wrong, batch_size=50, epochs=20)
    assert model.evaluate(x, wrong) < 0.5 * model.evaluate(wrong, x)


def test_a_network_that_sees_no_label_learns_what_a_softmax_can_read(small):
    """…better than from a network with weights at random."""
    x, y = small
    errors = []
    for epochs in (0, 12):
        model = network((200, 200), num_classes=None, source=ff.HybridImages(2), silent_blocks=1)
        if epochs:
            history = model.fit(x, batch_size=100, epochs=epochs, validation_data=x[:500]).history
            assert history["val_loss"][-1] < history["val_loss"][0]
            assert history["g_pos"][-1] > 1.1 * history["g_neg"][-1]
        reader = ff.OnePass(model, num_classes=10)
        crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        reader.compile(keras.optimizers.Adam(0.01), crossentropy, metrics=["accuracy"])
        reader.fit(x[:2000], y[:2000], batch_size=100, epochs=20, verbose=0)
        errors.append(ff.evaluation.error(reader.predict(x[2000:], verbose=0), y[2000:]))
    assert errors[1] < 0.8 * errors[0]


def test_masks_and_partners_are_drawn_for_every_batch(small):
    source = ff.HybridImages(2, seed=1)
    first, second = (streams(source, small[0][:20])[1] for _ in range(2))
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_judging_changes_nothing_of_what_is_learned_later(small):
    x = small[0][:60]
    models = [network([9], None, source=ff.HybridImages(1, seed=2)) for _ in range(2)]
    for judged, model in zip((False, True), models):
        model.fit(x, batch_size=30, shuffle=False)
        if judged:
            assert model.evaluate(x) == model.evaluate(x)
        model.fit(x, batch_size=30, shuffle=False)
    for a, b in zip(*(model.get_weights() for model in models)):
        np.testing.assert_array_equal(a, b)


def test_a_dense_block_reads_pictures_as_vectors():
    keras.utils.set_random_seed(1)
    dense, flat = ff.Dense(4), ff.Dense(4)
    dense.build((None, None, 3, 5, 2))
    flat.build((None, None, 30))
    flat.set_weights(dense.get_weights())
    h = np.random.default_rng(0).random((6, 2, 3, 5, 2), "float32")
    np.testing.assert_allclose(dense(h), flat(h.reshape(6, 2, 30)), 1e-5, 1e-6)
    assert dense.compute_output_shape((None, None, 3, 5, 2)) == (None, None, 4)
    np.testing.assert_allclose(dense(h[:, 0]), dense(h)[:, 0], 1e-5, 1e-6)
