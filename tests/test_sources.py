"""Sources: what a network learns from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff
from networks import network


def test_several_negatives_make_as_many_pairs(small):
    streams = []

    class Seen(ff.PairwiseLoss):
        def call(self, signs, goodness):
            streams.append(goodness.shape[-1])
            return super().call(signs, goodness)

    model = network(source=ff.LabelInImage(10, count=3))
    model.compile(keras.optimizers.Adam(2e-3), loss=Seen(), jit_compile=False)
    model.fit(*small, batch_size=100)
    assert set(streams) == {4}
    assert ff.evaluation.error(model.predict(small[0]), small[1]) < 0.3


def test_a_seed_of_numpy_is_one():
    source = ff.LabelInImage(10, seed=np.int64(3))
    assert type(source.get_config()["seed"]) is int


def test_given_labels_are_used(small):
    x, y = small
    wrong = (y + 1) % 10
    given = network(source=ff.GivenLabels(10))
    given.fit(x, np.stack([y, wrong], 1), 300, epochs=5, validation_data=(x, y))
    goodness = given.predict(x)
    n = np.arange(len(y))
    assert (goodness[n, y] > goodness[n, wrong]).mean() > 0.95


def test_streams_that_do_not_count_teach_nothing(small):
    """…and a batch of one sign alone teaches with the threshold loss."""
    x, y = small

    class Masked(ff.LabelInImage):
        signs = [[1.0, -1.0, 0.0, 0.0]]

        def training(self, *batch, **kwargs):
            return super().training(*batch, **kwargs)._replace(signs=tf.constant(self.signs))

    source = Masked(10, "uniform", count=3)
    model = network(source=source)
    model.compile(keras.optimizers.SGD(0.0), loss=ff.PairwiseLoss(), run_eagerly=True)
    counted = network(source=ff.LabelInImage(10, "uniform", count=3))
    streams = source.training(x[:50], y[:50])
    h = counted.blocks[0](streams.inputs, labels=streams.labels)
    g = counted.blocks[0].goodness(h)
    both = ff.PairwiseLoss()(tf.constant(Masked.signs), g)
    alone = ff.PairwiseLoss()(tf.constant([[1.0, -1.0]]), g[:, :2])
    np.testing.assert_allclose(both, alone, rtol=1e-5)

    source.signs = [[0.0, -1.0, -1.0, -1.0]]
    with pytest.raises(ValueError, match="PairwiseLoss compares positive with negative"):
        model.fit(x[:50], y[:50])
    model.compile(keras.optimizers.Adam(2e-3), loss=ff.ThresholdLoss(1.0, 10.0))
    history = model.fit(x, y, batch_size=100, epochs=3).history
    assert history["g_neg"][-1] < 0.7 * history["g_neg"][0] and history["g_pos"][-1] == 0


def moved(model, x, y, reach=0.2):
    """Images as `Adversarial` moves them against this network."""
    source = ff.Adversarial(ff.LabelInImage(10, model.source.negatives, seed=1), reach, seed=2)
    source.build(x.shape)
    return source.training(tf.constant(x), tf.constant(y), network=model).inputs.numpy()


def test_adversarial_images_move_by_parts_of_their_length_that_are_drawn(small):
    x, y = small[0][:400], small[1][:400]
    away = (moved(network(), x, y) - x).reshape(400, -1)
    parts = np.linalg.norm(away, axis=1) / np.linalg.norm(x.reshape(400, -1), axis=1) / 0.2
    assert 0 < parts.min() < 0.05 and 0.95 < parts.max() < 1
    assert parts.mean() == pytest.approx(0.5, abs=0.05)
    assert not away[:, :10].any()  # the label's pixels


def test_how_far_an_image_moves_has_nothing_to_do_with_its_place_in_the_batch(small):
    x, y = small[0][:200], small[1][:200]
    model, source = network(), ff.Adversarial(ff.LabelInImage(10), 0.2)
    source.build(x.shape)
    lengths = np.linalg.norm(x.reshape(200, -1), axis=1)
    by_place = np.zeros(200)
    for _ in range(30):
        away = source.training(tf.constant(x), tf.constant(y), network=model).inputs.numpy() - x
        by_place += np.linalg.norm(away.reshape(200, -1), axis=1) / lengths / 0.2 / 30
    assert abs(np.corrcoef(by_place, np.arange(200))[0, 1]) < 0.3
    assert abs(by_place[:50].mean() - by_place[-50:].mean()) < 0.05


def test_adversarial_images_lower_the_lead_of_the_truth(small):
    """…by more than images that move as far in any direction, also in a network that is sure."""
    x, y = small[0][:500], small[1][:500]
    model = network(source="uniform")
    model.fit(*small, batch_size=100, epochs=5)
    away = moved(model, x, y) - x
    anywhere = keras.random.normal(x.shape, seed=1)
    anywhere *= np.linalg.norm(away, axis=(1, 2), keepdims=True)
    anywhere /= np.linalg.norm(anywhere, axis=(1, 2), keepdims=True)
    signs = 2 * np.eye(10, dtype="float32")[y] - 1
    losses = [
        float(model.loss(signs, model.layer_goodness(shown)[:, 0]))
        for shown in (x, x + np.asarray(anywhere), x + away)
    ]
    assert losses[0] < losses[2] and losses[1] - losses[0] < 0.2 * (losses[2] - losses[0])


def test_networks_that_see_adversarial_images_yield_less(small):
    def error_when_attacked(source):
        model = network(source=source)
        model.fit(*small, batch_size=100, epochs=8)
        model.source.negatives = "hard"
        return ff.evaluation.error(model.predict(moved(model, *small, 0.1)), small[1])

    hardened = error_when_attacked(ff.Adversarial(ff.LabelInImage(10), 0.1))
    assert hardened < 0.7 * error_when_attacked(ff.LabelInImage(10))


def channels(pool=4):
    return [ff.Conv(10, pool=pool, goodness=ff.ClassChannels(10))]


@pytest.mark.parametrize("source", [ff.LabelInImage, ff.Images])
def test_adversarial_images_may_be_bytes_and_go_with_every_network(small, source):
    x, y = np.rint(255 * small[0]).astype("uint8"), small[1]
    blocks = [6, 5] if source is ff.LabelInImage else channels()
    model = network(blocks, source=ff.Adversarial(source(10), 0.1))
    of_bytes = model.source.training(tf.constant(x[:9]), tf.constant(y[:9]), network=model).inputs
    assert of_bytes.dtype == "float32"
    assert -1 < of_bytes.numpy().min() and 0.5 < of_bytes.numpy().max() < 2
    assert np.isfinite(model.fit(x, y, batch_size=700).history["loss"]).all()


def test_the_hardest_images_are_those_with_the_largest_losses(small):
    x, wrong = small[0][:41], (small[1][:41] + 3) % 10
    y = np.stack([small[1][:41], wrong], axis=1)
    model = network(source=ff.Hardest(ff.GivenLabels(10), 0.25))
    goodness = model.layer_goodness(x)[np.arange(41), 0, y.T].T
    losses = ff.PairwiseLoss().call(tf.constant([[1.0, -1.0]]), goodness)
    hardest = np.sort(np.argsort(losses)[-11:])  # a quarter of 41, rounded up, in their order
    streams = model.source.training(x, y, network=model)
    np.testing.assert_array_equal(streams.inputs, x[hardest])
    np.testing.assert_array_equal(np.argmax(streams.labels, axis=-1), y[hardest])
    assert streams.weight is None and streams.signs.shape == (1, 2)

    weight = np.ones(41, "float32")
    weight[hardest[::2]] = 0
    streams = model.source.training(x, y, weight, network=model)
    assert len(streams.inputs) == 11 and (streams.weight.numpy() == 1).all()
    one = model.source.training(x[:1], y[:1], network=model)
    np.testing.assert_array_equal(one.inputs, x[:1])


def test_learning_from_the_hardest_images_is_learning_from_them_alone(small):
    """The same step as on a batch of these images."""
    x, y = small[0][:40], np.stack([small[1][:40], (small[1][:40] + 1) % 10], axis=1)
    given = ff.GivenLabels(10)
    one, other = network(source=ff.Hardest(given, 0.3)), network(source=given)
    streams = one.source.training(x, y, network=one)
    chosen, labels = streams.inputs, np.argmax(streams.labels, axis=-1)
    histories = one.fit(x, y, 40).history, other.fit(chosen, labels, 12, shuffle=False).history
    for name in ("loss", "g_pos", "g_neg"):
        np.testing.assert_allclose(*(history[name] for history in histories), rtol=1e-5)
    for a, b in zip(one.get_weights(), other.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("learning", [False, True])
def test_ten_candidates_or_hard_negatives_cost_one_product_with_the_image(small, learning):
    model, x, y = network([30, 20]), small[0][:50], small[1][:50]
    model.train_on_batch(x, y)
    step = (lambda x, y: model.train_step((x, y))) if learning else (lambda x, y: model(x))
    graph = tf.function(step).get_concrete_function(tf.constant(x), tf.constant(y)).graph
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    kernels = [op for op in products if op.inputs[1].shape == (784, 30)]
    assert [op.inputs[0].shape[1] for op in kernels] == [784]
    gradients = [op for op in products if op.outputs[0].shape == (784, 30)]
    assert len(gradients) == learning


def test_the_wrong_label_is_drawn_once_for_a_batch(small):
    """An image is moved against the pair that it is then learned from, and so is it chosen."""
    drawn = []

    class Counted(ff.LabelInImage):
        def wrong(self, true, goodness):
            drawn.append(super().wrong(true, goodness))
            return drawn[-1]

    source = ff.Adversarial(ff.Hardest(Counted(10), 0.5), 0.1)
    model = network(source=source)
    model.compile(keras.optimizers.Adam(2e-3), run_eagerly=True)
    model.fit(small[0][:40], small[1][:40], batch_size=40)
    assert len(drawn) == 1
    streams = source.training(small[0][:40], small[1][:40], network=model)
    assert not callable(streams.labels) and len(drawn) == 2


@pytest.mark.parametrize("source", [ff.LabelInImage, ff.Images])
def test_hard_images_may_be_bytes_and_go_with_every_network(small, source):
    x, y = np.rint(255 * small[0]).astype("uint8"), small[1]
    blocks = [60, 50] if source is ff.LabelInImage else channels()
    model = network(blocks, source=ff.Hardest(source(10), 0.5))
    history = model.fit(x, y, batch_size=100, epochs=4, class_weight={3: 2.0}).history
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    "blocks, source",
    [
        ([9, ff.Dense(10, goodness=ff.ClassChannels(10))], ff.LabelInImage(10)),
        ([ff.Dense(10, goodness=ff.ClassChannels(10))], ff.HybridImages()),
        ([ff.Dense(10, goodness=ff.ClassChannels(10)), 9], ff.Images(10)),
    ],
)
def test_blocks_judge_classes_where_each_class_is_a_stream_and_only_there(blocks, source):
    with pytest.raises(ValueError, match=f"{type(source).__name__} with [01] of [12] blocks of"):
        ff.ForwardForward(blocks, source=source)


def test_pictures_with_and_without_their_channel_are_the_same(small):
    x, y = small
    model = network()
    model.fit(x, y, batch_size=300)
    np.testing.assert_array_equal(model.predict(x[:50]), model.predict(x[:50, ..., None]))


def test_a_vector_keeps_all_its_columns():
    """The class stands in column 0, where the label would be written in a picture."""
    rng = np.random.default_rng(0)
    x, y = rng.random((800, 3), "float32"), rng.integers(0, 3, 800)
    x[:, 0] = (y + 0.5) / 3
    model = network([60], 3, (3,))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, y, batch_size=50, epochs=30)
    assert model.evaluate(x, y)[1] > 0.9
    np.testing.assert_array_equal(ff.write_label(x, y, 3)[:, :3], x)
