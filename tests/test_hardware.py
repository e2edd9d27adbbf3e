"""What cannot be tried in the test's own process: devices, precision, determinism."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ffhelpers as ff
from ffhelpers import hardware
from ffhelpers.running import records

ROOT = Path(__file__).parent.parent

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
widths, epochs = options.pop("widths", [60, 50]), options.pop("epochs", 3)
images, batch_size = options.pop("images", 2000), options.pop("batch_size", 100)
adversarial = options.pop("adversarial", 0.0)
summary = ff.setup(**options)
data = ff.load("mnist")
chosen = data.y_train < num_classes
x, y = data.x_train[chosen][:images], data.y_train[chosen][:images]
model = ff.ForwardForward(widths, num_classes, adversarial=adversarial)
model.compile(keras.optimizers.AdamW(2e-3))
shuffle = options.get("deterministic", False)
watched = {"shuffle": shuffle, "validation_data": (x[:500], y[:500])}
history = model.fit(x, y, batch_size, epochs, **watched).history
kept = data.y_val < num_classes
accuracy = float(model.evaluate(data.x_val[kept], data.y_val[kept], 500)[1])
weights = [w.astype("float64").ravel().tolist() for w in model.get_weights()]
print(json.dumps({"summary": summary, "history": history, "accuracy": accuracy,
                  "weights": sum(weights, []), "optimizer": type(model.optimizer).__name__}))
"""


def train(**options):
    command = [sys.executable, "-c", TRAIN, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_devices_give_what_one_gives():
    """With two classes the wrong label leaves nothing to chance."""
    one, two = (train(seed=1, num_classes=2, devices=n) for n in (1, 2))
    assert "2 replicas" in two["summary"] and "replicas" not in one["summary"]
    for name in ("loss", "g_pos", "g_neg", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(one["history"][name], two["history"][name], rtol=2e-5)
    np.testing.assert_allclose(one["weights"], two["weights"], atol=2e-4)


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
    model = ff.ForwardForward([9], 3)
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


LARGE = {"widths": [200, 200], "images": 20_000, "batch_size": 250, "adversarial": 0.05}


@pytest.fixture(scope="module")
def single():
    return train(seed=1, precision="float32", **LARGE)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_to_within_half_a_point(precision, single):
    mixed = train(seed=1, precision=precision, **LARGE)
    assert precision in mixed["summary"]
    assert (mixed["optimizer"] == "LossScaleOptimizer") == (precision == "mixed_float16")
    assert np.isfinite(mixed["history"]["loss"]).all()
    assert np.isfinite(mixed["weights"]).all()
    assert abs(mixed["accuracy"] - single["accuracy"]) < 0.005


def test_deterministic_runs_repeat_bit_for_bit_in_another_process():
    first, second = (train(seed=7, deterministic=True, epochs=2) for _ in range(2))
    assert first == second
    assert train(seed=8, deterministic=True, epochs=2)["weights"] != first["weights"]


def test_setup_says_what_it_computes_with_in_one_line():
    line = ff.setup(seed=3)
    assert "\n" not in line
    for part in ("TensorFlow 2", "Keras 3", "float32", "seed 3"):
        assert part in line


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="strategy='both'"):
        ff.setup(strategy="both")
    for precision in ("half", "float16", "float64"):  # Keras would take the last two
        with pytest.raises(ValueError, match=f"precision='{precision}': expected auto or float32"):
            ff.setup(precision=precision)
    for seed in (-1, 2**32, 1.0, "1"):
        with pytest.raises(ValueError, match=f"seed={seed!r}: expected an integer"):
            ff.setup(seed=seed)


def test_importing_leaves_nothing_on_the_terminal():
    done = subprocess.run(
        [sys.executable, "-c", "import ffhelpers"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "about 1 s"), (15.4, "about 15 s"), (89, "about 89 s"), (90, "about 1.5 min")]
    + [(240, "about 4 min"), (3599, "about 60 min"), (5400, "about 1.5 h"), (1e6, "about 278 h")],
)
def test_durations_in_words(seconds, words):
    assert hardware.in_words(seconds) == words


def test_what_training_takes_grows_with_the_work(monkeypatch):
    """Held against recorded steps of 6.5 to 262 ms, which is a fortyfold range."""
    monkeypatch.setattr(hardware, "in_words", lambda seconds: seconds)
    steps = [
        row
        for record in records.read(ROOT / "results" / "bench.jsonl")
        if record["measurement"] == "step"
        for row in record["rows"]
    ]
    assert len(steps) >= 6
    for row in steps:
        # A machine that reaches in large products what it reached in the recorded ones.
        speed = row["ceiling_gflops"] * 1e9
        monkeypatch.setattr(hardware, "_product_speed", lambda: speed)  # noqa: B023
        images = np.broadcast_to(np.float32(0), (row["batch"] * 10_000, 28, 28))
        foreseen = hardware.foresee(images, row["widths"], row["batch"], epochs=1)
        assert foreseen == pytest.approx(10 * row["ms"], rel=0.2), row
        harder = hardware.foresee(images, row["widths"], row["batch"], 1, adversarial=0.1)
        assert foreseen < harder < 2 * foreseen
        half = hardware.foresee(images, row["widths"], row["batch"], 1, 0.1, hardest=0.5)
        assert 0.5 * harder < half < harder


def test_the_speed_of_products_is_measured():
    assert 1e9 < hardware._product_speed() < 1e16
