"""The one-pass softmax."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff
from networks import dropping, network


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


def test_the_one_pass_softmax_learns_with_dropout_and_predicts_without(small):
    x, _ = small
    one_pass = ff.OnePass(dropping())
    before = one_pass.predict(x[:9], verbose=0)
    np.testing.assert_array_equal(one_pass.predict(x[:9], verbose=0), before)
    in_training = [one_pass(x[:9], training=True).numpy() for _ in range(2)]
    assert not np.allclose(in_training[0], before) and not np.allclose(*in_training)


def test_the_number_of_classes_may_be_numpys_and_the_network_is_frozen_last(small):
    x, y = small
    model = ff.ForwardForward([20], num_classes=y.max() + 1)
    model.compile()
    model.fit(x, y)
    with pytest.raises(ValueError, match="num_classes=0"):
        ff.OnePass(model, num_classes=0)
    assert model.trainable
    reader = ff.OnePass(model)
    reader.compile(metrics=["accuracy"])  # the loss is of logits by default
    assert reader.fit(x, y, 50, epochs=5).history["accuracy"][-1] > 0.5


def test_one_that_was_saved_with_a_loss_of_probabilities_is_loaded(small, tmp_path, monkeypatch):
    """…as before such losses were refused; it learns by the default one."""
    x, y = small
    model = network()
    model.fit(x, y)
    reader = ff.OnePass(model)
    with monkeypatch.context() as patch:
        patch.setattr(ff.OnePass, "compile", keras.Model.compile)
        reader.compile("adam", "sparse_categorical_crossentropy")
        reader.fit(x, y)
        reader.save(tmp_path / "reader.keras")
    with pytest.warns(UserWarning, match="has the default loss now"):
        loaded = keras.saving.load_model(tmp_path / "reader.keras")
    np.testing.assert_array_equal(loaded.predict(x), reader.predict(x))
    assert loaded.loss.from_logits
    loaded.fit(x, y)


@pytest.mark.parametrize(
    "given, says",
    [
        (lambda x, y: (x, y + 0.5), "labels of dtype float64: expected whole numbers"),
        (lambda x, y: (x, y + 5), "expected 0 to 9"),
        (lambda x, y: (x, None), "y=None: a softmax learns from"),
        (lambda x, y: (x, y[:-1]), "expected one for each"),
        (lambda x, y: (x * np.nan, y), "is nan: expected finite"),
        (
            lambda x, y: (tf.data.Dataset.from_tensors((x, y + 5)),),
            "in a data set: expected 0 to 9",
        ),
        (lambda x, y: (tf.data.Dataset.from_tensors((x * np.nan, y)),), "expected finite numbers"),
        (lambda x, y: ((batch for batch in [(x, y + 5)]),), "expected 0 to 9"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(given, says, small):
    x, y = small[0][:200], small[1][:200]
    reader = ff.OnePass(network([9]))
    reader.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for call in (reader.fit, reader.evaluate):
        with pytest.raises(ValueError, match=re.escape(says)):
            call(*given(x, y), verbose=0)
    with pytest.raises(ValueError, match="expected 0 to 9"):
        reader.fit(x, y, validation_data=(x, y + 5), verbose=0)
    with pytest.raises(ValueError, match="seen no image yet: fit it first"):
        ff.OnePass(ff.Recurrent([9], num_classes=10)).fit(x, y)


def test_labels_may_be_one_hot_where_the_loss_wants_them(small):
    x, y = small[0][:200], np.eye(10, dtype="float32")[small[1][:200]]
    reader = ff.OnePass(network([9]))
    reader.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    for given in ((x, y), (data,)):
        assert np.isfinite(reader.fit(*given, verbose=0).history["loss"]).all()


def test_network_and_softmax_may_learn_in_turns(small):
    x, y = small[0][:400], small[1][:400]
    model = network((30, 20), num_classes=None, source=ff.GivenImages())
    reader = ff.OnePass(model, num_classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reader.compile(keras.optimizers.Adam(0.01), loss)
    reader(x[:1])

    def weights():
        return [np.array(w) for part in (*model.blocks, reader.head) for w in part.get_weights()]

    for _ in range(2):
        for learns, fit in (
            (slice(0, 4), lambda: model.fit(x, x[:, ::-1].copy(), batch_size=100)),
            (slice(4, 6), lambda: reader.fit(x, y, batch_size=100, verbose=0)),
        ):
            model.trainable = learns.start == 0
            before = weights()
            fit()
            moved = [bool((a != b).any()) for a, b in zip(before, weights())]
            assert moved == [i in range(6)[learns] for i in range(6)]
