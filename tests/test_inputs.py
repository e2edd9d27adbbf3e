"""What people hand to `fit`, `evaluate` and `predict`: made into one form, or refused in a line."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from networks import network
from refusals.fitting import Loader

import ffhelpers as ff
from ffhelpers.inputs import as_images

rng = np.random.default_rng(1)
X = rng.random((40, 5, 6), dtype="float32")
Y = rng.integers(0, 4, 40)
BYTES = np.rint(255 * X).astype("uint8")


def small():
    return network([8], num_classes=4, image_shape=(5, 6))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (BYTES.reshape(40, 30).astype("float32"), "expected 0 to 1, divide them by 255"),
        (BYTES.astype(int) - 9, ": expected whole numbers from 0 to 255"),
        (BYTES.astype(int) * 2, "expected whole numbers from 0 to 255"),
        ((X > 0.5).astype(int), "images of 0 and 1 as whole numbers, which go from 0 to 255: exp"),
        ((X > 0.5).astype("uint8"), "images of 0 and 1 as whole numbers"),
        (np.array([[None]]), "images of dtype object: expected floats"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(x, message):
    """…also what `refusals.fitting` does not hand to `fit`."""
    with pytest.raises(ValueError) as error:
        as_images(x)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_has_one_meaning_is_taken():
    np.testing.assert_array_equal(as_images(X.tolist()), X)
    assert as_images(BYTES) is BYTES and as_images(X) is X
    np.testing.assert_array_equal(as_images(BYTES.astype("int64")), BYTES)
    standardised = (X - X.mean()) / X.std()
    assert as_images(standardised) is standardised
    table = 1000 * X.reshape(40, 30)  # its columns may be of any size
    assert as_images(table) is table
    np.testing.assert_array_equal(as_images(tf.constant(X)), X)
    data = tf.data.Dataset.from_tensors(X)
    assert as_images(data) is data
    assert as_images(X > 0.5).dtype == bool and as_images(0 * BYTES).max() == 0


@pytest.mark.parametrize("dtype", ["category", "Int64"])
def test_columns_of_a_table_are_labels(dtype):
    small().fit(X, pd.Series(Y).astype(dtype))


def test_numbers_that_are_too_long_for_tensorflow_are_cut():
    images = as_images(X.astype(np.longdouble))
    assert images.dtype == "float64"
    np.testing.assert_array_equal(images, X)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_whole_numbers_mean_the_same_at_every_door(dtype):
    """…of each kind: what 255 is must not depend on the way that it takes."""
    model, numbers = small(), BYTES.astype(dtype)
    model.fit(X, tuple(Y.tolist()))
    reader = ff.OnePass(model)
    reader.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    floats = BYTES.astype("float32") / 255
    doors = {
        "call": lambda x: model(keras.ops.convert_to_tensor(x)),
        "predict": model.predict,
        "data set": lambda x: model.predict(tf.data.Dataset.from_tensors(x)),
        "one pass": reader.predict,
        "neutral": lambda x: model.neutral_activities(keras.ops.convert_to_tensor(x)),
    }
    bright = X > 0.5
    for name, door in doors.items():
        np.testing.assert_allclose(door(numbers), door(floats), 1e-3, 1e-5, err_msg=name)
        same = door(bright), door(bright.astype("float32"))  # bools are 0 and 1
        np.testing.assert_allclose(*same, 1e-5, 1e-6, err_msg=name)
    with pytest.raises(ValueError, match="expected 0 to 1, divide them by 255"):
        reader.predict(255 * X)
    pairs = ff.GivenImages()
    pairs.build((None, 5, 6))
    (given, expected) = (
        pairs.training(*map(keras.ops.convert_to_tensor, (a, a[::-1]))).inputs
        for a in (numbers, floats)
    )
    np.testing.assert_allclose(given, expected, 1e-6)


@pytest.mark.filterwarnings("error:Your input ran out of data")
def test_batches_of_pytorch_are_learned_from_in_every_epoch():
    """…as of a data set: numbers, weights of classes and all."""
    x, y = X[:24], Y[:24]  # of which its stand-in makes three batches
    loaders = [Loader, lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)).batch(8)]
    histories, predictions = [], []
    for load in loaders:
        ff.setup(seed=1)
        model = small()
        kwargs = {"epochs": 2, "class_weight": {0: 2.0}, "validation_data": load(x, y)}
        histories.append(model.fit(load(x, y), verbose=0, **kwargs).history["loss"])
        predictions.append(model.predict(load(x, y), verbose=0))
    assert len(histories[0]) == 2 and predictions[0].shape == (24, 4)
    np.testing.assert_allclose(*histories, rtol=1e-4)
    np.testing.assert_allclose(*predictions, rtol=1e-3, atol=1e-5)


def test_a_table_may_hold_numbers_and_yes_or_no():
    table = pd.DataFrame({"a": [0.5, 0.25], "b": [True, False]})
    assert as_images(table).tolist() == [[0.5, 1], [0.25, 0]]
    with pytest.raises(ValueError, match="images of dtype object: expected floats"):
        as_images(pd.DataFrame({"a": [0.5], "b": ["yes"]}))


def read_without_labels():
    """A softmax on blocks that never see a label, and so predict nothing themselves."""
    model = ff.OnePass(network([8], None, (5, 6), source=ff.HybridImages()), num_classes=4)
    model.compile()
    return model


@pytest.mark.parametrize("make", [small, read_without_labels])
def test_an_exported_network_predicts_the_same(make, tmp_path):
    model = make()
    model.fit(X, Y)
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        each.export(str(tmp_path / "served"), verbose=False)
        loaded = tf.saved_model.load(str(tmp_path / "served"))
        np.testing.assert_allclose(
            loaded.serve(tf.constant(X[:7])), model.predict(X[:7]), rtol=1e-5
        )


def test_a_network_of_a_strategy_trains_outside_its_scope():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = ff.ForwardForward([8], num_classes=4)
        model.compile(jit_compile=False)
    assert not model.built
    assert np.isfinite(model.fit(X, Y).history["loss"]).all()
