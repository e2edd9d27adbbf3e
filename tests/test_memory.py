"""Images reach TensorFlow without copies: MNIST's take 157 MB, and Binder gives 2 GB in all."""

import numpy as np
import pytest

import ffhelpers as ff
from ffhelpers.inputs import in_place


def aligned(shape, dtype, offset=0):
    room = np.zeros(8 * np.prod(shape) + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    size = np.prod(shape) * np.dtype(dtype).itemsize
    return room[start : start + size].view(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_what_tensorflow_can_read_in_place_is_shared(dtype):
    x = aligned((1500, 28, 28), dtype)
    tensor = in_place(x)
    assert tensor.shape == x.shape and tensor.dtype == dtype
    x[-1, -1, -1] = 1
    assert tensor[-1, -1, -1] == 1, "a copy"


def test_the_rest_stays_as_it_is():
    x = aligned((1500, 28, 28), "float32")
    frozen = x.view()
    frozen.flags.writeable = False
    others = [x[:100], x[:, :14], frozen, aligned(x.shape, "float32", 4), x.astype("float64")]
    for other in (*others, [1, 2], None, ff.batches(x, np.zeros(1500, int), 50)):
        assert in_place(other) is other


def test_data_is_loaded_so(mnist):
    for x in (mnist.x_train, mnist.x_val, mnist.x_test):
        assert in_place(x) is not x and x.dtype == np.float32


def test_it_learns_and_predicts_the_same(mnist):
    """…from images in place and from copies."""
    results = []
    for offset in (0, 4):
        x = aligned((2000, 28, 28), "float32", offset)
        x[:] = mnist.x_train[:2000]
        assert (in_place(x) is x) == bool(offset)
        ff.setup(1)
        model = ff.ForwardForward([20], num_classes=10)
        model.compile("adam", jit_compile=False)
        model.fit(x, mnist.y_train[:2000], 100, 1)
        model.fit(ff.batches(x, mnist.y_train[:2000], 100, shift=1), epochs=1)
        results.append([model.predict(x, 500), model.evaluate(x, mnist.y_train[:2000], 500)])
    for in_place_, copied in zip(*results):
        np.testing.assert_array_equal(in_place_, copied)
