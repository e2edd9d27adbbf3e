"""Phases: what enters a network in each, and what it learns from one sign alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff

LABELLED = {
    "function of labels": lambda: ff.LabelInImage(10, "uniform", seed=3),
    "labels": lambda: ff.GivenLabels(10),
}
UNLABELLED = {
    "hybrids": lambda: ff.HybridImages(1, seed=3),
    "sums": lambda: ff.ImageSums(3),
    "given images": lambda: ff.GivenImages(3),
    "hardest": lambda: ff.Hardest(ff.HybridImages(1, seed=3), 0.5),
    "adversarial": lambda: ff.Adversarial(ff.HybridImages(1, seed=3), 0.1),
}
SOURCES = LABELLED | UNLABELLED


def network(source, optimizer=None, loss=None, widths=(7, 6)):
    """A network in which every run of a test has the same weights at the start."""
    keras.utils.set_random_seed(1)
    model = ff.ForwardForward(list(widths), source=source)
    model.build((None, 8, 9))
    loss = loss or ff.ThresholdLoss(1.0, 10.0)
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, jit_compile=False)
    return model


def batch(source, n=20):
    rng = np.random.default_rng(0)
    x, y = rng.random((n, 8, 9), "float32"), rng.integers(0, 10, n)
    if isinstance(source, ff.GivenImages):
        return x, x[::-1].copy()
    return x, np.stack([y, (y + 1) % 10], 1) if isinstance(source, ff.GivenLabels) else y


def entering(source, x, y, model):
    """Streams' inputs and labels, the labels picked, and their signs."""
    streams = source.training(tf.constant(x), tf.constant(y), network=model)
    labels = streams.labels
    if callable(labels):
        labels = labels(tf.zeros((len(x), 10)))
    return np.array(streams.inputs), labels, np.array(streams.signs)


@pytest.mark.parametrize("batches", [1, 3])
@pytest.mark.parametrize("kind", SOURCES)
def test_a_phase_has_the_streams_of_one_sign_and_nothing_else(kind, batches):
    inner, same = SOURCES[kind](), SOURCES[kind]()
    x, y = batch(inner)
    source = ff.Phases(inner, batches)
    model = network(source)
    same.build((None, 8, 9))
    for step in range(4 * batches):
        model.optimizer.iterations.assign(step)
        # The same draws for both.
        for a, b in zip(draws(same), draws(inner), strict=True):
            a.assign(b)
        inputs, labels, signs = entering(source, x, y, model)
        all_inputs, all_labels, _ = entering(same, x, y, model)
        stream = step // batches % 2
        np.testing.assert_array_equal(signs, [[1 - 2 * stream]])
        if labels is None:
            np.testing.assert_array_equal(inputs, all_inputs[:, [stream]])
        else:
            np.testing.assert_array_equal(inputs, all_inputs)
            np.testing.assert_array_equal(labels, np.array(all_labels)[:, [stream]])


def test_adam_with_a_state_for_each_phase_is_two_adams_in_turns(tmp_path):
    """…in the same network, where each has seen the gradients of its own phases alone."""
    x, y = batch(None, 24)
    one, two = (network(ff.Phases(ff.GivenLabels(10), 3)) for _ in "ab")
    wrong = np.stack([y, (y + 1) % 10], 1)
    one.compile(ff.PhaseAdam(0.01, 3), ff.ThresholdLoss(1.0, 10.0))
    turns = [keras.optimizers.Adam(0.01) for _ in "ab"]
    for step in range(11):
        one.train_on_batch(x, wrong)
        # The phase follows from the optimizer's steps: another one counts them.
        two.compile(keras.optimizers.SGD(), ff.ThresholdLoss(1.0, 10.0), run_eagerly=True)
        two.optimizer.build(two.trainable_variables)
        two.optimizer.iterations.assign(step)
        two.optimizer.apply = turns[step // 3 % 2].apply
        two.train_on_batch(x, wrong)
        if step == 7:  # in the middle of a night
            one.save(tmp_path / "model.keras")
            one = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not np.allclose(two.get_weights()[-1], network(ff.GivenLabels(10)).get_weights()[-1])


def draws(source):
    found = [source.draws.state]
    return found + (draws(source.source) if hasattr(source, "source") else [])


def signs_seen(model, x, y, steps):
    """The sign of each step of a training, by the goodness that it reports."""
    seen = []
    for _ in range(steps):
        logs = model.train_on_batch(x, y, return_dict=True)
        model.reset_metrics()
        assert (logs["g_pos"] == 0) != (logs["g_neg"] == 0), "one of them has no stream"
        seen.append(1 if logs["g_pos"] > 0 else -1)
    return seen


@pytest.mark.parametrize("jit", [True, False])
def test_phases_take_turns_and_go_on_where_a_saved_network_was(jit, tmp_path):
    x, y = batch(ff.LabelInImage(10))
    model = network(ff.Phases(ff.LabelInImage(10, "uniform"), 3))
    model.compile(keras.optimizers.SGD(1e-3, 0.9), ff.ThresholdLoss(), jit_compile=jit)
    assert signs_seen(model, x, y, 7) == [1, 1, 1, -1, -1, -1, 1]
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    assert loaded.source.batches == 3
    assert signs_seen(loaded, x, y, 9) == [1, 1, -1, -1, -1, 1, 1, 1, -1]


def test_the_means_over_an_epoch_are_those_of_the_streams_that_were_there():
    """…also where half of the batches have no stream of a sign."""
    x, y = batch(ff.LabelInImage(10), 80)
    model = network(ff.Phases(ff.LabelInImage(10, "uniform"), 1), keras.optimizers.SGD(0.0))
    both = network(ff.LabelInImage(10, "uniform"), keras.optimizers.SGD(0.0))
    x, y = np.repeat(x[:1], 80, 0), np.repeat(y[:1], 80)
    history = model.fit(x, y, 20).history
    expected = both.fit(x, y, 20).history
    assert history["g_pos"] == pytest.approx(expected["g_pos"], rel=1e-5)
    assert history["g_neg"] == pytest.approx(expected["g_neg"], rel=0.2)  # other wrong labels
    assert history["loss"][0] == pytest.approx(expected["loss"][0] / 2, rel=0.2)
    positive = network(ff.Phases(ff.LabelInImage(10, "uniform"), 4), keras.optimizers.SGD(0.0))
    assert positive.fit(x, y, 20).history["g_neg"] == [0.0]


class Alone(ff.LabelInImage):
    """The true label and no other, or wrong labels and no true one."""

    def __init__(self, sign, **kwargs):
        super().__init__(10, "uniform", seed=3, **kwargs)
        self.sign = sign

    def training(self, x, y, weight=None, network=None):
        streams = super().training(x, y, weight)
        i = 0 if self.sign > 0 else 1

        def labels(goodness):
            return streams.labels(goodness)[:, i : i + 1]

        return streams._replace(labels=labels, signs=tf.constant([[self.sign]]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_step_learns_as_from_data_of_that_sign_alone(sign):
    x, y = batch(ff.LabelInImage(10))
    model = network(ff.Phases(ff.LabelInImage(10, "uniform", seed=3)))
    alone = network(Alone(sign))
    model.optimizer.iterations.assign(0 if sign > 0 else 1)
    for one in (model, alone):
        one.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("source", [lambda: ff.GivenLabels(10), lambda: ff.ImageSums(3)])
def test_two_small_steps_apart_are_one_of_both_signs(source):
    """To first order: a tenth of the rate leaves about a hundredth of the difference."""
    x, y = batch(source())
    away = []
    for rate in (1e-3, 1e-4):
        together = network(source(), keras.optimizers.SGD(rate))
        apart = network(ff.Phases(source()), keras.optimizers.SGD(rate))
        start = together.get_weights()
        together.train_on_batch(x, y)
        for _ in range(2):
            apart.source.source.draws.state.assign(keras.random.SeedGenerator(3).state)
            apart.train_on_batch(x, y)
        ends = zip(together.get_weights(), apart.get_weights(), start, strict=True)
        gaps = [(np.abs(a - b).max(), np.abs(a - c).max()) for a, b, c in ends]
        away.append(max(gap for gap, _ in gaps))
        moved = max(step for _, step in gaps)
    assert away[1] < 0.05 * moved
    assert away[1] < 0.03 * away[0]


def test_evaluate_judges_both_signs():
    """…in whichever phase the network is, and all images as they are."""
    x, _ = batch(ff.ImageSums())
    losses = []
    for source in (
        ff.ImageSums(3),
        ff.Phases(ff.ImageSums(3)),
        ff.Hardest(ff.Phases(ff.ImageSums(3))),
    ):
        model = network(source)
        for step in (0, 1):
            model.optimizer.iterations.assign(step)
            inner = source
            while hasattr(inner, "source"):
                inner = inner.source
            inner.draws.state.assign(keras.random.SeedGenerator(3).state)
            losses.append(model.evaluate(x, batch_size=20))
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


class OfItsOwn(ff.GivenLabels):
    def training(self, x, y, weight=None, network=None):
        streams = super().training(x, y, weight)
        signs = streams.signs * tf.where(tf.cast(y, "float32") >= 0, 1.0, -1.0)
        return streams._replace(signs=signs)


def test_what_cannot_be_is_refused():
    x, y = batch(ff.LabelInImage(10))
    for source, given in ((ff.LabelInImage(10, count=3), y), (OfItsOwn(10), np.stack([y, y], 1))):
        with pytest.raises(ValueError, match=f"{type(source).__name__} with signs .* as many"):
            network(ff.Phases(source)).fit(x, given)
