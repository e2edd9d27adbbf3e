"""Networks that survive a killed process: saved whole, and resumed to the same bits."""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
import types
import zipfile
from pathlib import Path

import keras
import tensorflow as tf

from .files import whole
from .inputs import listed


class Resumable(keras.Model):
    """A Keras model that a killed process does not harm.

    `save` and `save_weights`, and so `keras.callbacks.ModelCheckpoint`, leave what was there until
    the new file is complete. With `keras.callbacks.BackupAndRestore(folder)`, `fit` goes on after
    the last complete epoch, and ends with the bits of a run that was never killed: weights,
    optimiser, random draws, order of the data, history. That is so on one machine with
    `ff.setup(seed=…, deterministic=True)`, where the program does the same before `fit`. What other
    callbacks remember, such as an `EarlyStopping`, starts over, as always in Keras.
    """

    def compile_from_config(self, config):
        # Keras skips this for a model with a `compile` of its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def save(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save`; an earlier file is replaced once the new one is complete."""
        one = kwargs.get("zipped", True) is not False
        with self._to_write(filepath) as path, _aside(path, overwrite, one) as path:
            super().save(path, overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save_weights`; an earlier file is replaced by a complete one."""
        one = kwargs.get("max_shard_size") is None
        with self._to_write(filepath) as path, _aside(path, overwrite, one) as path:
            super().save_weights(path, overwrite, **kwargs)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        """As `keras.Model.fit`, and see the class for `BackupAndRestore`.

        Raises:
            ValueError: a `BackupAndRestore` within epochs, of a network that was not built, with
                data that cannot be gone through again, or beside a callback that has averages in
                the place of the weights when an epoch ends.
        """
        callbacks = listed(kwargs.pop("callbacks", None))
        backups = [c for c in callbacks if isinstance(c, keras.callbacks.BackupAndRestore)]
        if backups:
            backup = Backup(backups[-1])
            # Last, when all others have changed what they change at the end of an epoch.
            callbacks = [*(c for c in callbacks if c not in backups), backup]
            first, steps = kwargs.get("initial_epoch", 0), kwargs.get("steps_per_epoch")
            _check_stream(x, steps)
            _check_swaps(callbacks)
            done = backup.restore(self)
            if done > first:
                x = self._gone_through(x, done - first, steps, kwargs.get("shuffle", True))
                kwargs["initial_epoch"] = done
        return super().fit(x, y, batch_size, epochs, verbose, callbacks=callbacks, **kwargs)

    def _to_write(self, path):
        """Where this process writes what it was asked to write to `path`."""
        return contextlib.nullcontext(path)

    def _gone_through(self, x, epochs, steps, shuffle):
        """The data as so many epochs leave them: in a data set, an order goes on."""
        if steps and isinstance(x, tf.data.Dataset):
            return x.skip(epochs * steps)
        if steps:  # of a generator
            next(itertools.islice(x, epochs * steps, None), None)
        elif isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)):
            reader = _Reader()
            reader.compile(steps_per_execution=self.steps_per_execution, jit_compile=False)
            reader.fit(x, epochs=epochs, verbose=0, shuffle=shuffle)
        return x  # of arrays, Keras's order is the same in each epoch


class _Reader(keras.Model):
    """Goes through data as `fit` does, and learns nothing."""

    def train_step(self, data):
        return {"loss": keras.ops.zeros(())}


class Backup(keras.callbacks.History):
    """The state after an epoch, in one file: Keras's weights file, and the history behind it.

    Keras's own callback keeps the weights and the epoch in two files, of which one may be newer.
    """

    def __init__(self, asked):
        super().__init__()
        if asked.save_freq != "epoch":
            raise ValueError(
                f"BackupAndRestore(save_freq={asked.save_freq}): expected 'epoch', as a run that "
                "goes on within an epoch would see some of the data twice"
            )
        self.path = Path(asked.backup_dir, "latest.weights.h5")
        self.delete, self.done = asked.delete_checkpoint, []

    def restore(self, model):
        """Put the model into the state that is kept, if any is; the epochs that are behind it."""
        if not model.built:
            raise ValueError(
                f"BackupAndRestore with {model.name}, which has no weights yet: build it first, as "
                "in model.build((None, 28, 28)), or call it on an image, as in reader(x[:1])"
            )
        with tempfile.TemporaryDirectory() as folder:
            try:  # a copy: another process may replace the file between the two looks at it
                copy = shutil.copy(self.path, folder)
            except FileNotFoundError:
                return 0
            try:
                kept = json.loads(zipfile.ZipFile(copy).read("history.json"))
            except (zipfile.BadZipFile, KeyError, ValueError) as error:
                raise ValueError(
                    f"{self.path} is no backup ({error}): delete it to start from the beginning"
                ) from None
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            model.load_weights(copy)
        self.done, self.history = kept["epochs"], kept["history"]
        return self.done[-1] + 1

    def on_train_begin(self, logs=None):
        self.epoch = list(self.done)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        kept = {"epochs": self.epoch, "history": self.history}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.model._to_write(self.path) as path, whole(path) as aside:
            keras.Model.save_weights(self.model, aside)
            with zipfile.ZipFile(aside, "a") as archive:  # HDF5 does not mind what follows it
                archive.writestr("history.json", json.dumps(kept, default=float))

    def on_train_end(self, logs=None):
        if self.delete:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # unless it holds other files
                self.path.parent.rmdir()


def _check_stream(x, steps):
    """Refuse, with `steps_per_epoch`, what Keras reads in no order that could be found again."""
    if not steps or isinstance(x, types.GeneratorType):
        return
    if not isinstance(x, tf.data.Dataset) or int(x.cardinality()) >= 0:
        raise ValueError(
            f"steps_per_epoch={steps} with BackupAndRestore: expected an endless data set, as of "
            "data.repeat(), or no steps_per_epoch"
        )


def _check_swaps(callbacks):
    """Refuse averages in the place of weights: Keras does not bring back the bits of these."""
    if any(getattr(callback, "swap_on_epoch", False) for callback in callbacks):
        raise ValueError(
            "SwapEMAWeights(swap_on_epoch=True) with BackupAndRestore: expected swap_on_epoch=False, "
            "as it leaves averages where the backup looks for weights"
        )


def _aside(path, overwrite, one):
    """`whole` for one file on this machine, which may be replaced; anything else as it is."""
    local = isinstance(path, (str, os.PathLike)) and "://" not in str(path)
    one = one and local and str(path).endswith((".keras", ".h5", ".hdf5"))
    if one and (overwrite or not Path(path).exists()):
        return whole(path)
    return contextlib.nullcontext(path)
