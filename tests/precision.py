"""What test_precision.py starts: each kind of network, trained in float32 and in mixed precision."""

import json
import sys

import keras
import numpy as np

import ffhelpers as ff
from ffhelpers.text import one_hot, windows


def fit(model, x, y, batch, epochs, rate, decay=0.0, loss=None):
    steps = epochs * -(-len(x) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=decay), loss)
    return model, model.fit(x, y, batch, epochs)


def dense(x, y):
    return fit(ff.ForwardForward([500, 500], num_classes=10), x, y, 250, 5, 4e-3, 0.3)


def hardest(x, y):
    source = ff.Adversarial(ff.Hardest(ff.LabelInImage(10), 0.5), 0.1)
    return fit(ff.ForwardForward([500, 500], source=source), x, y, 250, 5, 4e-3, 0.3)


def convolutional(x, y):
    options = {"pool": 2, "goodness": ff.ClassChannels(10), "normalization": "batch"}
    model = ff.ForwardForward(
        [ff.Conv(20, **options), ff.Conv(40, **options)], source=ff.Images(10)
    )
    return fit(model, x, y, 128, 2, 8e-3, loss=ff.SoftmaxLoss(scale=2, pull=0))


def local(x, y):
    first = ff.Labelled(ff.Local(64, 10, 6), ff.LabelPatterns(10, "masks", 0.1))
    model = ff.ForwardForward([first, ff.Local(64, 2), ff.Local(64, 2)], num_classes=10)
    return fit(model, x, y, 125, 2, 6e-3, 0.1)


def recurrent(x, y):
    return fit(ff.Recurrent([200, 200], num_classes=10), x, y, 250, 2, 2e-3, 0.05)


def sleeping(x, y):
    model = ff.ForwardForward([200, 200], source=ff.Phases(ff.LabelInImage(10, "uniform"), 2))
    model.compile(keras.optimizers.Adam(1e-3), ff.ThresholdLoss(1, 10))
    return model, model.fit(x, y, 50, 4)


def read(network, x, y, batch, classes):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return fit(ff.OnePass(network, num_classes=classes), x, y, batch, 3, 5e-3, 0.1, loss)


def unlabelled(x, y):
    network, _ = fit(
        ff.ForwardForward([500, 500], source=ff.HybridImages(2)), x, None, 250, 2, 2e-3
    )
    return read(network, x, y, 250, 10)


def text():
    """Windows of ten characters, of which the last is to be told from the others."""
    source = ff.load_text("python")
    real, judged = (windows(part, 10).reshape(-1, 10) for part in (source.train[:248], source.val))
    wrong, symbols = real.copy(), len(source.symbols)
    wrong[:, -1] = np.roll(real[:, -1], 1000)
    pairs = (one_hot(strings, symbols) for strings in (real, wrong))
    network, _ = fit(ff.ForwardForward([300, 300], source=ff.GivenImages()), *pairs, 100, 2, 2e-3)

    def hidden(strings):
        x = one_hot(strings, symbols).reshape(len(strings), 10, symbols)
        x[:, -1] = 0
        return x.reshape(len(strings), -1)

    reader = read(network, hidden(real), real[:, -1], 100, symbols)
    return *reader, hidden(judged), judged[:, -1]


KINDS = [dense, hardest, convolutional, local, recurrent, sleeping, unlabelled, text]


def outcome(kind, precision):
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(1)
    if kind is text:
        model, history, x, y = text()
    else:
        data = ff.load("mnist")
        count = 20_000 if kind is dense else 10_000
        model, history = kind(data.x_train[:count], data.y_train[:count])
        x, y = data.x_val, data.y_val
    scores = model.predict(x, batch_size=500)
    return {
        "right": float((scores.argmax(axis=1) == y).mean()),
        "finite": bool(np.isfinite(scores).all() and np.isfinite(history.history["loss"]).all()),
        "optimizer": type(model.optimizer).__name__,
    }


if __name__ == "__main__":
    (kind,) = (kind for kind in KINDS if kind.__name__ == sys.argv[1])
    print(json.dumps([outcome(kind, precision) for precision in ("float32", sys.argv[2])]))
