"""Labels in images: the visible edit, the fast path, and wrong labels."""

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import ffhelpers as ff


@st.composite
def labelled_images(draw):
    """Images of any shape with room for their label pixels, labels and perhaps other pixels."""
    num_classes = draw(st.integers(2, 7))
    kind = draw(st.sampled_from(["flat", "grey", "colour"]))
    side = draw(st.integers(3, 8))
    shape = {"flat": (side * 3,), "grey": (side, side + 1), "colour": (side, side, 3)}[kind]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = rng.random((draw(st.integers(1, 5)), *shape), dtype="float32")
    labels = rng.integers(0, num_classes, len(images))
    size = int(np.prod(shape[:2]))
    pixels = None
    if draw(st.booleans()):
        pixels = rng.choice(size, num_classes, replace=False).tolist()
    return images, labels, num_classes, pixels


@given(labelled_images())
def test_an_edit_changes_label_pixels_only(case):
    images, labels, num_classes, pixels = case
    before = images.copy()
    edited = ff.write_label(images, labels, num_classes, pixels)
    assert (images == before).all() and edited.dtype == np.float32
    channels = images.shape[3] if images.ndim == 4 else 1
    flat, was = (a.reshape(len(images), -1, channels) for a in (edited, images))
    where = ff.labels.label_pixels(images.shape[1:], num_classes, pixels)
    others = np.setdiff1d(np.arange(was.shape[1]), where)
    assert (flat[:, others] == was[:, others]).all()
    one_hot = np.eye(num_classes, dtype="float32")[labels]
    assert (flat[:, where] == one_hot[..., None]).all()


@given(labelled_images(), st.sampled_from([0.5, 1.0, 3.0]), st.booleans())
def test_the_fast_path_equals_editing_pixels(case, brightness, normalized):
    images, _, num_classes, pixels = case
    dense = ff.Dense(6, normalized=normalized)
    fast = ff.Labelled(dense, ff.LabelPixels(num_classes, pixels, brightness))
    every = np.repeat(np.eye(num_classes, dtype="float32")[None], len(images), axis=0)
    h = np.asarray(fast(images, labels=every))
    slow = ff.Dense(6, normalized=normalized)
    slow.build((None, dense.kernel.shape[0]))
    dense.bias.assign(np.linspace(-1, 1, 6))
    h = np.asarray(fast(images, labels=every))
    slow.set_weights(fast.get_weights())
    for label in range(num_classes):
        labels = np.full(len(images), label)
        edited = ff.write_label(images, labels, num_classes, pixels, brightness)
        expected = slow(edited.reshape(len(images), -1))
        np.testing.assert_allclose(h[:, label], expected, rtol=1e-4, atol=1e-5)


@given(labelled_images())
def test_the_fast_path_has_the_gradient_of_editing_pixels(case):
    import tensorflow as tf

    images, labels, num_classes, pixels = case
    dense, slow = ff.Dense(5), ff.Dense(5)
    fast = ff.Labelled(dense, ff.LabelPixels(num_classes, pixels))
    one_hot = np.eye(num_classes, dtype="float32")[labels][:, None]
    fast(images, labels=one_hot)
    edited = ff.write_label(images, labels, num_classes, pixels).reshape(len(images), -1)
    slow(edited)
    slow.set_weights(fast.get_weights())
    with tf.GradientTape(persistent=True) as tape:
        g_fast = tf.reduce_sum(fast.goodness(fast(images, labels=one_hot)))
        g_slow = tf.reduce_sum(slow.goodness(slow(edited)))
    fast_gradient = tf.convert_to_tensor(tape.gradient(g_fast, dense.kernel.value))
    slow_gradient = tape.gradient(g_slow, slow.kernel.value)
    np.testing.assert_allclose(fast_gradient, slow_gradient, rtol=1e-3, atol=1e-4)


def test_images_may_lie_in_memory_in_any_order():
    images, labels = np.random.default_rng(0).random((3, 5, 6)), [0, 1, 2]
    for turned in (images.transpose(0, 2, 1), np.asfortranarray(images), images[:, ::-1]):
        edited = ff.write_label(turned, labels, 3)
        np.testing.assert_array_equal(edited[:, 0, :3], np.eye(3))
        np.testing.assert_allclose(edited[:, 1:], turned[:, 1:], rtol=1e-6)


def test_bytes_are_scaled():
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8)
    labels = np.array([0, 1, 2, 1])
    np.testing.assert_array_equal(
        ff.write_label(images, labels, 3), ff.write_label(images / np.float32(255), labels, 3)
    )


@given(st.integers(2, 12), st.integers(0, 2**31 - 1))
def test_a_wrong_label_is_never_the_truth(num_classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, 200).astype("int32")
    goodness = rng.normal(size=(200, num_classes)).astype("float32") * 100
    for wrong in (
        ff.uniform_labels(labels, num_classes, seed),
        ff.hard_labels(labels, goodness, 10.0, seed),
    ):
        wrong = np.asarray(wrong)
        assert (wrong != labels).all()
        assert ((wrong >= 0) & (wrong < num_classes)).all()


@given(st.integers(3, 12), st.integers(0, 2**31 - 1), st.sampled_from(["hard", "uniform"]))
def test_several_wrong_labels_of_an_image_differ(num_classes, seed, negatives):
    y = np.random.default_rng(seed).integers(0, num_classes, 50)
    goodness = keras.random.normal((50, num_classes), seed=seed)
    for count in {1, 2, num_classes - 1}:
        source = ff.LabelInImage(num_classes, negatives, count=count, seed=seed)
        streams = source.training(np.zeros((50, 2, 6), "float32"), y)
        labels = np.asarray(streams.labels(goodness)).argmax(-1)
        assert labels.shape == (50, 1 + count) and (labels[:, 0] == y).all()
        assert all(len(set(row)) == 1 + count for row in labels)
        assert np.asarray(streams.signs).tolist() == [[1] + count * [-1]]


def test_uniform_labels_are_uniform_over_the_others():
    labels = np.repeat(np.arange(10, dtype="int32"), 9000)
    wrong = np.asarray(ff.uniform_labels(labels, 10, seed=5))
    for label in range(10):
        counts = np.bincount(wrong[labels == label], minlength=10)
        assert chisquare(np.delete(counts, label)).pvalue > 1e-4


def test_hard_labels_follow_the_softmax_of_goodness():
    goodness = np.tile(np.array([0.9, 0.1, 0.3, 0.0], "float32"), (40_000, 1))
    labels = np.zeros(40_000, "int32")
    hard = np.asarray(ff.hard_labels(labels, goodness, 5.0, seed=2))
    expected = np.exp(5 * goodness[0, 1:].astype("float64"))
    expected *= len(labels) / expected.sum()
    assert chisquare(np.bincount(hard, minlength=4)[1:], expected).pvalue > 1e-4
    even = np.asarray(ff.hard_labels(labels, goodness, 0.0, seed=2))
    assert chisquare(np.bincount(even, minlength=4)[1:]).pvalue > 1e-4


def test_negatives_are_fresh_and_their_generator_goes_on():
    seed = keras.random.SeedGenerator(1)
    labels = np.zeros(100, "int32")
    first, second = (np.asarray(ff.uniform_labels(labels, 10, seed)) for _ in range(2))
    assert (first != second).any()
