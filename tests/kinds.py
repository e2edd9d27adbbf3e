"""Every kind of network in the collection, small, with what it learns from."""

import hashlib
import json
import os
import signal

import keras
import numpy as np

import ffhelpers as ff

CLASSES, IMAGES, BATCH = 4, 520, 20  # 26 batches, 13 at a time: an epoch has a middle


def pictures():
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, IMAGES)
    x = np.uint8(rng.integers(0, 100, (IMAGES, 12, 12)) + 30 * y[:, None, None])
    x[:, 0] = 0  # room for a label
    return x, y


def adam():
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 200), use_ema=True)


def labelled(source="hard", **options):
    first = ff.Labelled(ff.Dense(20, dropout=0.2), ff.LabelPixels(CLASSES))
    return ff.ForwardForward([first, 15], num_classes=CLASSES, source=source, **options)


def dense():
    return labelled(), adam(), None, ff.batches(*pictures(), BATCH)


def arrays():
    source = ff.LabelInImage(CLASSES, "uniform", count=2)
    return labelled(source), "sgd", None, pictures()


def moved():
    return labelled(silent_blocks=1), adam(), None, ff.batches(*pictures(), BATCH, shift=1)


def hardest_adversarial():
    source = ff.Adversarial(ff.Hardest(ff.LabelInImage(CLASSES), part=0.5), reach=0.1)
    return labelled(source), adam(), None, ff.batches(*pictures(), BATCH, flip=True)


def convolutions():
    channels = ff.ClassChannels(CLASSES)
    second = ff.Conv(8, goodness=channels, normalization="batch")
    blocks = [ff.Conv(8, pool=2, goodness=channels), second]
    model = ff.ForwardForward(blocks, source=ff.Images(CLASSES))
    loss = ff.SoftmaxLoss(scale=2, pull=0)
    return model, adam(), loss, ff.batches(*pictures(), BATCH, shift=1)


def local():
    first = ff.Labelled(ff.Local(6, kernel_size=4, strides=4), ff.LabelPatterns(CLASSES, "masks"))
    model = ff.ForwardForward([first, ff.Local(6, 2)], num_classes=CLASSES)
    return model, adam(), None, ff.batches(*pictures(), BATCH)


def hybrids():
    first = ff.Local(6, 4, 4, activity_regularizer=ff.PeerNormalization(0.6))
    model = ff.ForwardForward([first, ff.Local(6, 2)], source=ff.HybridImages(blurs=1))
    return model, adam(), None, ff.batches(*pictures(), BATCH)


def sums():
    model = ff.ForwardForward([20, 15], source=ff.Phases(ff.ImageSums(), batches=4))
    return model, ff.PhaseAdam(1e-3), ff.ThresholdLoss(1.0), (pictures()[0], None)


def recurrent():
    blocks = [ff.RecurrentDense(15, damping=0.3, dropout=0.1), 15]
    model = ff.Recurrent(blocks, num_classes=CLASSES, iterations=[2, 3])
    return model, adam(), None, ff.batches(*pictures(), BATCH)


def text():
    """Windows of characters and made-up ones, from a data set that has no end."""
    letters = np.eye(6, dtype="float32")[np.random.default_rng(1).integers(0, 6, (2, IMAGES, 5))]
    real, made_up = letters.reshape(2, IMAGES, 30)
    model = ff.ForwardForward([20, 15], source=ff.GivenImages())
    import tensorflow as tf

    windows = tf.data.Dataset.from_tensor_slices((real, made_up)).shuffle(100).batch(BATCH)
    return model, adam(), None, windows.repeat()


def phases():
    model = labelled(ff.Phases(ff.LabelInImage(CLASSES, "uniform"), batches=8))
    momentum = keras.optimizers.SGD(0.01, momentum=0.9)
    return model, momentum, ff.ThresholdLoss(1.0), ff.batches(*pictures(), BATCH)


class Batches(keras.utils.PyDataset):
    """…with a wrong label beside each true one; Keras takes them in another order in each epoch."""

    def __len__(self):
        return IMAGES // BATCH

    def __getitem__(self, i):
        x, y = pictures()
        pairs = np.stack([y, (y + 1) % CLASSES], axis=1)
        return x[BATCH * i : BATCH * (i + 1)], pairs[BATCH * i : BATCH * (i + 1)]


def batches_by_number():
    return labelled(ff.GivenLabels(CLASSES)), adam(), None, Batches()


def one_pass():
    """A softmax, after its network has learned in the same program."""
    network, optimizer, loss, data = dense()
    network.compile(optimizer, loss)
    network.fit(data)
    return ff.OnePass(network), adam(), None, data


KINDS = [dense, arrays, moved, hardest_adversarial, convolutions, local, hybrids, sums]
KINDS += [recurrent, text, phases, batches_by_number, one_pass]


def train(tell, kind, folder, killed_in=None, epochs=3):
    """Train with a backup in `folder`; tell the epochs begun, then the state in the end.

    A process to be killed kills itself in the middle of that epoch.
    """
    ff.setup(seed=4, deterministic=True)
    model, optimizer, loss, data = kind()
    given = data if isinstance(data, tuple) else (data,)
    shape = (30,) if kind is text else (12, 12)
    if kind is one_pass:
        model(np.zeros((1, *shape), "float32"))  # Keras builds it when it is called
    else:
        model.build((None, *shape))
    model.compile(optimizer, loss)

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            tell(epoch)
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == killed_in:  # half of its batches, as many as are made at once
                os.kill(os.getpid(), signal.SIGKILL)

    backup = keras.callbacks.BackupAndRestore(folder)
    steps = IMAGES // BATCH if kind is text else None
    batch = BATCH if isinstance(data, tuple) else None
    history = model.fit(
        *given,
        batch_size=batch,
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[backup, Watch()],
    ).history
    tell({**state(model), "history": json.dumps(history), "left": os.path.exists(folder)})


def state(model):
    """The bits of weights, optimiser and draws, as digests."""
    draws = [layer.draws.state for layer in model._flatten_layers() if hasattr(layer, "draws")]
    parts = {"weights": model.weights, "optimiser": model.optimizer.variables, "draws": draws}
    return {name: digest(variables) for name, variables in parts.items()}


def digest(variables):
    bits = hashlib.sha256()
    for variable in variables:
        bits.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
    return bits.hexdigest()
