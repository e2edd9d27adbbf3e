"""Runs that are killed in mid-epoch and go on: to the bits of a run that was not."""

import json
import os
import re
import signal

import keras
import pytest

import ffhelpers as ff
import killed
import kinds
from networks import network


@pytest.mark.slow(one_in=6)
@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.__name__)
def test_a_run_killed_in_mid_epoch_ends_as_one_that_was_not(kind, tmp_path):
    """…its weights, optimiser, draws, order of data and history."""
    code, (*begun, whole) = killed.told(kinds.train, kind, tmp_path / "whole")
    assert code == 0 and begun == [0, 1, 2], whole
    folder = tmp_path / "killed"
    code, begun = killed.told(kinds.train, kind, folder, 2)
    assert code == -signal.SIGKILL and begun == [0, 1, 2], begun
    code, (*begun, resumed) = killed.told(kinds.train, kind, folder)
    assert code == 0 and begun == [2], resumed
    assert resumed == whole and not whole["left"]


def test_every_part_of_a_network_is_in_one_of_them():
    found = set()
    for kind in kinds.KINDS:
        model, optimizer, loss, _ = kind()
        model.compile(optimizer, loss)
        for part in (model, model.optimizer, model.loss):
            parts = json.dumps(keras.saving.serialize_keras_object(part), default=str)
            found |= set(re.findall(r'"class_name": "(?:ffhelpers>)?(\w+)"', parts))
    bases = (keras.layers.Layer, keras.losses.Loss, keras.optimizers.Optimizer)
    bases += (keras.regularizers.Regularizer, ff.labels.Label, ff.ClassChannels)
    offered = {n for n in ff.__all__ if isinstance(getattr(ff, n), type)}
    offered = {n for n in offered if issubclass(getattr(ff, n), bases)}
    assert offered - {"Block", "LocalLoss", "Source"} <= found


@pytest.fixture
def model():
    return network([20])


def test_a_backup_that_cannot_be_gone_back_to_is_refused_before_any_work(model, small, tmp_path):
    x, y = small
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    batches = ff.batches(x, y, 100)
    with pytest.raises(ValueError, match="steps_per_epoch=3 with BackupAndRestore: expected an e"):
        model.fit(batches, steps_per_epoch=3, callbacks=[backup])
    often = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=5)
    with pytest.raises(ValueError, match=r"BackupAndRestore\(save_freq=5\): expected 'epoch'"):
        model.fit(batches, callbacks=often)
    reader = ff.OnePass(model)
    reader.compile()
    with pytest.raises(ValueError, match="one_pass.*, which has no weights yet: build it"):
        reader.fit(batches, callbacks=backup)
    assert model.optimizer.iterations == 0 and not (tmp_path / "backup").exists()
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "latest.weights.h5").write_text("no backup")
    model.trainable = True  # the softmax had frozen it
    with pytest.raises(ValueError, match="latest.weights.h5 is no backup .*: delete it"):
        model.fit(batches, callbacks=backup)


def test_a_backup_goes_when_the_training_is_complete_and_takes_nothing_along(
    model, small, tmp_path
):
    (tmp_path / "mine").touch()
    kept = tmp_path / "kept" / "latest.weights.h5"
    for folder, delete in ((tmp_path, True), (kept.parent, False)):
        backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=delete)
        model.fit(*small, 500, epochs=2, callbacks=[backup])
    assert sorted(os.listdir(tmp_path)) == ["kept", "mine"]
    other = network([20])
    other.load_weights(kept)  # Keras can read it, too
    assert kinds.state(other)["weights"] == kinds.state(model)["weights"]
    longer = keras.callbacks.BackupAndRestore(kept.parent)
    history = other.fit(*small, 500, epochs=3, callbacks=[longer]).history
    assert other.optimizer.iterations == 24 + 6 and len(history["loss"]) == 3


@pytest.mark.parametrize("name", ["ff.keras", "ff.weights.h5"])
def test_an_earlier_file_is_there_until_the_new_one_is_whole(model, tmp_path, monkeypatch, name):
    path = tmp_path / name
    save = model.save if name == "ff.keras" else model.save_weights
    save(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(ff.LabelInImage, "save_own_variables", fail)
    with pytest.raises(OSError):
        save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [name]


def test_weights_may_be_saved_in_shards(model, tmp_path):
    before = model.get_weights()
    model.save_weights(tmp_path / "ff.weights.h5", max_shard_size=1e-4)
    assert not list(tmp_path.glob(".*"))
    model.set_weights([0 * weight for weight in before])
    model.load_weights(tmp_path / "ff.weights.json")
    assert all((a == b).all() for a, b in zip(model.get_weights(), before))
