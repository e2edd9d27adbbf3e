"""What may be killed, or run out of space, at any moment: a function for each operation.

Each is a call that goes on from what it finds in `folder`. First it looks whether that is whole,
the old state or the new, never a mixture; then it tells that it is at work, and works. It ends
complete: called again, it starts from there.
"""

import contextlib
import io
import itertools
import json
import os
import resource
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

from ffhelpers import evaluation, fetch
from ffhelpers.datasets import Published
from ffhelpers.files import whole
from ffhelpers.formats import DataError
from ffhelpers.running import records


def fetching(tell, folder):
    """A data set of two files is fetched into Keras's cache, and found there the next time."""
    warnings.simplefilter("error")  # a damaged file is fetched again, with a warning
    os.environ["KERAS_HOME"] = str(folder)
    url = (folder / "url").read_text()
    content = bytes(range(256)) * 8000

    def verify(files):
        if any(found != content for found in files.values()):
            raise DataError("it is not what was published")
        return files

    known = Published(
        title="Bytes",
        files=("first.bin", "second.bin"),
        urls=(f"{url}/first.bin", f"{url}/second.bin"),
        sources={"Keras's cache": fetch.keras_cache, "download": fetch.keras_download},
        verify=verify,
    )
    tell("at work")
    for _ in range(3):
        for _ in range(2):  # then from the cache, unless another process has just emptied it
            found, _ = fetch.find(known)
            assert set(found) == set(known.files)
        for name in known.files:
            (folder / "datasets" / name).unlink(missing_ok=True)


def recording(tell, folder):
    """Long records are added to a file, numbered by each writer."""
    path = folder / "runs.jsonl"
    numbers = {}
    for record in records.read(path) if path.exists() else []:
        assert record["number"] == numbers.get(record["by"], -1) + 1
        assert record["ballast"] == "ö" * 30_000
        numbers[record["by"]] = record["number"]
    tell("at work")
    records.check_writable(path)
    for number in range(30):
        made = {"by": os.getpid(), "number": number, "ballast": "ö" * 30_000}
        records.append(path, made)


def submitting(tell, folder):
    """Predictions for Kaggle replace earlier ones, all of one kind."""
    path = folder / "submission.csv"
    if path.exists():
        rows = path.read_text().splitlines()
        assert len(rows) == 30_001 and len({row.split(",")[1] for row in rows[1:]}) == 1
    tell("at work")
    for label in range(10):
        evaluation.write_submission(np.full(30_000, label), path)


def saving(tell, folder):
    """A network is saved over an earlier one, its weights all of one value."""
    import keras

    import ffhelpers as ff

    model, weights = folder / "ff.keras", folder / "ff.weights.h5"
    network = ff.ForwardForward([300, 100], num_classes=4)
    network.build((None, 12, 12))
    for path in filter(Path.exists, (model, weights)):
        if path == model:
            network = keras.saving.load_model(path)
        else:
            network.load_weights(path)
        assert len({float(v) for w in network.get_weights() for v in np.unique(w)}) == 1
    tell("at work")
    for value in range(3):
        network.set_weights([np.full(w.shape, value, w.dtype) for w in network.get_weights()])
        network.save(model)
        network.save_weights(weights)


def training(tell, folder):
    """A training with a backup and checkpoints goes on; at each epoch it is where it should be."""
    import keras

    import ffhelpers as ff
    import kinds

    ff.setup(seed=1, deterministic=True)
    model, optimizer, loss, data = kinds.dense()
    model.build((None, 12, 12))
    model.compile(optimizer, loss)
    reference, checkpoint = folder / "reference.json", folder / "best.keras"
    expected = json.loads(reference.read_text()) if reference.exists() else None
    if checkpoint.exists():
        assert zipfile.ZipFile(checkpoint).testzip() is None
    seen = {}

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen[str(epoch)] = kinds.state(model)
            assert expected is None or seen[str(epoch)] == expected[str(epoch)], epoch
            tell("at work")

    callbacks = [keras.callbacks.BackupAndRestore(folder / "backup"), Watch()]
    callbacks += [keras.callbacks.ModelCheckpoint(checkpoint)]
    history = model.fit(data, epochs=5, callbacks=callbacks).history
    seen["end"] = {**kinds.state(model), "history": json.dumps(history)}
    if expected is None:
        with whole(reference) as aside:
            aside.write_text(json.dumps(seen))
    else:
        assert seen["end"] == expected["end"]


def sweeping(tell, folder):
    """A sweep of two runs, each recorded once; a complete one is never made again."""
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    sys.argv, sys.orig_argv = ["-m"], ["ffhelpers"]  # the runs' processes need no TensorFlow
    from ffhelpers.__main__ import main

    def recorded():
        return records.read(kept) if kept.exists() else []

    for generation in itertools.count():  # the first one that is not complete
        out, kept = Path(f"out-{generation}"), Path(f"kept-{generation}.jsonl")
        if len(recorded()) < 2:
            break
    complete = [path for path in out.glob("*.ipynb") if not path.match("*.failed.ipynb")]
    before = {path: path.read_bytes() for path in complete}
    made = [record for path in before for record in records.read(path)]
    assert len(made) == len(before) and all(record in made for record in recorded())
    tell("at work")
    sweep = ["sweep", "own.ipynb", "-p", "seed=0,1", "--output", str(out), "--record", str(kept)]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main(sweep, standalone_mode=False)
        except SystemExit:  # a run failed
            raise RuntimeError(said.getvalue()) from None
    assert all(path.read_bytes() == content for path, content in before.items())
    assert sorted(record["parameters"]["seed"] for record in recorded()) == [0, 1]
    assert len(list(out.glob("*.ipynb"))) == 2


KILLS = 5  # one after the other, of the same operation
TIMES = 10  # that this is tried with each operation, at other moments
OPERATIONS = [fetching, recording, submitting, saving, training, sweeping]


def limited(tell, operation, folder, size):
    """An operation that may write no file beyond so many bytes, as where a quota is reached."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    operation(tell, folder)
