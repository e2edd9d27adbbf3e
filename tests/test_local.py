"""Local receptive fields, and labels laid over the whole picture."""

import keras
import numpy as np
import pytest

import ffhelpers as ff

PATTERNS = ("waves", "masks", "corner")


def labelled(units, num_classes, kernel_size, strides, patterns, brightness=1.0, **settings):
    local = ff.Local(units, kernel_size, strides, **settings)
    return ff.Labelled(local, ff.LabelPatterns(num_classes, patterns, brightness))


def network(shape=(9, 8), num_classes=3, **settings):
    keras.utils.set_random_seed(1)
    first = labelled(6, num_classes, (4, 3), 2, "masks", 0.5, **settings)
    model = ff.ForwardForward([first, ff.Local(5, 2, **settings)], num_classes=num_classes)
    model.build((None, *shape))
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    return model


def examples(n=40, shape=(9, 8), num_classes=3):
    rng = np.random.default_rng(0)
    return rng.random((n, *shape), "float32"), rng.integers(0, num_classes, n)


def in_a_loop(layer, h):
    """What a layer computes, a field after the other: pictures `(n, h, w, channels)`."""
    (height, width), (down, right) = layer.kernel_size, layer.strides
    if layer.normalized:
        h = h / np.sqrt((h**2).mean(axis=(1, 2, 3), keepdims=True))
    rows, columns, units = layer.bias.shape
    z = np.empty((len(h), rows, columns, units))
    for i, j in np.ndindex(rows, columns):
        field = h[:, i * down : i * down + height, j * right : j * right + width]
        kernel = layer.kernel.numpy()[i * columns + j]
        z[:, i, j] = field.reshape(len(h), -1) @ kernel + layer.bias.numpy()[i, j]
    return np.maximum(z, 0)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize(
    "shape, kernel_size, strides, grid",
    [
        ((28, 28, 1), 10, 6, (4, 4)),
        ((4, 4, 7), 2, 1, (3, 3)),
        ((9, 8, 3), (4, 3), (2, 3), (3, 2)),
        ((5, 5, 2), 5, 9, (1, 1)),
    ],
)
def test_each_position_has_weights_of_its_own(shape, kernel_size, strides, grid, normalized):
    layer = ff.Local(6, kernel_size, strides, normalized=normalized)
    layer.build((None, *shape))
    layer.bias.assign(np.random.default_rng(1).normal(size=layer.bias.shape))
    h = np.random.default_rng(0).normal(size=(5, *shape)).astype("float32")
    expected = in_a_loop(layer, h)
    assert expected.shape[1:] == (*grid, 6) == layer.compute_output_shape((5, *shape))[1:]
    np.testing.assert_allclose(layer(h), expected, rtol=1e-4, atol=1e-5)
    streams = np.stack([h, -h, 2 * h], axis=1)
    np.testing.assert_allclose(layer(streams)[:, 1], in_a_loop(layer, -h), rtol=1e-4, atol=1e-5)
    expected = (expected**2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(layer.goodness(layer(streams))[:, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 1), (9, 8, 3)])
@pytest.mark.parametrize("patterns", PATTERNS)
def test_a_label_costs_no_second_product(patterns, shape):
    """The short cut gives what pictures with the label laid over them give, mixed ones too."""
    layer = labelled(6, 4, (4, 3), 2, patterns, brightness=0.7)
    layer.build((None, *shape))
    x, _ = examples(5, shape)
    written = 0.7 * ff.label_patterns(shape, 4, patterns).reshape(4, 9, 8, 1)
    for mixed in (np.eye(4)[[2, 0, 3]], np.full((1, 4), 0.25)):
        streams = x.reshape(5, 1, 9, 8, -1) + np.tensordot(mixed, written, 1)
        h = layer(x, mixed[None].astype("float32"))
        assert h.shape == layer.compute_output_shape(x.shape, (1, len(mixed), 4))
        for i in range(len(mixed)):
            np.testing.assert_allclose(h[:, i], in_a_loop(layer.block, streams[:, i]), 1e-3, 1e-5)


@pytest.mark.parametrize("count", [2, 4, 10, 23])
@pytest.mark.parametrize("patterns", PATTERNS)
def test_patterns_differ(patterns, count):
    shape = (18, 20)
    kept = ff.label_patterns(shape, count, patterns)
    assert kept.shape == (count, *shape) and kept.dtype == np.float32
    assert np.abs(kept).max() == 1
    assert np.linalg.matrix_rank(kept.reshape(count, -1)) == count
    np.testing.assert_array_equal(kept, ff.label_patterns((*shape, 3), count, patterns))


@pytest.mark.parametrize("patterns", ["waves", "masks"])
@pytest.mark.parametrize("shape", [(1, 128), (128, 1), (4, 100), (8, 8), (2, 5), (3, 9)])
def test_labels_on_few_pixels_differ_or_are_refused(patterns, shape):
    for count in (2, 3, 10):
        if count <= np.prod(shape):
            try:
                kept = ff.label_patterns(shape, count, patterns)
            except ValueError as error:
                assert f"different {patterns}, too few for {count} labels: pad" in str(error)
                assert count == 10 and shape == (2, 5)
            else:
                flat = kept.reshape(count, -1)
                assert (
                    np.abs(flat[:, None] - flat).max(-1)[~np.eye(count, dtype=bool)].min() > 1e-3
                )


def test_every_field_sees_a_label_that_is_laid_over_the_picture():
    """…and only two see a label in the corner."""
    for patterns in PATTERNS:
        layer = labelled(50, 10, 10, 6, patterns, normalized=False)
        layer.build((None, 28, 28))
        h = np.array(layer(examples(20, (28, 28))[0], np.eye(10, dtype="float32")[None]))
        tells = h.std(axis=1).mean(axis=(0, -1)) > 1e-3
        if patterns == "corner":
            assert tells[0, :2].all() and tells.sum() == 2
        else:
            assert tells.all()


def test_the_corner_is_where_write_label_writes():
    x = np.zeros((3, 9, 8), "float32")
    labels = np.array([2, 0, 1])
    written = ff.label_patterns((9, 8), 3, "corner")[labels]
    np.testing.assert_array_equal(written, ff.write_label(x, labels, 3))


def test_it_learns_what_one_position_alone_shows():
    """A bright pixel says the class, by its place: a job for weights that are not shared."""
    x, y = examples(600)
    x[np.arange(600), 2 + 2 * y, 3] += 3
    model = network()
    before = model.evaluate(x, y)[1]
    model.fit(x, y, epochs=15, batch_size=30)
    assert model.evaluate(x, y)[1] > 0.95 > before
    by_block = model.layer_goodness(x)
    assert (ff.evaluation.error(by_block.transpose(1, 0, 2), y) < 0.1).all()


def test_a_softmax_reads_all_units():
    x, y = examples(shape=(9, 8, 3), num_classes=4)
    model = network((9, 8, 3), 4)
    head = ff.OnePass(model)
    head.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.fit(x, y)
    shapes = [block.bias.shape for block in (model.blocks[0].block, model.blocks[1])]
    assert model.neutral_activities(x[:5]).shape == (5, sum(np.prod(shape) for shape in shapes))
    assert head.predict(x).shape == (40, 4)


def test_peers_hold_each_other_back():
    """Two units with means 1 and 3 are 1 away from their average, each."""
    h = keras.ops.convert_to_tensor(np.tile([1.0, 3.0], (10, 2, 1)).astype("float32"))
    assert float(ff.PeerNormalization(0.5)(h)) == pytest.approx(0.5 * 1 * 10)
    x, y = examples(300)
    spreads = []
    for strength in (0.0, 3.0):
        model = network(activity_regularizer=ff.PeerNormalization(strength))
        model.fit(x, y, epochs=5)
        h = model.blocks[0](x, np.eye(3, dtype="float32")[None])
        spreads.append(np.std(np.mean(h, axis=(0, 1))))
    assert spreads[1] < 0.7 * spreads[0]
