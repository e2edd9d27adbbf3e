"""Each kind of network on two devices of one machine."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_contract import NETWORKS

TESTS = Path(__file__).parent


@pytest.mark.slow(one_in=7)
@pytest.mark.parametrize("name", NETWORKS)
def test_two_devices_give_what_one_gives(name):
    command = [sys.executable, TESTS / "replicas.py", name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout.splitlines()[-1])
    for figure, values in one["history"].items():
        np.testing.assert_allclose(two["history"][figure], values, 1e-4)
    np.testing.assert_allclose(two["weights"], one["weights"], 1e-3, 1e-4)


@pytest.mark.slow
def test_what_overflows_on_one_device_moves_no_weight():
    """Else Keras would add it to the other's, as it looks at the first device alone."""
    code = """
import numpy as np, ffhelpers as ff, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
ff.setup(1, "mixed_float16", tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
x, y = np.random.default_rng(0).random((20, 12), "float32"), np.arange(20) % 2
weight = np.repeat([0.1, 1e30], 10)  # of the second device's part
model = ff.ForwardForward([7], num_classes=2)
model.compile()
model.build((None, 12))
before = model.get_weights()
model.fit(x, y, 20, sample_weight=weight, shuffle=False)
assert all((a == b).all() for a, b in zip(before, model.get_weights()))
assert model.optimizer.dynamic_scale.numpy() == 2**14
model.fit(x, y, 20, shuffle=False)
assert all(np.isfinite(a).all() for a in model.get_weights())
assert any((a != b).any() for a, b in zip(before, model.get_weights()))
try:
    model.fit(x[:11], y[:11], 10)
except ValueError as error:
    assert "a last batch of 1 images on 2 devices: expected one each" in str(error)
else:
    raise AssertionError("a device without an image")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_each_device_draws_for_its_own_part():
    code = """
import numpy as np, ffhelpers as ff, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    source = ff.LabelInImage(4, seed=3)
draw = tf.function(lambda: keras.random.uniform((5,), seed=source.draws))
drawn = np.array([strategy.experimental_local_results(strategy.run(draw)) for _ in range(3)])
assert len(np.unique(drawn)) == drawn.size == 30, drawn
alone = ff.LabelInImage(4, seed=3)
np.testing.assert_array_equal(keras.random.uniform((5,), seed=alone.draws), drawn[0, 0])
plain = keras.random.SeedGenerator(3)
np.testing.assert_array_equal(keras.random.uniform((5,), seed=plain), drawn[0, 0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
