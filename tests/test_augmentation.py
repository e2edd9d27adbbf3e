"""Batches of moved images."""

import keras
import numpy as np
import pytest

import ffhelpers as ff


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)


def dots(n, shape=(9, 11)):
    """Images with one bright pixel in the middle, numbered by their labels."""
    images = np.zeros((n, *shape), "float32")
    images[:, shape[0] // 2, shape[1] // 2] = 1
    return images, np.arange(n, dtype="int32")


def collect(data):
    return [np.concatenate(part) for part in zip(*data.as_numpy_iterator(), strict=True)]


def distances(images):
    rows, columns = images.shape[1:3]
    where = images.reshape(len(images), -1).argmax(axis=1)
    return np.stack([where // columns - rows // 2, where % columns - columns // 2], axis=1)


def test_every_image_comes_once_an_epoch_in_another_order():
    x, y = dots(1000)
    x *= (1 + y[:, None, None]) / len(y)
    data = ff.batches(x, y, batch_size=64)
    assert [len(labels) for _, labels in data] == [64] * 15 + [40]
    first, second = collect(data), collect(data)
    for images, labels in (first, second):
        np.testing.assert_array_equal(np.sort(labels), y)
        np.testing.assert_array_equal(images, x[labels])
    assert (first[1] != second[1]).mean() > 0.9


def test_two_features_and_two_labels_are_not_taken_for_negatives():
    x, y = np.random.default_rng(0).random((8, 2), "float32"), np.arange(16).reshape(8, 2) % 2
    for _, labels in ff.batches(x, y, 8):
        assert labels.dtype.is_integer and labels.shape == (8, 2)


def test_each_image_moves_by_its_own_whole_distance_all_equally_likely():
    x, y = dots(20_000)
    images, _ = collect(ff.batches(x, y, 500, shift=2))
    assert images.dtype == np.float32 and set(np.unique(images)) == {0, 1}
    assert (images.reshape(len(x), -1).sum(axis=1) == 1).all()
    moved = distances(images)
    _, counts = np.unique(moved, axis=0, return_counts=True)
    assert len(counts) == 25 and abs(moved).max() == 2
    # 800 each, standard deviation 28; seeded, so it cannot fail by chance
    assert abs(counts - 800).max() < 5 * 28
    # neighbours in a batch go the same way as often as any two: once in 25
    assert 0.02 < (moved[1:] == moved[:-1]).all(axis=1).mean() < 0.06


def test_zeros_move_in_and_what_leaves_is_gone():
    x, y = np.ones((200, 6, 6, 3), "float32"), np.zeros(200, "int32")
    images, _ = collect(ff.batches(x, y, 50, shift=5))
    assert images.shape == x.shape and set(np.unique(images)) == {0, 1}
    rows = images.any(axis=(2, 3)).sum(axis=1)
    assert rows.min() == 1 and rows.max() == 6


def test_the_seed_decides():
    x, y = dots(300)
    runs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        runs.append(collect(ff.batches(x, y, 50, shift=2)))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert (runs[0][1] != runs[2][1]).any() and (
        distances(runs[0][0]) != distances(runs[2][0])
    ).any()


def test_bytes_are_moved_like_floats():
    x, y = dots(300)
    floats, _ = collect(ff.batches(x, y, 50, shift=2))
    keras.utils.set_random_seed(1)
    numbers, _ = collect(ff.batches((255 * x).astype("uint8"), y, 50, shift=2))
    np.testing.assert_allclose(floats, numbers, rtol=1e-6)


@pytest.mark.parametrize("colours", [(), (3,)])
def test_each_image_is_flipped_in_half_of_the_epochs_and_its_label_stays(colours):
    x = np.random.default_rng(0).random((2000, 4, 5, *colours), "float32")
    keras.utils.set_random_seed(1)
    images, labels = collect(ff.batches(x, np.arange(2000), 50, flip=True))
    straight = (images == x[labels]).all(axis=tuple(range(1, x.ndim)))
    mirrored = (images == x[labels, :, ::-1]).all(axis=tuple(range(1, x.ndim)))
    assert (straight ^ mirrored).all()
    # standard deviation 0.011; neighbours in a batch agree as often as any two
    assert abs(mirrored.mean() - 0.5) < 0.05
    assert abs((mirrored[1:] == mirrored[:-1]).mean() - 0.5) < 0.05


def test_images_are_moved_and_flipped_at_once():
    x, y = np.zeros((400, 7, 9), "float32"), np.zeros(400, "int32")
    x[:, 3, 2] = 1
    keras.utils.set_random_seed(1)
    images, _ = collect(ff.batches(x, y, 50, shift=1, flip=True))
    rows, columns = np.nonzero(images)[1:]
    assert set(rows) == {2, 3, 4} and set(columns) == {1, 2, 3, 5, 6, 7}


def test_no_thread_beside_makes_the_next_epoch_wait():
    for shift in (0, 1):
        assert not ff.batches(*dots(10), 5, shift).options().autotune.enabled


def test_negatives_stand_in_the_place_of_labels():
    rng = np.random.default_rng(0)
    for shape in ((20, 7), (20, 4, 4)):
        x, wrong = rng.random((2, *shape), "float32")
        images, negatives = collect(ff.batches(x, wrong, 6))
        order = [int(np.argmin(np.abs(x - each).reshape(20, -1).sum(axis=1))) for each in images]
        assert sorted(order) == list(range(20))
        np.testing.assert_array_equal(negatives, wrong[order])


def test_vectors_come_in_batches_too():
    x, y = np.random.default_rng(0).random((50, 7), "float32"), np.arange(50)
    images, labels = collect(ff.batches(x, y, 20))
    np.testing.assert_array_equal(images, x[labels])


@pytest.mark.parametrize("colours", [(), (3,)])
def test_copies_are_all_that_training_may_draw(colours):
    x = np.random.default_rng(0).random((1, 4, 5, *colours), "float32")
    seen = []
    ff.average_copies(lambda copy: seen.append(copy.tobytes()) or np.zeros((1, 2)), x, 1, True)
    repeated = np.repeat(x, 1000, axis=0)
    drawn, _ = collect(ff.batches(repeated, np.zeros(1000, int), 50, 1, True))
    assert len(seen) == len(set(seen)) == 18
    assert {copy.tobytes() for copy in drawn} == set(seen)
    straight = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)][: x.ndim])[:, 2:, :5]  # up and right
    assert straight.tobytes() in seen


@pytest.mark.parametrize(
    ("shift", "flip", "copies"), [(0, False, 1), (0, True, 2), (2, False, 25)]
)
@pytest.mark.parametrize("colours", [(), (3,)])
def test_predictions_are_the_mean_over_the_copies(shift, flip, copies, colours):
    rng = np.random.default_rng(1)
    x = rng.random((7, 6, 5, *colours), "float32")
    weights, predictions = rng.random((x[0].size, 2)), []

    def predict(images):
        predictions.append(images.reshape(7, -1) @ weights)
        return predictions[-1]

    np.testing.assert_allclose(
        ff.average_copies(predict, x, shift, flip), sum(predictions) / copies
    )
    assert len(predictions) == copies


def test_vectors_have_only_themselves_for_a_copy():
    x = np.random.default_rng(1).random((7, 3))
    np.testing.assert_array_equal(ff.average_copies(lambda x: 2 * x, x), 2 * x)


@pytest.mark.slow
def test_a_network_learns_from_moved_images(mnist):
    x, y = mnist.x_train[:6000], mnist.y_train[:6000]
    errors = {}
    for shift in (0, 4):
        keras.utils.set_random_seed(1)
        model = ff.ForwardForward([200], num_classes=10)
        model.compile(keras.optimizers.Adam(4e-3))
        model.fit(ff.batches(x, y, 250, shift), epochs=6)
        moved, labels = collect(ff.batches(mnist.x_val, mnist.y_val, 500, shift=4))
        errors[shift] = ff.evaluation.error(model.predict(moved), labels)
    assert errors[4] < 0.6 * errors[0]
