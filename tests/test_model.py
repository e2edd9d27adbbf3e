"""`ForwardForward` as a Keras model, and what makes it Forward-Forward."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff
from networks import network


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


@pytest.mark.slow
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
    before = model.blocks[0].block.kernel.numpy()
    model.fit(x, y, batch_size=100)
    assert (model.blocks[0].block.kernel.numpy() != before).any(), "it learns all the same"
    goodness = model.predict(x)
    np.testing.assert_allclose(goodness, model.layer_goodness(x)[:, 1:].sum(1), rtol=1e-4)
    error = ff.evaluation.error(goodness, y)
    np.testing.assert_allclose(model.evaluate(x, y)[1], 1 - error, atol=1e-6)
    assert model.neutral_activities(x[:5]).shape == (5, 50 + 40)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.predict(x) == goodness).all()


def test_no_gradient_leaves_a_block(small):
    """A block's loss has no gradient in another block, in the very step that `fit` runs."""
    x, y = small[0][:100], small[1][:100]
    taken = []

    class Watch(ff.LocalLoss):
        """Asks for the gradient of each block's loss in all blocks at once."""

        def call(self, signs, goodness):
            loss = ff.PairwiseLoss().call(signs, goodness)
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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere freed memory is not given back")
@pytest.mark.parametrize("network, growth", [("blocks", 1.3), ("recurrent", 1.5)])
def test_more_blocks_or_iterations_take_no_more_memory(monkeypatch, network, growth):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    memory = importlib.import_module("memory")
    few, many = memory.by_depth("forward-forward", network, xla=False, depths=(2, 8))
    assert many["peak_megabytes"] < growth * few["peak_megabytes"]


def test_what_a_block_adds_to_the_loss_is_its_own(small):
    """…as Keras's layers do; on each block alone, and in the loss that is shown."""

    def trained(regularizer):
        keras.utils.set_random_seed(1)
        second = ff.Dense(50, activity_regularizer=regularizer)
        model = network([60, second], source="uniform")
        history = model.fit(*small, batch_size=500, epochs=2).history
        return [block.get_weights()[0] for block in model.blocks], history["loss"]

    (first, second), loss = trained(None)
    (kept, moved), shown = trained(lambda h: keras.ops.sum(keras.ops.square(h)) / 50)
    assert (kept == first).all() and np.abs(moved).mean() < np.abs(second).mean()
    assert shown[0] > loss[0] + 0.1


def test_greedy_training_of_the_first_block_is_its_simultaneous_training(small):
    """The first block learns the same whether the second learns too or not."""
    together, alone = network(), network()
    alone.blocks[1].trainable = False
    alone.compile(keras.optimizers.Adam(2e-3), jit_compile=False)
    for model in (together, alone):
        model.fit(*small, batch_size=300, epochs=2, shuffle=False)
    np.testing.assert_allclose(
        together.blocks[0].block.kernel.numpy(), alone.blocks[0].block.kernel.numpy(), atol=1e-6
    )


def test_a_saved_model_predicts_bit_for_bit_in_a_new_process(small, tmp_path):
    model = network([40, 30], source="uniform")
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


def test_evaluate_is_loss_and_accuracy(small):
    x, y = small
    model = network()
    model.fit(x, y, batch_size=300)
    loss, accuracy = model.evaluate(x, y)
    assert float(accuracy) == pytest.approx((model.predict(x).argmax(1) == y).mean())
    by_block = model.layer_goodness(x)
    signs = 2 * np.eye(10, dtype="float32")[y] - 1
    expected = sum(float(ff.PairwiseLoss()(signs, by_block[:, i])) for i in range(2))
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    model.compile("adam", metrics=[keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3")])
    model.fit(x, y, batch_size=300)
    assert set(model.evaluate(x, y, return_dict=True)) == {"loss", "top3"}


def test_there_is_one_training_step_and_one_way_through_the_blocks():
    """…in the whole repository, notebooks included."""
    root = Path(__file__).parents[1]
    sources = {path: path.read_text() for path in root.glob("ffhelpers/**/*.py")}
    sources |= {path: path.read_text() for path in root.glob("benchmarks/*.py")}
    for path in root.glob("notebooks/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        sources[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    steps = [path.name for path, text in sources.items() if re.search(r"def train_step\b", text)]
    assert sorted(steps) == [
        "model.py",
        "resume.py",
    ]  # there, to go through data and learn nothing
    updates = [
        path.name for path, text in sources.items() if re.search(r"(adam|er)\.apply\(", text)
    ]
    # These two go there step by step: one matrix, one layer, then blocks in a loop.
    assert sorted(set(updates) - {"trainer.py"}) == ["02_loss.ipynb", "03_layer_training.ipynb"]
    assert "inspect.getsource(ff.ForwardForward.train_step)" in "".join(sources.values())
    loop = r"for \w+(?:, \w+)* in \w*(?:enumerate\()?\w+\.blocks\b.*\n"
    chains = loop + r"(?:.*\n){0,2}\s+h(?:, \w+)? = \w+\(h\b"
    found = [path.name for path, text in sources.items() if re.search(chains, text)]
    assert found == []


def test_the_algorithm_can_be_held_in_ones_head():
    assert len((Path(ff.__file__).parent / "model.py").read_text().splitlines()) <= 200


def test_everything_after_the_blocks_is_given_by_name():
    with pytest.raises(TypeError):
        ff.ForwardForward([5], 10)
    with pytest.raises(TypeError):
        ff.Recurrent([5], 10)
    for block in (lambda *a: ff.Dense(5, *a), lambda *a: ff.Conv(5, 3, *a)):
        with pytest.raises(TypeError):
            block("relu")
