"""Convolutional blocks with channels for each class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff

NORMALIZATIONS = ff.Conv.normalizations


def cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(filters=(12, 24), num_classes=3, shape=(10, 9), jit_compile=False, seed=1, **settings):
    keras.utils.set_random_seed(seed)
    blocks = [ff.Conv(each, num_classes, pool=2, **settings) for each in filters]
    model = ff.ForwardForward(blocks, num_classes, ff.Images())
    model.build((None, *shape))
    model.compile(keras.optimizers.Adam(2e-3), cross_entropy(), jit_compile=jit_compile)
    return model


def examples(n=30, shape=(10, 9), num_classes=3):
    rng = np.random.default_rng(0)
    return rng.random((n, *shape), "float32"), rng.integers(0, num_classes, n)


@pytest.mark.parametrize("squares", [True, False])
def test_goodness_is_that_of_a_classs_channels(squares):
    h = np.random.default_rng(0).random((5, 2, 4, 6), "float32")
    goodness = ff.Conv(6, 3, squares=squares).goodness(h)
    for i, image in enumerate(h):
        for c in range(3):
            own = image[..., 2 * c : 2 * c + 2]
            np.testing.assert_allclose(goodness[i, c], (own**2 if squares else own).mean(), 1e-5)


def test_a_block_normalises_convolves_pools_and_rectifies():
    h = np.random.default_rng(0).random((4, 7, 9, 2), "float32")
    block = ff.Conv(6, 3, pool=2)
    block.build(h.shape)
    scaled = (h - h.mean(axis=(1, 2, 3), keepdims=True)) / h.std(axis=(1, 2, 3), keepdims=True)
    z = tf.nn.conv2d(scaled, block.convolution.kernel, 1, "SAME") + block.convolution.bias
    expected = tf.nn.max_pool2d(tf.nn.relu(z), 2, 2, "VALID")
    assert expected.shape == block.compute_output_shape(h.shape) == (4, 3, 4, 6)
    np.testing.assert_allclose(block(h), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_what_a_normalisation_does(normalization):
    rng = np.random.default_rng(0)
    h = rng.normal(3, [1, 5], (40, 6, 5, 2)).astype("float32") * rng.uniform(1, 9, (40, 1, 1, 1))
    block = ff.Conv(4, 2, normalization=normalization)
    block.build(h.shape)
    scaled = np.array(block._normalized(h.astype("float32"), training=True))
    if normalization is None:
        np.testing.assert_array_equal(scaled, h.astype("float32"))
    else:
        axes = (0, 1, 2) if normalization == "batch" else (1, 2, 3)
        np.testing.assert_allclose((scaled**2).mean(axes), 1, rtol=1e-3)
        if normalization != "rms":
            np.testing.assert_allclose(scaled.mean(axes), 0, atol=1e-4)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_no_gradient_crosses_a_block_or_its_normalisation(normalization):
    """The step that `fit` makes changes a block alike, whatever stands behind it."""
    (x, y), steps = examples(), []
    for other in (False, True):
        model = network(normalization=normalization)
        first, second = model.blocks
        if other:
            second.convolution.kernel.assign(-3 * second.convolution.kernel)
        model.fit(x, y, batch_size=30, shuffle=False)
        steps.append([v.numpy() for v in (*first.variables, *second.variables)])
    count = len(first.variables)
    for before, after in zip(steps[0][:count], steps[1][:count]):
        np.testing.assert_array_equal(before, after)
    assert any((a != b).any() for a, b in zip(steps[0][count:], steps[1][count:]))


def test_each_block_learns_from_its_own_loss():
    """…and a frozen one stays as it is, its statistics too."""
    x, y = examples()
    model = network(normalization="batch")
    first, second = model.blocks
    first.trainable = False
    model.compile(keras.optimizers.Adam(2e-3), cross_entropy(), jit_compile=False)
    frozen, learning = ([v.numpy() for v in block.variables] for block in (first, second))
    assert len(frozen) == len(learning) == 4  # kernel, bias, mean and variance
    model.fit(x, y, epochs=2)
    for before, variable in zip(frozen, first.variables):
        np.testing.assert_array_equal(variable.numpy(), before)
    for before, variable in zip(learning, second.variables):
        assert (variable.numpy() != before).any()


@pytest.mark.parametrize("squares", [True, False])
def test_it_learns_mnist_the_better_the_deeper(mnist, squares):
    model = network((20, 40, 80), 10, (28, 28), "auto", squares=squares)
    model.compile(keras.optimizers.Adam(5e-3), cross_entropy())
    model.fit(ff.batches(mnist.x_train[:6000], mnist.y_train[:6000], 50), epochs=2)
    by_block = model.layer_goodness(mnist.x_val[:2000]).transpose(1, 0, 2)
    errors = ff.evaluation.error(by_block, mnist.y_val[:2000])
    assert errors[0] > errors[1] > errors[2] < 0.1
    np.testing.assert_allclose(model.predict(mnist.x_val[:2000]), by_block.sum(0), rtol=1e-4)


def test_the_pairwise_loss_takes_the_other_classes_for_negatives():
    x, y = examples(300)
    x[np.arange(300), y] += 2  # a bright row tells
    model = network((12,))
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(x, y, epochs=20, batch_size=30)
    assert model.evaluate(x, y)[1] > 0.9


def test_grey_colour_and_bytes():
    x, y = examples(shape=(10, 9))
    numbers = np.rint(255 * x).astype("uint8")
    expected = network().predict(numbers / np.float32(255))
    for same in (numbers, numbers[..., None], numbers[..., None] / np.float32(255)):
        np.testing.assert_allclose(network().predict(same), expected, rtol=1e-5)
    colour, y = examples(shape=(8, 8, 3), num_classes=7)
    model = network((14, 28), 7, (8, 8, 3))
    model.fit(colour, y)
    assert model.predict(colour).shape == (30, 7)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_saved_network_predicts_and_trains_on_alike(normalization, saved_alike):
    model = network(normalization=normalization, squares=False, activation="elu")
    saved_alike(model, *examples())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((10, 3), "filters=10: expected a multiple of 3 classes"),
        ((0, 3), "filters=0"),
        ((6.0, 3), "filters=6.0"),
        ((6, 3, 3, 1, "relu", "group"), "normalization='group'.*layer"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ff.Conv(*arguments)


@pytest.mark.parametrize("shape", [(30,), (3, 1), (1, 5, 3)])
def test_images_that_cannot_be_pooled_are_refused(shape):
    with pytest.raises(ValueError, match="at least 2 pixels each way"):
        network((6,), shape=shape)


def test_labels_that_are_none_are_refused():
    x, y = examples()
    with pytest.raises(ValueError, match="label 3: expected 0 to 2"):
        network().fit(x, np.full_like(y, 3))


def test_one_pass_is_for_networks_that_need_several():
    with pytest.raises(ValueError, match="predicts in one pass itself"):
        ff.OnePass(network())
