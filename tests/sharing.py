"""What several processes train in test_workers.py, and one process beside them."""

import json
import sys
import time

import keras
import numpy as np

import ffhelpers as ff

CLASSES = 2  # so that the wrong label leaves nothing to chance


def channels():
    return ff.Conv(4, pool=2, goodness=ff.ClassChannels(CLASSES))


def fields():
    return [
        ff.Labelled(ff.Local(6, 5, 4), ff.LabelPatterns(CLASSES, "masks", 0.1)),
        ff.Local(5, 2),
    ]


NETWORKS = {
    "dense": lambda: ff.ForwardForward([12, 10], num_classes=CLASSES),
    "convolutional": lambda: ff.ForwardForward(
        [channels(), channels()], source=ff.Images(CLASSES)
    ),
    "local": lambda: ff.ForwardForward(fields(), num_classes=CLASSES),
}


def images():
    """Images of which the last batch of 20 has fewer, unevenly shared."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, 67)
    return rng.random((67, 14, 14), "float32") * np.where(y, 1, 0.5)[:, None, None], y


def made(name):
    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    model.compile(keras.optimizers.AdamW(5e-3), jit_compile=False)
    return model


def weights(model):
    return np.concatenate([np.ravel(w) for w in model.get_weights()]).astype("float64").tolist()


def trained(name):
    """The losses of three epochs, the weights behind them, and what they predict."""
    (x, y), model = images(), made(name)
    validation = (x[:30], y[:30]) if name == "dense" else None
    history = model.fit(x, y, 20, 3, validation_data=validation).history
    # Of all processes together, in the last epoch.
    history["positive images"] = [float(keras.ops.convert_to_numpy(model.g_pos.count))]
    if name == "dense":
        history["predicted"] = model.predict(x, batch_size=20).tolist()
    return {"history": history, "weights": weights(model)}


class Slow(keras.callbacks.Callback):
    """Time to be killed in."""

    def on_epoch_end(self, epoch, logs=None):
        print("epoch", epoch, flush=True)
        time.sleep(0.3)


def backed_up(folder, *callbacks):
    (x, y), model = images(), made("dense")
    x, y = x[:60], y[:60]
    backup = [keras.callbacks.BackupAndRestore(folder)] if folder else []
    model.fit(x, y, 20, 12, shuffle=False, callbacks=[*backup, *callbacks])
    return weights(model)


def main(folder=None):
    print(ff.setup(1))
    result = backed_up(folder, Slow()) if folder else {name: trained(name) for name in NETWORKS}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
