"""`ForwardForward` as a Keras model, and what makes it Forward-Forward."""

import importlib
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff


@pytest.fixture
def small(mnist):
    return mnist.x_train[:3000], mnist.y_train[:3000]


def network(blocks=(60, 50), num_classes=10, image_shape=(28, 28), **kwargs):
    keras.utils.set_random_seed(1)
    model = ff.ForwardForward(list(blocks), num_classes, **kwargs)
    model.build((None, *image_shape))
    model.compile(keras.optimizers.Adam(2e-3), jit_compile=False)  # quicker to start
    return model


def test_it_learns_mnist(mnist):
    model = network([200, 200])
    model.compile(keras.optimizers.Adam(2e-3))
    history = model.fit(
        mnist.x_train[:20_000],
        mnist.y_train[:20_000],
        batch_size=250,
        epochs=3,
        validation_data=(mnist.x_val, mnist.y_val),
    ).history
    assert history["val_accuracy"][-1] > 0.94
    assert history["val_accuracy"][-1] > history["val_accuracy"][0]
    assert history["loss"][-1] < history["loss"][0]
    assert history["g_pos"][-1] - history["g_neg"][-1] > 0.1
    by_layer = model.layer_goodness(mnist.x_val)
    assert (ff.evaluation.error(by_layer.transpose(1, 0, 2), mnist.y_val) < 0.08).all()


def test_any_depth_class_count_and_image_shape():
    rng = np.random.default_rng(0)
    for shape, classes, widths in [
        ((5, 7), 2, [9]),
        ((6, 6, 3), 7, [8, 7, 6]),
        ((30,), 4, [5] * 6),
    ]:
        x, y = rng.random((40, *shape), "float32"), rng.integers(0, classes, 40)
        model = network(widths, classes, shape)
        model.fit(x, y, batch_size=16)
        assert model.predict(x).shape == (40, classes)
        assert model.layer_goodness(x, batch_size=7).shape == (40, len(widths), classes)
        assert np.isfinite(model.evaluate(x, y)).all()


def test_prediction_is_the_goodness_of_edited_images(small):
    """Ten edited images through plain matrix products give what `predict` gives."""
    x, y = small
    model = network()
    model.fit(x, y, batch_size=100)
    first, second = (block.get_weights() for block in model.blocks)
    goodness = np.zeros((50, 10))
    for label in range(10):
        h = ff.write_label(x[:50], np.full(50, label), 10).reshape(50, -1)
        for kernel, bias in (first, second):
            h = h / np.sqrt((h**2).mean(-1, keepdims=True))
            h = np.maximum(h @ kernel + bias, 0)
            goodness[:, label] += (h**2).mean(-1)
    np.testing.assert_allclose(model.predict(x[:50]), goodness, rtol=1e-4)
    np.testing.assert_allclose(model.layer_goodness(x[:50]).sum(1), goodness, rtol=1e-4)


def test_the_first_block_may_have_no_vote(small, tmp_path):
    x, y = small
    model = network([60, 50, 40], silent_blocks=1)
    before = model.blocks[0].kernel.numpy()
    model.fit(x, y, batch_size=100)
    assert (model.blocks[0].kernel.numpy() != before).any(), "it learns all the same"
    goodness = model.predict(x)
    np.testing.assert_allclose(goodness, model.layer_goodness(x)[:, 1:].sum(1), rtol=1e-4)
    error = ff.evaluation.error(goodness, y)
    assert model.evaluate(x, y)[1] == pytest.approx(1 - error, abs=1e-6)
    assert model.neutral_activities(x[:5]).shape == (5, 50 + 40)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.predict(x) == goodness).all()


def test_no_gradient_leaves_a_block(small):
    """A block's loss has no gradient in another block, in the very step that `fit` runs."""
    x, y = small[0][:100], small[1][:100]
    taken = []

    class Watch(keras.losses.Loss):
        """Asks for the gradient of each block's loss in all blocks at once."""

        def call(self, positive, goodness):
            loss = ff.PairwiseLoss()(positive, goodness)
            taken.append(loss)
            return loss

    model = network([20, 15, 10])
    model.compile(keras.optimizers.SGD(0.0), loss=Watch(), run_eagerly=True)
    variables = [v.value for block in model.blocks for v in block.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        model.train_step((tf.constant(x), tf.constant(y)))
        losses = list(taken)
    assert len(losses) == 3
    for i, loss in enumerate(losses):
        gradients = tape.gradient(loss, variables)
        for j, gradient in enumerate(gradients):
            assert (gradient is not None) == (j // 2 == i), (i, j)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere freed memory is not given back")
def test_more_blocks_take_no_more_memory(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    memory = importlib.import_module("memory")
    shallow, deep = memory.by_depth("forward-forward", "blocks", xla=False, depths=(2, 8))
    assert deep["peak_megabytes"] < 1.3 * shallow["peak_megabytes"]


def test_what_a_block_adds_to_the_loss_is_its_own(small):
    """…as Keras's layers do; on each block alone, and in the loss that is shown."""

    def trained(regularizer):
        keras.utils.set_random_seed(1)
        second = ff.Dense(50, activity_regularizer=regularizer)
        model = network([60, second], negatives="uniform")
        history = model.fit(*small, batch_size=500, epochs=2).history
        return [block.get_weights()[0] for block in model.blocks], history["loss"]

    (first, second), loss = trained(None)
    (kept, moved), shown = trained(lambda h: keras.ops.sum(keras.ops.square(h)) / 50)
    assert (kept == first).all() and np.abs(moved).mean() < np.abs(second).mean()
    assert shown[0] > loss[0] + 0.1


def test_several_negatives_make_as_many_pairs(small):
    streams = []

    class Seen(ff.PairwiseLoss):
        def call(self, y_true, y_pred):
            streams.append(y_pred.shape[-1])
            return super().call(y_true, y_pred)

    model = network(negatives=ff.LabelInImage(10, count=3))
    model.compile(keras.optimizers.Adam(2e-3), loss=Seen(), jit_compile=False)
    model.fit(*small, batch_size=100)
    assert set(streams) == {4}
    assert ff.evaluation.error(model.predict(small[0]), small[1]) < 0.3


def test_frozen_blocks_stay_as_they_are(small):
    model = network([30, 20, 10])
    for learning in range(3):
        for i, block in enumerate(model.blocks):
            block.trainable = i == learning
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
        before = [block.kernel.numpy() for block in model.blocks]
        model.fit(*small, batch_size=300)
        changed = [(b.kernel.numpy() != w).any() for b, w in zip(model.blocks, before)]
        assert changed == [i == learning for i in range(3)]


def test_greedy_training_of_the_first_block_is_its_simultaneous_training(small):
    """The first block learns the same whether the second learns too or not."""
    together, alone = network(), network()
    alone.blocks[1].trainable = False
    alone.compile(keras.optimizers.Adam(2e-3), jit_compile=False)
    for model in (together, alone):
        model.fit(*small, batch_size=300, epochs=2, shuffle=False)
    np.testing.assert_allclose(
        together.blocks[0].kernel.numpy(), alone.blocks[0].kernel.numpy(), atol=1e-6
    )


def test_freezing_without_compiling_is_noticed(small):
    model = network()
    model.fit(*small, batch_size=300)
    before = model.blocks[0].kernel.numpy()
    model.blocks[0].trainable = False
    model.fit(*small, batch_size=300)
    assert (model.blocks[0].kernel.numpy() == before).all()
    model.trainable = False
    with pytest.raises(ValueError, match="no block is trainable"):
        model.fit(*small, batch_size=300)


def test_a_saved_model_predicts_bit_for_bit_in_a_new_process(small, tmp_path):
    model = network([40, 30], negatives="uniform")
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(*small, batch_size=300)
    model.predict(small[0][:130])  # another number of images may not change how it rounds
    model.save(tmp_path / "ff.keras")
    np.savez(tmp_path / "x.npz", x=small[0][:200], goodness=model.predict(small[0][:200]))
    code = (
        "import ffhelpers, keras, numpy as np;"
        "model = keras.saving.load_model('ff.keras'); kept = np.load('x.npz');"
        "assert (model.predict(kept['x']) == kept['goodness']).all();"
        "assert model.source.negatives == 'uniform' and model.optimizer.iterations == 10"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("jit_compile", ["auto", False])
def test_a_loaded_model_goes_on_as_the_saved_one_would(small, tmp_path, jit_compile):
    model = network()
    model.compile(keras.optimizers.Adam(2e-3), jit_compile=jit_compile)
    model.fit(*small, batch_size=300)
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    histories = [m.fit(*small, batch_size=300, shuffle=False).history for m in (model, loaded)]
    assert histories[0] == histories[1]


def test_loss_comes_back_with_the_model(small, tmp_path):
    model = network()
    model.compile("adam", loss=ff.ThresholdLoss(1.5, 4.0))
    model.fit(*small, batch_size=300)
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    assert (loaded.loss.theta, loaded.loss.scale) == (1.5, 4.0)
    assert loaded.evaluate(*small) == model.evaluate(*small)


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


def test_given_negatives_are_used(small):
    x, y = small
    wrong = (y + 1) % 10
    given = network(negatives="given")
    given.fit(x, np.stack([y, wrong], 1), 300, epochs=5, validation_data=(x, y))
    goodness = given.predict(x)
    n = np.arange(len(y))
    assert (goodness[n, y] > goodness[n, wrong]).mean() > 0.95
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        given.fit(x, y)
    with pytest.raises(ValueError, match="sample_weight"):
        given.fit(x, np.stack([y, wrong], 1), class_weight={0: 2.0})


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
        model = ff.ForwardForward([20], 10)
        model.compile("adam")
        assert np.isfinite(model.fit(data, steps_per_epoch=3).history["loss"]).all()
        assert model.predict(x[:5]).shape == (5, 10)


def test_evaluate_is_loss_and_accuracy(small):
    x, y = small
    model = network()
    model.fit(x, y, batch_size=300)
    loss, accuracy = model.evaluate(x, y)
    assert float(accuracy) == pytest.approx((model.predict(x).argmax(1) == y).mean())
    by_block = model.layer_goodness(x)
    expected = sum(float(ff.PairwiseLoss()(y, by_block[:, i])) for i in range(2))
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    model.compile("adam", metrics=[keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3")])
    model.fit(x, y, batch_size=300)
    assert set(model.evaluate(x, y, return_dict=True)) == {"loss", "top3"}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m, x, y: ff.ForwardForward([], 10), "blocks="),
        (lambda m, x, y: ff.ForwardForward([5, 0], 10), "units=0"),
        (lambda m, x, y: ff.ForwardForward([5.0], 10), "units=5.0"),
        (lambda m, x, y: ff.ForwardForward([5], 1), "num_classes=1"),
        (lambda m, x, y: ff.ForwardForward([5], 10, "soft"), "hard, uniform, given"),
        (
            lambda m, x, y: ff.ForwardForward([5], 10, silent_blocks=1),
            "silent_blocks=1: .* 0 to 0",
        ),
        (lambda m, x, y: ff.ForwardForward([5, 5], 10, silent_blocks=-1), "expected 0 to 1"),
        (lambda m, x, y: ff.ForwardForward([5], 10, adversarial=-0.1), "adversarial=-0.1"),
        (lambda m, x, y: ff.ForwardForward([5], 10, adversarial=np.nan), "adversarial=nan"),
        (lambda m, x, y: ff.ForwardForward([5], 10, hardest=0), "hardest=0: .* above 0"),
        (lambda m, x, y: ff.ForwardForward([5], 10, hardest=1.5), "hardest=1.5: .* at most 1"),
        (lambda m, x, y: ff.ForwardForward([5], 10, hardest=np.nan), "hardest=nan"),
        (lambda m, x, y: m.compile("adam", loss="mse"), "loss='mse'"),
        (lambda m, x, y: m.fit(x, y + 1), "label 10: expected 0 to 9"),
        (lambda m, x, y: m.fit(x, y - 1), "label -1"),
        (lambda m, x, y: m.fit(x, np.eye(10, dtype=int)[y]), "not one-hot"),
        (lambda m, x, y: m.fit(x, y, validation_data=(x, y + 1)), "label 10"),
        (lambda m, x, y: m.evaluate(x, y + 1), "label 10"),
        (lambda m, x, y: m.fit(ff.batches(x, y.astype(float), 5)), "dtype float64"),
        (lambda m, x, y: m.fit(ff.batches(x, y.astype(str), 5)), "expected integers"),
        (lambda m, x, y: m.fit(ff.batches(x, np.eye(10, dtype=int)[y], 5)), "not one-hot"),
        (lambda m, x, y: m.evaluate(ff.batches(x, np.eye(10)[y], 5)), r"shape \(None, 10\)"),
        (lambda m, x, y: m.fit(ff.batches(x, y, 5).unbatch()), r"labels of shape \(\)"),
        (
            lambda m, x, y: m.fit(x, y, validation_data=ff.batches(x, y / 2, 5)),
            "dtype float64",
        ),
        (lambda m, x, y: m.predict(x[:, :9]), r"images of shape \(9, 28\)"),
        (lambda m, x, y: m.predict(x[:, :1, :9]), "images of shape"),
        (lambda m, x, y: ff.ForwardForward([5], 10).predict(x[:, :1, :9]), "too few"),
    ],
)
def test_bad_input_is_refused(small, call, message):
    x, y = small
    model = network()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        call(model, x[:20], np.arange(20) % 10)
    assert all((a == b).all() for a, b in zip(model.get_weights(), before))


def test_one_pass_prediction_learns_on_a_frozen_network(small, tmp_path):
    x, y = small
    model = network()
    model.fit(x, y, batch_size=300, epochs=5)
    before = model.get_weights()
    one_pass = ff.OnePass(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    one_pass.compile("adam", loss, metrics=["accuracy"])
    one_pass.fit(x, y, epochs=8, verbose=0)
    assert one_pass.evaluate(x, y, verbose=0)[1] > 0.85
    assert all((a == b).all() for a, b in zip(model.get_weights(), before))
    one_pass.save(tmp_path / "one.keras")
    loaded = keras.saving.load_model(tmp_path / "one.keras")
    assert (loaded.predict(x, verbose=0) == one_pass.predict(x, verbose=0)).all()


def test_it_is_silent_when_nobody_watches(small, capfd):
    model = network()
    model.fit(*small, batch_size=300)
    model.evaluate(*small)
    model.predict(small[0])
    assert capfd.readouterr().out == ""
    model.fit(*small, batch_size=300, verbose=2)
    assert "g_pos" in capfd.readouterr().out


def test_a_bar_shows_the_goodness_to_a_person(small, capfd, monkeypatch):
    monkeypatch.setattr("ffhelpers.model.watched", lambda: True)
    network().fit(*small, batch_size=300)
    out = capfd.readouterr().out
    assert "g_pos" in out and "g_neg" in out and "10/10" in out


KILLED = """
import os, sys
import keras, numpy as np
import ffhelpers as ff
ff.setup(seed=4)
data = np.load("data.npz")
model = ff.ForwardForward([40, 30], 10)
model.compile(keras.optimizers.Adam(1e-3))
epochs = []
class Watch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        epochs.append(epoch)
        if sys.argv[1] == "kill" and epoch == 3:
            os.kill(os.getpid(), 9)
backup = keras.callbacks.BackupAndRestore("backup")
model.fit(data["x"], data["y"], 300, epochs=5, shuffle=False, callbacks=[backup, Watch()])
print(epochs)
np.save(sys.argv[1], model.predict(data["x"][:50]))
"""


def test_a_killed_run_goes_on_from_its_last_epoch(small, tmp_path):
    """…and ends with the very weights of a run that was never killed."""
    np.savez(tmp_path / "data.npz", x=small[0], y=small[1])

    def go(mode):
        command = [sys.executable, "-c", KILLED, mode]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert go("kill").returncode == -9
    resumed = go("resumed")
    assert resumed.stdout.strip() == "[3, 4]", resumed.stderr
    assert go("whole").stdout.strip() == "[0, 1, 2, 3, 4]"
    np.testing.assert_array_equal(
        np.load(tmp_path / "resumed.npy"), np.load(tmp_path / "whole.npy")
    )


def dropping(dropout=0.5):
    layers = [ff.LabelledDense(60, 10, dropout=dropout), ff.Dense(50, dropout=dropout)]
    return network(layers)


def test_dropout_silences_units_in_training_only():
    layer = ff.Dense(300, activation="linear", dropout=0.25)
    layer.build((None, 2, 8))
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
    layer = ff.LabelledDense(1, 3, activation="linear", normalized=False, dropout=0.5)
    layer.build((None, 40, 50))
    layer.kernel.assign(np.ones((2000, 1)))
    x, labels = np.ones((4, 40, 50), "float32"), np.eye(3, dtype="float32")[None]
    assert (layer(x, labels=labels).numpy() == 1998).all()
    trained = np.array([layer(x, labels=labels, training=True) for _ in range(20)])
    kept = trained[(trained != 0).any(axis=(2, 3))] / 2  # the unit itself was there
    assert 20 < len(kept) < 60 and (kept == kept[:, :1]).all(), "alike in an image's streams"
    pixels = (kept[:, 0, 0] - 1) / 2
    assert (pixels == np.rint(pixels)).all(), "the label is there in full"
    assert abs(pixels / 1997 - 0.5).max() < 0.06 and np.ptp(pixels) > 0


@pytest.mark.parametrize("dropout", [-0.1, 1, 1.5])
def test_impossible_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match=f"dropout={dropout}: expected a fraction"):
        ff.Dense(5, dropout=dropout)


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
    draws = model.blocks[0].draws.state.numpy(), model.blocks[1].draws.state.numpy()
    model.fit(*small, batch_size=1000)
    np.testing.assert_array_equal(model.blocks[0].draws.state, draws[0])
    assert (model.blocks[1].draws.state.numpy() != draws[1]).any()


def test_the_one_pass_softmax_learns_with_dropout_and_predicts_without(small):
    x, _ = small
    one_pass = ff.OnePass(dropping())
    before = one_pass.predict(x[:9], verbose=0)
    np.testing.assert_array_equal(one_pass.predict(x[:9], verbose=0), before)
    in_training = [one_pass(x[:9], training=True).numpy() for _ in range(2)]
    assert not np.allclose(in_training[0], before) and not np.allclose(*in_training)


def test_a_loaded_model_drops_what_the_saved_one_would(small, tmp_path):
    x, y = small
    model = dropping()
    model.fit(x, y, batch_size=500)
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    for one in (model, loaded):
        keras.utils.set_random_seed(3)
        one.fit(x, y, batch_size=500, shuffle=False)
    np.testing.assert_allclose(model.predict(x[:50]), loaded.predict(x[:50]), rtol=1e-4)


def fitted_and_loaded(model, x, y, path):
    """The network from a file, which goes on learning as the one that was saved does."""
    model.fit(x, y, batch_size=700)
    model.save(path)
    loaded = keras.saving.load_model(path)
    histories = [m.fit(x, y, batch_size=700, shuffle=False).history for m in (model, loaded)]
    assert histories[0] == histories[1] and np.isfinite(histories[0]["loss"]).all()
    return loaded


def adversarial(model, x, y):
    return model.adversarial_images(*model.source.training(tf.constant(x), tf.constant(y)))


def test_adversarial_images_move_by_even_parts_of_their_length(small):
    x, y = small[0][:11], small[1][:11]
    away = (adversarial(network(adversarial=0.2), x, y).numpy() - x).reshape(11, -1)
    parts = np.linalg.norm(away, axis=1) / np.linalg.norm(x.reshape(11, -1), axis=1)
    np.testing.assert_allclose(parts, 0.2 * np.arange(1, 12) / 11, rtol=1e-4)
    assert not away[:, :10].any()  # the label's pixels


def test_adversarial_images_lower_the_lead_of_the_truth(small):
    """…by more than images that move as far in any direction, also in a network that is sure."""
    x, y = small[0][:500], small[1][:500]
    model = network(adversarial=0.2, negatives="uniform")
    model.fit(*small, batch_size=100, epochs=5)
    away = adversarial(model, x, y) - x
    anywhere = keras.random.normal(x.shape, seed=1)
    anywhere *= np.linalg.norm(away, axis=(1, 2), keepdims=True)
    anywhere /= np.linalg.norm(anywhere, axis=(1, 2), keepdims=True)
    losses = [
        float(model.loss(y, model.layer_goodness(moved)[:, 0]))
        for moved in (x, x + anywhere, x + away)
    ]
    assert losses[0] < losses[2] and losses[1] - losses[0] < 0.2 * (losses[2] - losses[0])


def test_networks_that_see_adversarial_images_yield_less(small):
    def error_when_attacked(reach):
        model = network(adversarial=reach)
        model.fit(*small, batch_size=100, epochs=8)
        model.adversarial = 0.1
        return ff.evaluation.error(model.predict(adversarial(model, *small).numpy()), small[1])

    assert error_when_attacked(0.1) < 0.7 * error_when_attacked(0.0)


@pytest.mark.parametrize("negatives", ["hard", ff.Images()])
def test_adversarial_images_may_be_bytes_and_go_with_every_network(small, tmp_path, negatives):
    x, y = np.rint(255 * small[0]).astype("uint8"), small[1]
    blocks = [6, 5] if negatives == "hard" else [ff.Conv(10, 10, pool=4)]
    model = network(blocks, negatives=negatives, adversarial=0.1)
    of_bytes = adversarial(model, x[:9], y[:9]).numpy()
    assert of_bytes.dtype == "float32" and -1 < of_bytes.min() and 0.5 < of_bytes.max() < 2
    assert fitted_and_loaded(model, x, y, tmp_path / "ff.keras").adversarial == 0.1


def test_the_hardest_images_are_those_with_the_largest_losses(small):
    x, wrong = small[0][:41], (small[1][:41] + 3) % 10
    y = np.stack([small[1][:41], wrong], axis=1)
    model = network(hardest=0.25, negatives="given")
    goodness = model.layer_goodness(x)[np.arange(41), 0, y.T]
    losses = ff.PairwiseLoss().pair(*goodness)
    hardest = np.sort(np.argsort(losses)[-11:])  # a quarter of 41, rounded up, in their order
    chosen, labels, weight = model.hardest_images(x, y)
    np.testing.assert_array_equal(chosen, x[hardest])
    np.testing.assert_array_equal(labels, y[hardest])
    assert weight is None

    weight = np.ones(41, "float32")
    weight[hardest[::2]] = 0
    chosen, _, weight = model.hardest_images(x, y, weight)
    assert len(chosen) == 11 and (weight.numpy() == 1).all()
    np.testing.assert_array_equal(model.hardest_images(x[:1], y[:1])[0], x[:1])


def test_learning_from_the_hardest_images_is_learning_from_them_alone(small):
    """The same step as on a batch of these images."""
    x, y = small[0][:40], np.stack([small[1][:40], (small[1][:40] + 1) % 10], axis=1)
    one, other = (network(hardest=part, negatives="given") for part in (0.3, 1.0))
    chosen, labels, _ = one.hardest_images(x, y)
    histories = one.fit(x, y, 40).history, other.fit(chosen, labels, 12, shuffle=False).history
    for name in ("loss", "g_pos", "g_neg"):
        np.testing.assert_allclose(*(history[name] for history in histories), rtol=1e-5)
    for a, b in zip(one.get_weights(), other.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_network_that_learns_from_hard_images_is_saved_as_one(small, tmp_path):
    model = network(hardest=0.5, adversarial=0.05)
    assert fitted_and_loaded(model, *small, tmp_path / "ff.keras").hardest == 0.5


@pytest.mark.parametrize("negatives", ["hard", ff.Images()])
def test_hard_images_may_be_bytes_and_go_with_every_network(small, negatives):
    x, y = np.rint(255 * small[0]).astype("uint8"), small[1]
    blocks = [60, 50] if negatives == "hard" else [ff.Conv(10, 10, pool=4)]
    model = network(blocks, negatives=negatives, hardest=0.5)
    history = model.fit(x, y, batch_size=100, epochs=4, class_weight={3: 2.0}).history
    assert history["loss"][-1] < history["loss"][0]


def test_weights_without_the_state_of_dropout_load_too():
    layer, store = ff.Dense(3, dropout=0.5), {}
    layer.build((None, 2, 4))
    layer.save_own_variables(store)
    assert store.pop("draws") is not None
    layer.load_own_variables({name: np.ones_like(value) for name, value in store.items()})
    assert (layer.kernel.numpy() == 1).all()
