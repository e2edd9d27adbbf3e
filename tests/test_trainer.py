"""What Keras's `fit` needs: steps, weights, frozen blocks, checks, bars, runs that were killed."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff
from networks import network


def test_steps_at_once_are_steps_one_by_one(small):
    """…also the last ones, which are fewer than twenty."""
    x, y = small
    models = []
    for at_once in (1, "auto"):
        model = network()
        model.compile(keras.optimizers.Adam(2e-3), jit_compile=False, steps_per_execution=at_once)
        history = model.fit(x, y, batch_size=100, epochs=2, shuffle=False).history
        models.append((model, history))
    (one, first), (many, second) = models
    assert one.optimizer.iterations == many.optimizer.iterations == 60
    for a, b in zip(one.weights, many.weights):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-5)
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-4)


def test_weights_of_samples_and_classes_are_honoured(small):
    x, y = small
    unweighted, ones = network(), network()
    for model, weight in ((unweighted, None), (ones, np.ones(len(y)))):
        model.fit(x, y, batch_size=300, shuffle=False, sample_weight=weight)
    np.testing.assert_allclose(unweighted.predict(x[:9]), ones.predict(x[:9]), rtol=1e-4)

    zeros = network()
    before = zeros.get_weights()
    zeros.fit(x, y, batch_size=300, class_weight=dict.fromkeys(range(10), 0.0))
    assert all((a == b).all() for a, b in zip(zeros.get_weights(), before))
    assert zeros.evaluate(x, y, sample_weight=np.zeros(len(y)))[0] == 0

    seven = network()
    seven.fit(x, y, 300, class_weight={i: float(i == 7) for i in range(10)}, epochs=5)
    recall = ((seven.predict(x).argmax(1) == 7) & (y == 7)).sum() / (y == 7).sum()
    assert recall > 0.9


def test_weights_come_in_any_form_and_classes_without_one_weigh_1(small):
    x, y = small[0][:300], small[1][:300]
    doubled = np.where(y == 3, 2.0, 1.0)

    def learned(data=(x, y), **weights):
        model = network([20])
        model.fit(*data, batch_size=100 if len(data) > 1 else None, shuffle=False, **weights)
        return model.get_weights()

    expected = learned(sample_weight=doubled)
    in_batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    for other in (
        learned(sample_weight=doubled.tolist()),
        learned(class_weight={3: 2.0}),
        learned(class_weight={np.int64(3): np.float32(2)}),
        learned((in_batches,), class_weight={3: 2.0}),
    ):
        for a, b in zip(expected, other):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("source", [ff.ImageSums, lambda: ff.LabelInImage(10)])
def test_a_pydataset_may_give_images_alone_where_no_label_is_needed(small, source):
    class Alone(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return small[0][100 * index : 100 * index + 100]

    model = ff.ForwardForward([20, 10], source=source())
    model.compile()
    if model.source.takes_labels:
        assert model.predict(Alone()).shape == (300, 10)
        np.testing.assert_allclose(
            model.predict(Alone()), model.predict(small[0][:300]), rtol=1e-5
        )
    else:
        model.fit(Alone())
        assert model.optimizer.iterations == 3


def test_datasets_batches_and_callbacks(small):
    x, y = small
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(300)
    model = network()
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=0, mode="min")
    history = model.fit(data, epochs=9, validation_data=data, callbacks=[stop]).history
    assert 1 < len(history["loss"]) < 9
    np.testing.assert_allclose(model.evaluate(data), model.evaluate(x, y, 300), rtol=1e-5)
    np.testing.assert_allclose(model.predict(data), model.predict(x), rtol=1e-4)
    assert len(model.train_on_batch(x[:50], y[:50])) == 3
    assert len(model.test_on_batch(x[:50], y[:50])) == 2
    partial = model.fit(x[:130], y[:130], batch_size=50)  # the last batch has 30 images
    assert np.isfinite(partial.history["loss"]).all()


def test_data_that_hides_its_shape(small):
    """A `PyDataset` or a generator: the network learns its shape from the first batch."""
    x, y = small

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return x[i : i + 50], y[i : i + 50]

    def forever():
        while True:
            yield x[:50], y[:50]

    for data in (Batches(), forever()):
        model = ff.ForwardForward([20], num_classes=10)
        model.compile("adam")
        assert np.isfinite(model.fit(data, steps_per_epoch=3).history["loss"]).all()
        assert model.predict(x[:5]).shape == (5, 10)


def test_it_is_silent_when_nobody_watches(small, capfd):
    model = network()
    model.fit(*small, batch_size=300)
    model.evaluate(*small)
    model.predict(small[0])
    assert capfd.readouterr().out == ""
    model.fit(*small, batch_size=300, verbose=2)
    assert "g_pos" in capfd.readouterr().out


def test_a_bar_shows_the_goodness_to_a_person(small, capfd, monkeypatch):
    monkeypatch.setattr("ffhelpers.trainer.watched", lambda: True)
    network().fit(*small, batch_size=300)
    out = capfd.readouterr().out
    assert "g_pos" in out and "g_neg" in out and "10/10" in out


def test_frozen_blocks_stay_as_they_are(small):
    model = network([30, 20, 10])
    for learning in range(3):
        for i, block in enumerate(model.blocks):
            block.trainable = i == learning
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
        before = [block.get_weights() for block in model.blocks]
        model.fit(*small, batch_size=300)
        changed = [(b.get_weights()[0] != w[0]).any() for b, w in zip(model.blocks, before)]
        assert changed == [i == learning for i in range(3)]


def test_freezing_without_compiling_is_noticed(small):
    model = network()
    model.fit(*small, batch_size=300)
    before = model.blocks[0].block.kernel.numpy()
    model.blocks[0].trainable = False
    model.fit(*small, batch_size=300)
    assert (model.blocks[0].block.kernel.numpy() == before).all()
    model.trainable = False
    with pytest.raises(ValueError, match="no block is trainable"):
        model.fit(*small, batch_size=300)


def test_a_block_that_is_frozen_under_its_label_is_as_one_that_is_frozen_with_it(small):
    whole, inner = network(), network()
    whole.blocks[0].trainable = inner.blocks[0].block.trainable = False
    losses = [model.fit(*small, 300, shuffle=False).history["loss"] for model in (whole, inner)]
    assert losses[0] == losses[1] and not inner.blocks[0].trainable
    loaded = keras.models.clone_model(inner)  # as from a file
    loaded.blocks[0].block.trainable = inner.blocks[0].trainable = True
    for model in (inner, loaded):
        assert model.blocks[0].block.trainable and model.blocks[0].trainable


class Seen(keras.callbacks.Callback):
    """What a callback is told."""

    def on_train_begin(self, logs=None):
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)


def endless(x, y, batch=100):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch).repeat()


@pytest.mark.parametrize("steps", [1, 7, 20, 26])
def test_the_steps_that_are_asked_for_are_made(small, steps):
    """…of an endless data set too; callbacks count them, and a schedule ends where it should."""
    model, seen = network([20]), Seen()
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 3 * steps)
    model.compile(keras.optimizers.Adam(schedule), jit_compile=False)
    model.fit(endless(*small), steps_per_epoch=steps, epochs=3, callbacks=[seen])
    assert int(model.optimizer.iterations) == 3 * steps
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    assert seen.batches[-1] == steps - 1
    at_once = len(seen.batches) / 3
    assert at_once == {1: 1, 7: 1, 20: 1, 26: 2}[steps]  # 20 at a time only where they divide


def test_arrays_and_data_sets_are_counted_as_they_are(small):
    x, y = small[0][:1550], small[1][:1550]
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    for given in ((x, y, 100), (data,)):
        model, seen = network([20]), Seen()
        model.fit(*given, callbacks=[seen])
        assert seen.batches == [15] and int(model.optimizer.iterations) == 16
        model.fit(*given)  # nobody counts
        assert int(model.optimizer.iterations) == 32
    seen = Seen()
    model.fit(x, y, 100, validation_split=0.2, callbacks=[seen])
    assert seen.batches[-1] == 12 and int(model.optimizer.iterations) == 32 + 13


def test_evaluate_and_predict_take_the_steps_that_are_asked_for(small):
    x, y = small
    data, model = tf.data.Dataset.from_tensor_slices((x, y)).batch(10), network([20])
    assert len(model.predict(data, steps=3)) == 30
    first = model.evaluate(data, steps=3), model.evaluate(x[:30], y[:30])
    np.testing.assert_allclose(*first, 1e-5)
    history = model.fit(x, y, 100, validation_data=data, validation_steps=2).history
    expected = model.evaluate(x[:20], y[:20])
    np.testing.assert_allclose(
        [history["val_loss"][0], history["val_accuracy"][0]], expected, 1e-5
    )
    assert len(model.predict(x)) == len(x)


def test_checkpoints_are_kept_as_often_as_asked(small, tmp_path):
    path = str(tmp_path / "{epoch}-{batch}.weights.h5")
    keep = keras.callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=4)
    network([20]).fit(small[0][:1600], small[1][:1600], 100, epochs=2, callbacks=[keep])
    assert len(list(tmp_path.iterdir())) in (
        7,
        8,
    )  # Keras 3.11 does not count the very first batch


def test_a_tensorboard_hears_of_batches_as_often_as_it_writes(small):
    seen = []

    class Board(keras.callbacks.Callback):
        update_freq = 4  # as TensorBoard has it, which is no package of ours

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    network([20]).fit(small[0][:1600], small[1][:1600], 100, callbacks=[Board()])
    assert seen == [3, 7, 11, 15]


def test_a_training_that_diverges_stops_with_block_and_step(small):
    model = network([20, 20])
    model.fit(*small, batch_size=100)
    kernel = model.blocks[1].kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(ff.DivergedError, match="diverged in block 2 by step 50, its loss is nan"):
        model.fit(*small, batch_size=100)


def test_a_training_whose_every_step_overflows_float16_stops(small):
    """Keras leaves out such a step without a word, and its loss is a number."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network([20])
        model.compile(loss=ff.PairwiseLoss(scale=1e7), jit_compile=False)
        with pytest.raises(ff.DivergedError, match="overflow float16 in step after step up to"):
            model.fit(*small, batch_size=100)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_callback_may_wait_for_what_ones_own_logs(small):
    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["accuracy"] = 0.5

    waits = keras.callbacks.EarlyStopping("accuracy", mode="max")
    assert len(network([20]).fit(*small, 500, epochs=5, callbacks=[Own(), waits]).epoch) == 2


def test_a_callback_of_kerass_may_end_a_training_that_diverges(small):
    """…and the others are told of the end, as an `EarlyStopping` that puts the best weights back."""
    model, ends = network([20]), []
    model.blocks[0].block.kernel.assign(np.full((784, 20), np.nan))
    last = keras.callbacks.LambdaCallback(on_train_end=ends.append)
    model.fit(*small, 100, epochs=2, callbacks=[keras.callbacks.TerminateOnNaN(), last])
    assert model.optimizer.iterations < 60 and len(ends) == 1


def test_predictions_within_a_training_are_made_one_by_one(small):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            seen.append((batch, self.model.steps_per_execution))

        def on_train_batch_end(self, batch, logs=None):
            self.model.predict(small[0][:64], callbacks=[self])
            seen.append(self.model.steps_per_execution)

    network([20]).fit(small[0][:2000], small[1][:2000], 100, callbacks=[Watch()])
    assert seen == [(0, 1), (1, 1), 20]


class Hits(keras.metrics.Metric):
    """As people write one: its argument is needed, and is in no configuration."""

    def __init__(self, label):
        super().__init__(name="hits")
        self.label, self.hits = label, self.add_weight(name="hits", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        found = (keras.ops.argmax(y_pred, -1) == self.label) & (y_true == self.label)
        self.hits.assign_add(keras.ops.sum(keras.ops.cast(found, "float32")))

    def result(self):
        return self.hits.value


def test_a_metric_that_cannot_be_made_again_is_left_to_keras(small):
    def wrong(y_true, y_pred):
        return keras.ops.cast(keras.ops.argmax(y_pred, -1) != y_true, "float32")

    x, y = small[0][:300], small[1][:300]
    model = network([20])
    model.compile(metrics=[Hits(7), keras.metrics.MeanMetricWrapper(wrong, name="wrong")])
    found = model.evaluate(x, y, return_dict=True)
    best = model.predict(x).argmax(1)
    assert found["hits"] == ((best == 7) & (y == 7)).sum()
    assert float(found["wrong"]) == pytest.approx((best != y).mean())


@pytest.mark.parametrize("wrong", [10, -1])
def test_labels_outside_the_classes_do_not_train_from_a_data_set_either(small, wrong):
    x, y = small[0][:400], small[1][:400].copy()
    y[250] = wrong
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    model = network([20])
    message = rf"label {wrong} in a data set: expected 0 to 9"
    with pytest.raises(ValueError, match=message):
        model.fit(data)
    with pytest.raises(ValueError, match=message):
        model.evaluate(data)
    with pytest.raises(ValueError, match=message):
        model.fit(x[:100], y[:100], validation_data=data)
    given = network([20], source=ff.GivenLabels(10))
    with pytest.raises(ValueError, match=message):
        pairs = np.stack([small[1][:400], y], axis=1)
        given.fit(tf.data.Dataset.from_tensor_slices((x, pairs)).batch(100))


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.x[100 * index : 100 * index + 100], self.y[100 * index : 100 * index + 100]


def one_by_one(x, y):
    batches = Batches(x, y)
    return (batches[i] for i in range(4))


@pytest.mark.parametrize("batches", [Batches, one_by_one])
@pytest.mark.parametrize("where", [50, 250])  # the first batch is looked at beforehand
def test_nor_from_a_generator_or_a_pydataset(small, batches, where):
    x, y = small[0][:400], small[1][:400].copy()
    model = network([20, 10])
    model.fit(batches(x, y))
    assert model.optimizer.iterations == 4
    model.evaluate(batches(x, y))
    y[where] = 10
    for call in (
        model.fit,
        model.evaluate,
        lambda data: model.fit(x, y % 10, validation_data=data),
    ):
        with pytest.raises(ValueError, match="^label 10: expected 0 to 9$"):
            call(batches(x, y))


def test_train_on_batch_builds_the_network_itself(small):
    model = ff.ForwardForward([20], num_classes=10)
    model.compile("adam")
    assert np.isfinite(model.train_on_batch(small[0][:50], small[1][:50])).all()


def test_numerics_may_be_checked(small):
    x, y = small[0][:200], small[1][:200]
    channels = ff.Conv(10, pool=2, goodness=ff.ClassChannels(10))
    tf.debugging.enable_check_numerics()
    try:
        for model in (
            ff.ForwardForward([9, 8], num_classes=10),
            ff.ForwardForward([channels], source=ff.Images(10)),
        ):
            model.compile()  # with jit_compile="auto", which sees that they are
            model.fit(x, y, 100, validation_data=(x, y))
    finally:
        tf.debugging.disable_check_numerics()


def test_a_part_of_given_pairs_is_kept_to_judge_by(small):
    x, y = small[0][:200], small[1][:200]
    model = network([9], source=ff.GivenLabels(10))
    pairs = np.stack([y, (y + 1) % 10], axis=1)
    history = model.fit(x, pairs, 50, validation_split=0.25).history
    expected = model.evaluate(x[150:], y[150:])
    np.testing.assert_allclose(
        [history["val_loss"][0], history["val_accuracy"][0]], expected, 1e-5
    )


def test_a_word_where_a_label_covers_the_picture(small):
    x, y = small
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network([20]).fit(x, y, 500)
        network([20]).fit(ff.batches(x, y, 500))
    for given in ((1 - x, y, 500), (ff.batches(1 - x, y, 500),)):
        with pytest.warns(UserWarning, match="covers something in 100% of the images"):
            network([20]).fit(*given)
