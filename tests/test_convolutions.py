"""Convolutional blocks with channels for each class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff

NORMALIZATIONS = ("layer", "rms", "batch", "none")
KINDS = ("mean_square", "mean_activity")


def network(units, num_classes, shape, kind="mean_square"):
    keras.utils.set_random_seed(1)
    channels = ff.ClassChannels(num_classes, kind)
    blocks = [ff.Conv(each, pool=2, goodness=channels) for each in units]
    model = ff.ForwardForward(blocks, source=ff.Images(num_classes))
    model.build((None, *shape))
    return model


def examples(n, shape=(10, 9), num_classes=3):
    rng = np.random.default_rng(0)
    return rng.random((n, *shape), "float32"), rng.integers(0, num_classes, n)


@pytest.mark.parametrize("kind", KINDS)
def test_goodness_is_that_of_a_classs_channels(kind):
    h = np.random.default_rng(0).random((5, 2, 4, 6), "float32")
    squares = kind == "mean_square"
    goodness = ff.Conv(6, goodness=ff.ClassChannels(3, kind)).goodness(h)
    for i, image in enumerate(h):
        for c in range(3):
            own = image[..., 2 * c : 2 * c + 2]
            np.testing.assert_allclose(goodness[i, c], (own**2 if squares else own).mean(), 1e-5)


def test_a_block_normalises_convolves_pools_and_rectifies():
    h = np.random.default_rng(0).random((4, 7, 9, 2), "float32")
    block = ff.Conv(6, pool=2)
    block.build(h.shape)
    scaled = (h - h.mean(axis=(1, 2, 3), keepdims=True)) / h.std(axis=(1, 2, 3), keepdims=True)
    z = tf.nn.conv2d(scaled, block.kernel, 1, "SAME") + block.bias
    expected = tf.nn.max_pool2d(tf.nn.relu(z), 2, 2, "VALID")
    assert expected.shape == block.compute_output_shape(h.shape) == (4, 3, 4, 6)
    np.testing.assert_allclose(block(h), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_what_a_normalisation_does(normalization):
    rng = np.random.default_rng(0)
    h = rng.normal(3, [1, 5], (40, 6, 5, 2)).astype("float32") * rng.uniform(1, 9, (40, 1, 1, 1))
    block = ff.Conv(4, normalization=normalization)
    block.build(h.shape)
    scaled = np.array(block.normalized(h.astype("float32"), training=True))
    if normalization == "none":
        np.testing.assert_array_equal(scaled, h.astype("float32"))
    else:
        axes = (0, 1, 2) if normalization == "batch" else (1, 2, 3)
        np.testing.assert_allclose((scaled**2).mean(axes), 1, rtol=1e-3)
        if normalization != "rms":
            np.testing.assert_allclose(scaled.mean(axes), 0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_mnist_the_better_the_deeper(mnist, kind):
    model = network((20, 40, 80), 10, (28, 28), kind)
    model.compile(keras.optimizers.Adam(5e-3), ff.SoftmaxLoss(scale=1.0, pull=0.0))
    model.fit(ff.batches(mnist.x_train[:6000], mnist.y_train[:6000], 50), epochs=2)
    by_block = model.layer_goodness(mnist.x_val[:2000]).transpose(1, 0, 2)
    errors = ff.evaluation.error(by_block, mnist.y_val[:2000])
    assert errors[0] > errors[2] < 0.1
    np.testing.assert_allclose(model.predict(mnist.x_val[:2000]), by_block.sum(0), rtol=1e-4)


def test_the_pairwise_loss_takes_the_other_classes_for_negatives():
    x, y = examples(300)
    x[np.arange(300), y] += 2  # a bright row tells
    model = network((12,), 3, (10, 9))
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(x, y, epochs=20, batch_size=30)
    assert model.evaluate(x, y)[1] > 0.9


@pytest.mark.parametrize("normalization", ["layer", "rms", "none"])
@pytest.mark.parametrize("shape", [(10, 9), (10, 9, 3)])
def test_a_convolution_that_reads_labels(normalization, shape):
    """…gives for many labels what it gives for pictures with each label laid over them."""
    block = ff.Conv(6, 3, pool=2, normalization=normalization)
    label = ff.LabelPatterns(4, "waves", 0.7)
    layer = ff.Labelled(block, label)
    layer.build((None, *shape))
    block.bias.assign(np.linspace(-1, 1, 6))
    x, _ = examples(5, shape)
    h = layer(x, np.eye(4, dtype="float32")[None])
    assert h.shape == layer.compute_output_shape(x.shape, (1, 4, 4)) == (5, 4, 5, 4, 6)
    for i, pattern in enumerate(label.written(shape)):
        edited = x.reshape(5, 10, 9, -1) + pattern
        np.testing.assert_allclose(h[:, i], block(edited), rtol=1e-3, atol=1e-4)
