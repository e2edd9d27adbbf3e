"""Local losses over streams with signs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ffhelpers as ff

LOSSES = (
    ff.ThresholdLoss(1.5, 3.0),
    ff.PairwiseLoss(4.0, 2.0, 0.1),
    ff.SoftmaxLoss(4.0, 2.0, 0.1, smoothing=0.2),
)


def one_positive(positive, count=4):
    """Signs of which one in a row is positive."""
    return 2 * np.eye(count, dtype="float32")[positive] - 1


@given(
    hnp.arrays("float32", (5, 4), elements=st.floats(0, 5, width=32, allow_subnormal=False)),
    hnp.arrays("int32", 5, elements=st.integers(0, 3)),
)
@pytest.mark.parametrize("loss", [ff.ThresholdLoss(1.0, 10.0), ff.PairwiseLoss()])
def test_a_loss_over_streams_is_the_mean_over_pairs(loss, goodness, positive):
    pair = np.float32([[1, -1]])
    expected = [
        np.mean([float(loss(pair, g[None, [p, s]])) for s in range(4) if s != p])
        for g, p in zip(goodness, positive)
    ]
    signs = one_positive(positive)
    np.testing.assert_allclose(loss(signs, goodness), np.mean(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [(3,), (2, 2, 3)])
def test_peers_are_compared_over_the_batch_with_streams_and_without(units):
    peers = ff.PeerNormalization(0.5)
    h = np.random.default_rng(0).random((20, 1, *units)).astype("float32")
    means = h.mean(axis=(0, 1))
    expected = 0.5 * np.mean((means - means.mean()) ** 2) * 20
    for each in (h, h[:, 0], np.repeat(h, 3, axis=1)):
        assert float(peers(keras.ops.convert_to_tensor(each))) == pytest.approx(expected, rel=1e-4)


def test_the_softmax_loss_is_a_cross_entropy_and_a_pull():
    goodness = np.random.default_rng(0).random((6, 4), "float32")
    positive = np.array([0, 3, 1, 1, 2, 0])
    softmax = np.exp(3 * goodness) / np.exp(3 * goodness).sum(1, keepdims=True)
    expected = -np.log(softmax[np.arange(6), positive]) + 0.2 * ((goodness - 0.5) ** 2).mean(1)
    loss = ff.SoftmaxLoss(scale=3.0, theta=0.5, pull=0.2)
    np.testing.assert_allclose(loss.call(one_positive(positive), goodness), expected, rtol=1e-5)
    smooth = ff.SoftmaxLoss(scale=3.0, theta=0.5, pull=0.2, smoothing=0.1)
    others = -np.log(softmax).mean(1) + 0.2 * ((goodness - 0.5) ** 2).mean(1)
    np.testing.assert_allclose(
        smooth.call(one_positive(positive), goodness), 0.9 * expected + 0.1 * others, rtol=1e-5
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_a_stream_that_does_not_count_is_as_good_as_none(loss):
    goodness = np.random.default_rng(0).random((6, 4), "float32")
    signs = np.tile(np.float32([1, 0, -1, -1]), (6, 1))
    without = loss(signs[:, [0, 2, 3]], goodness[:, [0, 2, 3]])
    np.testing.assert_allclose(loss(signs, goodness), without, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_several_streams_may_be_positive(loss):
    goodness = np.random.default_rng(0).random((5, 3), "float32")
    twice = loss.call(np.float32([[1, 1, -1]]), goodness)
    each = [loss.call(np.float32([[1, -1]]), goodness[:, [i, 2]]) for i in (0, 1)]
    if not isinstance(loss, ff.SoftmaxLoss):  # there the positive ones share the probability
        np.testing.assert_allclose(twice, np.mean(each, axis=0), rtol=1e-5)
    swapped = loss.call(np.float32([[1, 1, -1]]), goodness[:, [1, 0, 2]])
    np.testing.assert_allclose(twice, swapped, rtol=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_sign_alone_is_learned_or_refused_in_words(loss, sign):
    goodness, signs = np.ones((5, 2), "float32"), np.full((1, 2), sign, "float32")
    if isinstance(loss, ff.ThresholdLoss):
        expected = np.logaddexp(0, loss.scale * sign * (loss.theta - 1))
        np.testing.assert_allclose(loss(signs, goodness), expected, rtol=1e-5)
    else:
        with pytest.raises(ValueError, match="compares positive with negative .*ThresholdLoss"):
            loss(signs, goodness)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_sign_that_only_a_running_step_sees_makes_the_loss_no_number(loss):
    """A warning that XLA keeps, unlike an assertion; training stops there in words."""
    of = tf.function(loss, jit_compile=True)
    goodness = tf.ones((5, 2))
    assert np.isfinite(of(tf.constant([[1.0, -1.0]]), goodness))
    alone = of(tf.constant([[1.0, 1.0]]), goodness)
    assert np.isfinite(alone) == isinstance(loss, ff.ThresholdLoss)


def test_a_loss_may_extend_the_call_of_another():
    class Doubled(ff.PairwiseLoss):
        def call(self, signs, goodness, times=2):
            return times * super().call(signs, goodness)

    class Tripled(Doubled):
        def call(self, signs, goodness):
            return super().call(signs, goodness, times=3)

    given = np.float32([[1, -1]]), np.float32([[1, 2], [3, 1]])
    np.testing.assert_allclose(Tripled()(*given), 3 * ff.PairwiseLoss()(*given), rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_come_back_from_their_config(loss):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
