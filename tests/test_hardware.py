"""What cannot be tried in the test's own process: devices, precision, determinism."""

import json
import subprocess
import sys

import numpy as np
import pytest

import ffhelpers as ff

TRAIN = """
import json, sys
import numpy as np
import ffhelpers as ff
import keras, tensorflow as tf

options = json.loads(sys.argv[1])
if options.pop("devices", 1) == 2:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    options["strategy"] = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
num_classes = options.pop("num_classes", 10)
widths, epochs, images, batch_size = [60, 50], options.pop("epochs", 3), 2000, 100
summary = ff.setup(**options)
data = ff.load("mnist")
chosen = data.y_train < num_classes
x, y = data.x_train[chosen][:images], data.y_train[chosen][:images]
model = ff.ForwardForward(widths, num_classes=num_classes)
model.compile(keras.optimizers.AdamW(2e-3))
shuffle = options.get("deterministic", False)
watched = {"shuffle": shuffle, "validation_data": (x[:500], y[:500])}
history = model.fit(x, y, batch_size, epochs, **watched).history
weights = [w.astype("float64").ravel().tolist() for w in model.get_weights()]
print(json.dumps({"summary": summary, "history": history,
                  "weights": sum(weights, [])}))
"""


def train(**options):
    command = [sys.executable, "-c", TRAIN, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_devices_give_what_one_gives():
    """With two classes the wrong label leaves nothing to chance."""
    one, two = (train(seed=1, num_classes=2, devices=n) for n in (1, 2))
    assert "2 replicas" in two["summary"] and "replicas" not in one["summary"]
    for name in ("loss", "g_pos", "g_neg", "val_loss"):
        np.testing.assert_allclose(one["history"][name], two["history"][name], rtol=1e-3)
    right = [each["history"]["val_accuracy"] for each in (one, two)]
    np.testing.assert_allclose(*right, atol=0.005)  # one or two images
    np.testing.assert_allclose(one["weights"], two["weights"], atol=2e-4)


@pytest.mark.slow
def test_a_model_trained_on_one_device_goes_on_on_two(tmp_path):
    """…although `steps_per_execution` differs between them."""
    code = """
import sys, numpy as np, ffhelpers as ff, keras, tensorflow as tf
if sys.argv[2] == "2":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    ff.setup(1, strategy=tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    model = keras.saving.load_model(sys.argv[1])
else:
    model = ff.ForwardForward([9], num_classes=3)
    model.compile()
rng = np.random.default_rng(0)
model.fit(rng.random((90, 12), "float32"), rng.integers(0, 3, 90), 10)
model.save(sys.argv[1])
print(int(keras.ops.convert_to_numpy(model.optimizer.iterations)))
"""
    for devices, steps in ((1, 9), (2, 18)):
        command = [sys.executable, "-c", code, str(tmp_path / "ff.keras"), str(devices)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.splitlines()[-1]) == steps


@pytest.mark.slow
def test_deterministic_runs_repeat_bit_for_bit_in_another_process():
    first, second = (train(seed=7, deterministic=True, epochs=2) for _ in range(2))
    assert first == second
    assert train(seed=8, deterministic=True, epochs=2)["weights"] != first["weights"]


def test_setup_says_what_it_computes_with_in_one_line():
    line = ff.setup(seed=3, precision="float32")
    assert "\n" not in line
    for part in ("TensorFlow 2", "Keras 3", "float32", "seed 3"):
        assert part in line


def test_importing_leaves_nothing_on_the_terminal():
    done = subprocess.run(
        [sys.executable, "-c", "import ffhelpers"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
