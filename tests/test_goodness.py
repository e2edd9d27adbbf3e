"""Goodness, normalisation and losses: their properties for any activities."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ffhelpers as ff
from networks import network

activities = hnp.arrays(
    "float32",
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6),
    elements=st.floats(-100, 100, width=32, allow_subnormal=False),
)
goodnesses = st.floats(0, 50, width=32, allow_subnormal=False)


@given(activities)
def test_goodness_is_the_mean_of_squares(h):
    near = {"rtol": 1e-5, "atol": 1e-30}  # TensorFlow takes what float32 can hardly hold for 0
    squares = h.astype("float64") ** 2
    np.testing.assert_allclose(ff.goodness(h), squares.mean(-1), **near)
    np.testing.assert_allclose(ff.goodness(h, "sum_of_squares"), squares.sum(-1), **near)


@given(activities, st.floats(1 / 64, 64, width=32))
def test_normalisation_keeps_the_direction_only(h, factor):
    normal = np.asarray(ff.normalize(h))
    alive = (np.abs(h) > 1e-3).any(-1)
    np.testing.assert_allclose(np.asarray(ff.goodness(normal))[alive], 1, rtol=1e-3)
    assert (normal[~(h != 0).any(-1)] == 0).all()
    h = h * np.float32(factor)
    alive &= (np.abs(h) > 1e-3).any(-1)  # epsilon is meant to count in shorter ones
    np.testing.assert_allclose(np.asarray(ff.normalize(h))[alive], normal[alive], atol=1e-3)


@given(goodnesses, goodnesses, st.floats(0.5, 4), st.floats(0.5, 20))
def test_losses_are_those_of_the_formula(g_pos, g_neg, theta, scale):
    def softplus(x):
        return np.logaddexp(0, x)

    expected = softplus(scale * (theta - g_pos)) + softplus(scale * (g_neg - theta))
    loss = ff.threshold_loss(g_pos, g_neg, theta, scale)
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-4)
    loss = ff.pairwise_loss(g_pos, g_neg, scale)
    np.testing.assert_allclose(loss, softplus(scale * (g_neg - g_pos)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("value", [1e4, -1e4, 1e-4, 0.0])
def test_finite_with_finite_gradients_where_squares_overflow(dtype, value):
    import tensorflow as tf

    h = tf.fill((3, 64), tf.cast(value, dtype))
    losses = [
        lambda g: ff.threshold_loss(g, 0 * g),
        lambda g: ff.threshold_loss(0 * g, g, 1, 10),
        lambda g: ff.pairwise_loss(g, 0 * g),
        lambda g: ff.pairwise_loss(0 * g, g),
    ]
    for loss in losses:
        with tf.GradientTape() as tape:
            tape.watch(h)
            out = loss(ff.goodness(h))
        assert np.isfinite(out).all()
        assert np.isfinite(tape.gradient(out, h)).all()
    normal = np.asarray(ff.normalize(h), "float32")
    assert ff.normalize(h).dtype == dtype
    np.testing.assert_allclose((normal**2).mean(-1), 1 if value else 0, rtol=1e-2)


def test_gradient_is_the_one_derived_by_hand():
    """d loss / dW for one ReLU layer: goodness's 2 h / units times the logistic factor."""
    import tensorflow as tf

    rng = np.random.default_rng(3)
    x_pos, x_neg = rng.normal(size=(2, 7, 12)).astype("float32")
    w = tf.Variable(rng.normal(size=(12, 9)).astype("float32"))
    theta, scale = 1.3, 2.0
    with tf.GradientTape() as tape:
        g_pos, g_neg = (ff.goodness(tf.nn.relu(x @ w)) for x in (x_pos, x_neg))
        loss = tf.reduce_mean(ff.threshold_loss(g_pos, g_neg, theta, scale))
    by_hand = 0
    for x, g, sign in [(x_pos, g_pos, -1), (x_neg, g_neg, 1)]:
        h = np.maximum(x @ w.numpy(), 0)
        p = 1 / (1 + np.exp(-sign * scale * (g.numpy() - theta)))
        by_hand += x.T @ (sign * scale * p[:, None] * 2 * h / 9) / 7
    np.testing.assert_allclose(tape.gradient(loss, w), by_hand, rtol=1e-4, atol=1e-6)


@keras.saving.register_keras_serializable("tests")
def top_unit(h):
    return keras.ops.max(keras.ops.square(h), axis=-1)


@pytest.mark.parametrize("kind", ["mean_activity", "sum_of_squares", top_unit])
def test_a_goodness_is_saved_with_its_block(kind, tmp_path, small):
    model = network([ff.Labelled(ff.Dense(30, goodness=kind), ff.LabelPixels(10)), 20])
    model.fit(*small, batch_size=500)
    h = np.random.default_rng(0).random((3, 2, 30), "float32")
    expected = ff.goodness(h, kind)
    np.testing.assert_allclose(model.blocks[0].goodness(h), expected)
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    np.testing.assert_array_equal(loaded.predict(small[0]), model.predict(small[0]))
    np.testing.assert_array_equal(loaded.blocks[0].goodness(h), expected)
    both = [m.fit(*small, batch_size=500, shuffle=False).history for m in (model, loaded)]
    assert both[0] == both[1]


@pytest.mark.parametrize("block", [ff.Dense(5), ff.Labelled(ff.Dense(5), ff.LabelPixels(3))])
def test_a_goodness_that_would_not_be_saved_is_refused(block):
    with pytest.raises(AttributeError, match="goodness=…"):
        block.goodness = top_unit


def test_dense_blocks_may_have_class_channels_too(small):
    channels = ff.ClassChannels(10)
    blocks = [ff.Dense(50, goodness=channels), ff.Dense(40, goodness=channels)]
    model = network(blocks, source=ff.Images(10), image_shape=(784,))
    model.compile(keras.optimizers.Adam(2e-3), ff.SoftmaxLoss(), jit_compile=False)
    x = small[0].reshape(-1, 784)
    model.fit(x, small[1], batch_size=100, epochs=3)
    assert ff.evaluation.error(model.predict(x), small[1]) < 0.15
