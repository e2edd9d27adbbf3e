"""What every block, source, loss and goodness keeps to, in the manner of Keras's `run_layer_test`.

A new one costs a line in the tables below.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ffhelpers as ff

# All pixels of the images here are bright, also where a label stands.
pytestmark = pytest.mark.filterwarnings("ignore:the label covers")
CLASSES = 3
SHAPES = {"grey": (8, 9), "channel": (8, 9, 1), "colour": (8, 9, 3), "vector": (12,)}
PICTURES = ("grey", "channel", "colour")


def pixels():
    return ff.LabelPixels(CLASSES)


def masks():
    return ff.LabelPatterns(CLASSES, "masks", 0.3)


def channels(kind="mean_square"):
    return ff.ClassChannels(CLASSES, kind)


# What a network is made of: blocks, source, loss, and the images that it takes.
NETWORKS = {
    "dense": (lambda: [7, ff.Dense(6)], lambda: ff.LabelInImage(CLASSES), ff.PairwiseLoss, SHAPES),
    "dense, dropout": (
        lambda: [ff.Labelled(ff.Dense(7, dropout=0.3), pixels()), ff.Dense(6, dropout=0.3)],
        lambda: ff.LabelInImage(CLASSES, "uniform"),
        lambda: ff.ThresholdLoss(1.5, 4.0),
        SHAPES,
    ),
    "dense, patterns": (
        lambda: [ff.Labelled(ff.Dense(7), ff.LabelPatterns(CLASSES, brightness=0.3)), 6],
        lambda: ff.LabelInImage(CLASSES, count=2),
        ff.SoftmaxLoss,
        PICTURES,
    ),
    "dense, classes": (
        lambda: [ff.Dense(6, goodness=channels()), ff.Dense(9, goodness=channels())],
        lambda: ff.Images(CLASSES),
        ff.SoftmaxLoss,
        ("vector",),
    ),
    "sum of squares": (
        lambda: [ff.Labelled(ff.Dense(5, goodness="sum_of_squares"), pixels()), 6],
        lambda: ff.LabelInImage(CLASSES),
        ff.PairwiseLoss,
        SHAPES,
    ),
    "given labels": (lambda: [7, 6], lambda: ff.GivenLabels(CLASSES), ff.PairwiseLoss, SHAPES),
    "local": (
        lambda: [
            ff.Labelled(ff.Local(4, 3, 2, activation="elu"), masks()),
            ff.Local(5, 2, dropout=0.2),
        ],
        lambda: ff.LabelInImage(CLASSES),
        ff.PairwiseLoss,
        PICTURES,
    ),
    "convolutions, classes": (
        lambda: [ff.Conv(6, pool=2, goodness=channels()), ff.Conv(9, goodness=channels())],
        lambda: ff.Images(CLASSES),
        ff.SoftmaxLoss,
        PICTURES,
    ),
    "convolutions, batch": (
        lambda: [
            ff.Conv(6, normalization="batch", goodness=channels("mean_activity")),
            ff.Conv(6, normalization="batch", goodness=channels("mean_activity")),
        ],
        lambda: ff.Images(CLASSES),
        ff.PairwiseLoss,
        PICTURES,
    ),
    "convolutions, labels": (
        lambda: [ff.Labelled(ff.Conv(4, pool=2), masks()), ff.Conv(5, normalization="rms")],
        lambda: ff.LabelInImage(CLASSES),
        ff.PairwiseLoss,
        PICTURES,
    ),
    "hardest": (
        lambda: [7, 6],
        lambda: ff.Hardest(ff.LabelInImage(CLASSES), 0.4),
        ff.PairwiseLoss,
        SHAPES,
    ),
    "adversarial hardest": (
        lambda: [7, 6],
        lambda: ff.Adversarial(ff.Hardest(ff.LabelInImage(CLASSES), 0.5), 0.2),
        ff.PairwiseLoss,
        SHAPES,
    ),
    "adversarial convolutions": (
        lambda: [ff.Conv(6, pool=2, goodness=channels()), ff.Conv(6, goodness=channels())],
        lambda: ff.Adversarial(ff.Images(CLASSES), 0.1),
        ff.SoftmaxLoss,
        PICTURES,
    ),
    "hybrids, dense": (lambda: [7, 6], lambda: ff.HybridImages(1), ff.PairwiseLoss, PICTURES),
    "hybrids, local": (
        lambda: [ff.Local(4, 3, 2, dropout=0.2), 6],
        lambda: ff.Hardest(ff.HybridImages(2), 0.5),
        ff.ThresholdLoss,
        PICTURES,
    ),
    "hybrids, convolutions": (
        lambda: [ff.Conv(4, pool=2, activation="elu"), ff.Conv(5, normalization="none")],
        lambda: ff.Adversarial(ff.HybridImages(2), 0.1),
        ff.PairwiseLoss,
        PICTURES,
    ),
    "sums": (lambda: [7, 6], lambda: ff.ImageSums(), ff.PairwiseLoss, SHAPES),
    "recurrent": (
        lambda: [ff.RecurrentDense(7), ff.RecurrentDense(6, dropout=0.3)],
        lambda: ff.LabelInImage(CLASSES),
        ff.PairwiseLoss,
        SHAPES,
    ),
    "given images": (lambda: [7, 6], lambda: ff.GivenImages(), ff.PairwiseLoss, SHAPES),
    "phases, labels": (
        lambda: [ff.Labelled(ff.Dense(7, dropout=0.3), pixels()), 6],
        lambda: ff.Phases(ff.LabelInImage(CLASSES)),
        ff.ThresholdLoss,
        SHAPES,
    ),
    "phases, hybrids": (
        lambda: [7, 6],
        lambda: ff.Phases(ff.HybridImages(1), 2),
        ff.ThresholdLoss,
        PICTURES,
    ),
}


def test_every_kind_of_block_source_and_loss_is_in_the_table():
    """What is only there to be inherited from has no network of its own."""
    kinds, found = (ff.Block, ff.Source, ff.LocalLoss), set()

    def look(part):
        found.add(type(part))
        for inner in ("block", "source"):
            if hasattr(part, inner):
                look(getattr(part, inner))

    for blocks, source, loss, _ in NETWORKS.values():
        for part in (*blocks(), source(), loss()):
            look(part)
    public = {v for v in vars(ff).values() if isinstance(v, type) and issubclass(v, kinds)}
    inherited_from = {base for kind in public for base in kind.__mro__[1:]}
    assert public - found - (inherited_from - found) == set()


CASES = [(name, kind) for name, parts in NETWORKS.items() for kind in parts[3]]


def network(name, kind=None):
    """…which runs eagerly: to trace a step takes longer than to make the few ones here."""
    keras.utils.set_random_seed(1)
    blocks, source, loss, kinds = NETWORKS[name]
    blocks = blocks()
    recurrent = isinstance(blocks[0], ff.RecurrentDense)
    model = (ff.Recurrent if recurrent else ff.ForwardForward)(blocks, source=source())
    model.build((None, *SHAPES[kind or next(iter(kinds))]))
    model.compile(keras.optimizers.Adam(1e-2), loss(), jit_compile=False, run_eagerly=True)
    return model


def examples(model, kind=None, n=24, bytes_=False):
    rng = np.random.default_rng(0)
    shape = model.source.image_shape
    x, y = rng.random((n, *shape), "float32"), rng.integers(0, CLASSES, n)
    if bytes_:
        x = np.rint(255 * x).astype("uint8")
    if isinstance(model.source, ff.GivenImages):
        return x, x[::-1].copy()
    if not model.source.takes_labels:
        return x, None
    pairs = isinstance(model.source, ff.GivenLabels)
    return x, np.stack([y, (y + 1) % CLASSES], 1) if pairs else y


def outcome(model, x):
    """What the network says of images: its predictions, or where it has none, its activities."""
    if model.source.prediction:
        return model.predict(x)
    return np.array(model.neutral_activities(tf.constant(x)), "float32")


def weights(block):
    return [np.array(v) for v in block.trainable_variables]


@pytest.mark.parametrize("name, kind", CASES)
def test_shapes_and_dtypes(name, kind):
    model = network(name, kind)
    x, y = examples(model)
    model.fit(x, y, batch_size=24)
    given = (None if a is None else tf.constant(a) for a in (x, y))
    streams = model.source.training(*given, network=model)
    assert set(np.unique(streams.signs)) <= {-1, 0, 1}
    count = streams.signs.shape[-1]
    shapes = []

    def look(block, h, **labels):
        h = block(h, **labels)
        g = block.goodness(h)
        shapes.append((tuple(h.shape), tuple(g.shape), g.dtype))
        return h

    model.forward(look, streams.inputs, streams.labels)
    n = len(streams.inputs)
    shape = model.source.compute_output_shape((None, *model.source.image_shape))
    for block, (activities, goodness, dtype) in zip(model.blocks, shapes):
        expected = block.compute_output_shape(shape)
        assert activities[-getattr(block, "axes", 1) :] == expected[-getattr(block, "axes", 1) :]
        assert goodness == (n, count) and dtype == "float32"
        shape = expected
    if model.source.prediction:
        assert model.predict(x).shape == (24, CLASSES) and model.predict(x).dtype == "float32"
        assert model.predict(x[:1]).shape == (1, CLASSES)
    else:
        assert np.isfinite(model.evaluate(x, y, batch_size=24))


@pytest.mark.parametrize("name, kind", CASES)
def test_bytes_are_scaled(name, kind):
    model = network(name, kind)
    x, _ = examples(model, bytes_=True)
    np.testing.assert_allclose(
        outcome(model, x), outcome(model, x / np.float32(255)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_saved_and_goes_on_bit_for_bit(name, tmp_path):
    model = network(name)
    x, y = examples(model)
    model.fit(x, y, batch_size=24, shuffle=False)
    model.save(tmp_path / "ff.keras")
    loaded = keras.saving.load_model(tmp_path / "ff.keras")
    np.testing.assert_array_equal(outcome(model, x), outcome(loaded, x))
    both = [m.fit(x, y, batch_size=24, shuffle=False).history for m in (model, loaded)]
    assert both[0] == both[1]
    for a, b in zip(model.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "recurrent"])
def test_no_gradient_leaves_a_block(name):
    """A step changes the first block alike, whatever stands behind it.

    Where blocks hear those above, `test_recurrent.py` shows it.
    """
    steps = []
    for other in (False, True):
        model = network(name)
        if other:
            kernel = model.blocks[1].kernel
            kernel.assign(-3 * kernel)
        x, y = examples(model)
        model.fit(x, y, batch_size=24, shuffle=False)
        steps.append([weights(block) for block in model.blocks])
    for before, after in zip(steps[0][0], steps[1][0]):
        np.testing.assert_array_equal(before, after)
    assert any((a != b).any() for a, b in zip(steps[0][1], steps[1][1]))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("frozen", [0, 1])
def test_frozen_stays_frozen(name, frozen):
    model = network(name)
    x, y = examples(model)
    model.fit(x, y, batch_size=24)  # a step that trains both is there
    model.blocks[frozen].trainable = False
    before = [block.get_weights() for block in model.blocks]
    model.fit(x, y, batch_size=24)
    changed = [
        any((a != b).any() for a, b in zip(block.get_weights(), kept))
        for block, kept in zip(model.blocks, before)
    ]
    assert changed == [frozen == 1, frozen == 0]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_mixed_precision(name, precision):
    keras.config.set_dtype_policy(precision)
    try:
        model = network(name)
        x, y = examples(model)
        history = model.fit(x, y, batch_size=24, epochs=2).history
        assert np.isfinite(history["loss"]).all()
        assert np.isfinite(outcome(model, x)).all()
        assert all(v.dtype == "float32" for v in model.trainable_variables)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_of_images_are_honoured(name):
    model = network(name)
    x, y = examples(model)
    before = [weights(block) for block in model.blocks]
    y = np.zeros(24) if y is None else y  # weights alone get lost in Keras
    model.fit(x, y, batch_size=24, sample_weight=np.zeros(24))
    for block, kept in zip(model.blocks, before):
        for a, b in zip(weights(block), kept):
            np.testing.assert_array_equal(a, b)
