"""Recurrence: the iterations by hand, gradients that stay where they are, one product an image."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff

CLASSES = 4


def network(blocks=(9, 8), source=None, **kwargs):
    keras.utils.set_random_seed(1)
    model = ff.Recurrent(list(blocks), source=source or ff.GivenLabels(CLASSES), **kwargs)
    model.build((None, 5, 6))
    for block in model.blocks:  # which start without a bias
        block.bias.assign(np.random.default_rng(0).normal(0, 0.3, block.units))
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True, jit_compile=False)
    return model


def examples(n=12):
    rng = np.random.default_rng(2)
    true = rng.integers(0, CLASSES, n)
    pairs = np.stack([true, (true + 1) % CLASSES], axis=1)
    return rng.random((n, 5, 6), "float32"), pairs


def visits(model, x, labels):
    """Every block with its neighbours and its activities, in the iterations that count."""
    seen = []

    def look(block, neighbours):
        seen.append((block, neighbours, block(neighbours)))
        return seen[-1][2]

    model.forward(look, tf.constant(x), labels)
    return seen


def unit(h):
    return h / np.sqrt((h**2).mean(axis=-1, keepdims=True))


@pytest.mark.parametrize("widths, damping", [((9, 8), 0.3), ((9, 8, 7), 0.3), ((9,), 0.6)])
def test_the_iterations_by_hand(widths, damping):
    """Damped, and all at once: a block sees its neighbours as they were before."""
    blocks = [ff.RecurrentDense(width, damping=damping) for width in widths]
    model = network(blocks, iterations=[3, 4, 6], loudness=2.0)
    x, pairs = examples()
    seen = visits(model, x, keras.ops.one_hot(pairs, CLASSES))
    weights = [[np.array(v) for v in block.trainable_variables] for block in model.blocks]
    for stream in (0, 1):
        label = 2 * CLASSES**0.5 * np.eye(CLASSES)[pairs[:, stream]]
        image = unit(x.reshape(len(x), -1))
        states, below = [], image
        for kernel, _, bias in weights:
            states.append(np.maximum(below @ kernel + bias, 0))
            below = unit(states[-1])
        expected = []
        for t in range(1, 7):
            around = [image, *map(unit, states), label]
            states = [
                damping * old
                + (1 - damping)
                * np.maximum(around[i] @ kernel + around[i + 2] @ top_down + bias, 0)
                for i, (old, (kernel, top_down, bias)) in enumerate(zip(states, weights))
            ]
            expected += states if t in (3, 4, 6) else []
        assert len(seen) == len(expected) == 3 * len(widths)
        for (_, _, h), wanted in zip(seen, expected):
            np.testing.assert_allclose(h[:, stream], wanted, rtol=1e-4, atol=1e-5)


def test_without_top_down_weights_and_damping_it_is_the_bottom_up_pass():
    model = network([ff.RecurrentDense(n, damping=0) for n in (9, 8, 7)], iterations=[3, 8])
    for block in model.blocks:
        block.top_down.assign(0 * block.top_down)
    x, pairs = examples()
    *_, (_, _, early), _, _, (_, _, late) = visits(model, x, keras.ops.one_hot(pairs, CLASSES))
    np.testing.assert_allclose(early, late, rtol=1e-5, atol=1e-6)  # a product's rounding may vary
    h = x.reshape(len(x), -1)
    for block in model.blocks:
        h = np.maximum(unit(h) @ block.kernel.numpy() + block.bias.numpy(), 0)
    np.testing.assert_allclose(late[:, 0], h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("iterations", [[2], [3, 5]])
def test_a_step_is_the_sum_of_each_visits_own_gradient(iterations):
    """…which is taken with everything around the block held fixed, earlier iterations included."""
    model = network(iterations=iterations)
    x, pairs = examples()
    expected = {v.path: np.zeros(v.shape) for v in model.trainable_variables}
    for block, neighbours, _ in visits(model, x, keras.ops.one_hot(pairs, CLASSES)):
        below, above, old = (tf.constant(np.array(a)) for a in flat(neighbours))
        with tf.GradientTape() as tape:
            z = keras.ops.matmul(below, block.kernel) + keras.ops.matmul(above, block.top_down)
            h = 0.3 * old + 0.7 * keras.ops.relu(z + block.bias)
            loss = model.loss(tf.constant([[1.0, -1.0]]), block.goodness(h))
        for v, gradient in zip(
            block.trainable_variables, tape.gradient(loss, block.trainable_variables)
        ):
            expected[v.path] += np.array(gradient)
    before = {v.path: np.array(v) for v in model.trainable_variables}
    model.train_on_batch(x, pairs)
    for v in model.trainable_variables:
        np.testing.assert_allclose(
            before[v.path] - np.array(v), expected[v.path], rtol=1e-3, atol=1e-6
        )
        assert np.abs(expected[v.path]).max() > 1e-4


def flat(neighbours):
    below = neighbours.below
    return (below[0] if isinstance(below, tuple) else below, *neighbours[1:])


@pytest.mark.parametrize("training", [False, True])
def test_the_images_product_is_computed_once(training):
    """For all iterations and labels; learning takes one more in each iteration that counts."""
    model = network(source=ff.LabelInImage(CLASSES), iterations=[3, 4, 5])
    x, pairs = examples()
    model.train_on_batch(x, pairs[:, 0])
    step = (lambda x, y: model.train_step((x, y))) if training else (lambda x, y: model(x))
    graph = tf.function(step).get_concrete_function(tf.constant(x), tf.constant(pairs[:, 0])).graph
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    pixels = x[0].size
    forward = [op for op in products if op.inputs[1].shape == (pixels, 9)]
    assert len(forward) == 1 and forward[0].inputs[0].shape[1] == pixels
    gradients = [op for op in products if op.outputs[0].shape == (pixels, 9)]
    assert len([op for op in gradients if op not in forward]) == (3 if training else 0)


def test_beliefs_are_the_top_blocks_goodness_in_the_first_iteration():
    model = network(source=ff.LabelInImage(CLASSES))
    x, _ = examples()
    given = []

    def pick(goodness):
        given.append(np.array(goodness))
        return keras.ops.eye(CLASSES)[None]

    visits(model, x, pick)
    model.iterations = [1]
    block, _, h = visits(model, x, keras.ops.eye(CLASSES)[None])[-1]
    np.testing.assert_allclose(given[0], block.goodness(h), rtol=1e-5)
    assert given[0].std(axis=1).min() > 1e-4


def test_a_prediction_is_the_mean_over_iterations_summed_over_blocks():
    model = network(iterations=[2, 4])
    x, _ = examples()
    seen = visits(model, x, keras.ops.eye(CLASSES)[None])
    goodness = [np.array(block.goodness(h)) for block, _, h in seen]
    by_block = [(goodness[0] + goodness[2]) / 2, (goodness[1] + goodness[3]) / 2]
    np.testing.assert_allclose(model.layer_goodness(x), np.stack(by_block, 1), rtol=1e-5)
    np.testing.assert_allclose(model.predict(x), sum(by_block), rtol=1e-5)


def test_a_softmax_reads_the_last_iteration_under_a_neutral_label():
    model = network(iterations=[2, 4])
    x, _ = examples()
    neutral = np.full((1, 1, CLASSES), 1 / CLASSES, "float32")
    last = [np.array(h)[:, 0] for _, _, h in visits(model, x, neutral)][-2:]
    np.testing.assert_allclose(
        model.neutral_activities(tf.constant(x)), np.hstack([unit(h) for h in last]), 1e-4, 1e-5
    )


@pytest.mark.parametrize("negatives", ["hard", "uniform"])
def test_it_learns(small, negatives):
    x, y = small
    keras.utils.set_random_seed(1)
    model = ff.Recurrent([60, 50], source=ff.LabelInImage(10, negatives))
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x[:2000], y[:2000], batch_size=50, epochs=4)
    assert ff.evaluation.error(model.predict(x[2000:]), y[2000:]) < 0.2
    assert (
        ff.evaluation.error(model.layer_goodness(x[2000:]).swapaxes(0, 1), y[2000:]) < 0.25
    ).all()


def test_what_cannot_be_is_refused():
    for source in (ff.HybridImages(), ff.Phases(ff.Hardest(ff.LabelInImage(3))), ff.Images(3)):
        with pytest.raises(ValueError, match=f"source={type(source).__name__}: expected one with"):
            ff.Recurrent([5, 5], source=source)
    for blocks in (
        [8, ff.RecurrentDense(5)],
        [ff.Labelled(ff.RecurrentDense(5), ff.LabelPixels(3))],
    ):
        with pytest.raises(ValueError, match="two neighbours: expected it in an ff.Recurrent"):
            ff.ForwardForward(blocks, num_classes=3).build((None, 5, 6))
    with pytest.raises(ValueError, match="expected a goodness of all their units"):
        ff.Recurrent([ff.RecurrentDense(6, goodness=ff.ClassChannels(3))], num_classes=3)
    with pytest.raises(TypeError, match="silent_blocks"):
        ff.Recurrent([5, 5], num_classes=3, silent_blocks=1)


def test_goodness_has_its_gradient_with_respect_to_the_image():
    """…as small changes of the pixels give it, for pictures of what moves a label."""
    model = network(iterations=[2, 3])
    x, _ = examples(3)
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        goodness = model(images)[:, 1]
    found = np.array(tape.gradient(goodness, images))
    rng = np.random.default_rng(3)
    for _ in range(5):
        away = rng.normal(0, 1e-2, x.shape).astype("float32")
        up, down = (np.array(model(x + sign * away))[:, 1] for sign in (1, -1))
        along = (found * away).sum((1, 2))
        np.testing.assert_allclose((up - down) / 2, along, rtol=0.2, atol=5e-4)  # over kinks
