"""Several processes that share each batch, on as many machines: who they are, and their `fit`."""

import contextlib
import functools
import json
import os
import re
import tempfile
import types

import keras
import tensorflow as tf

from .inputs import in_place, listed
from .machine import return_memory
from .resume import Resumable

FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
LOGGERS = (keras.callbacks.CSVLogger, keras.callbacks.TensorBoard)


class WorkerLostError(RuntimeError):
    """Another process of the cluster has ended; a notebook shows its one line, no traceback."""

    def _render_traceback_(self):  # IPython's hook
        return [str(self)]


def count():
    """How many processes `TF_CONFIG` names; 1 where it is not set.

    Raises:
        ValueError: a `TF_CONFIG` in another form, or with other tasks than a chief and workers.
    """
    given = os.environ.get("TF_CONFIG") or "{}"
    try:
        config = json.loads(given)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        if cluster:
            _ = cluster[task["type"]][int(task["index"])]
        total = sum(len(addresses) for addresses in cluster.values())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise ValueError(f"TF_CONFIG={given!r}: expected {FORM}") from None
    if not set(cluster) <= {"chief", "worker"} or len(cluster.get("chief", [])) > 1:
        raise ValueError(
            f"TF_CONFIG names {', '.join(cluster)}: expected workers, and at most one chief"
        )
    return max(total, 1)


@functools.cache  # TensorFlow makes one in a process, and a notebook's first cell may run again
def strategy():
    """`MultiWorkerMirroredStrategy`, once all processes are there.

    Raises:
        RuntimeError: TensorFlow has computed something in this process already.
    """
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            "TensorFlow has begun to compute: call ff.setup() first where TF_CONFIG names workers"
        ) from None


def _cluster(of):
    """The jobs of a strategy's cluster and their tasks; none where it is this process alone."""
    several = isinstance(of, tf.distribute.MultiWorkerMirroredStrategy)
    jobs = of.cluster_resolver.cluster_spec().as_dict() if several else {}
    return jobs if sum(map(len, jobs.values())) > 1 else {}


def _writes(of):
    """Whether this process writes what all of them share: the chief, or else worker 0."""
    jobs = _cluster(of)
    task = (of.cluster_resolver.task_type, of.cluster_resolver.task_id) if jobs else None
    return not jobs or task == ("chief" if "chief" in jobs else "worker", 0)


class Shared(Resumable):
    """A Keras model whose `fit` works over several processes, too.

    Each takes its part of every batch, the gradients are added up, and all have the same weights.
    Only the chief, or worker 0, writes checkpoints and logs; all of them restore.
    """

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        if not _writes(self.distribute_strategy):
            callbacks = listed(kwargs.pop("callbacks", None))
            kwargs["callbacks"] = [c for c in callbacks if not isinstance(c, LOGGERS)]
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # it has its own order, of which Keras would warn
        with self._no_worker_lost():
            history = super().fit(self._shared(x), y, batch_size, epochs, verbose, **kwargs)
        return_memory()
        return history

    def evaluate(self, x=None, *args, **kwargs):
        with self._no_worker_lost():
            return super().evaluate(self._shared(x), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        with self._no_worker_lost():
            return super().predict(self._shared(x), *args, **kwargs)

    def _shared(self, x):
        """Refuse what the processes cannot share: each would take batches of a generator of its own."""
        if isinstance(x, types.GeneratorType) and _cluster(self.distribute_strategy):
            raise ValueError(
                "x=generator over several processes: expected arrays, a PyDataset or a "
                "tf.data.Dataset, each of whose batches they share"
            )
        return in_place(x)

    @contextlib.contextmanager
    def _to_write(self, path):
        """Where to write: metrics are added up over the workers, so all read and one keeps."""
        if _writes(self.distribute_strategy):
            yield path
        else:
            with tempfile.TemporaryDirectory() as aside:
                yield os.path.join(aside, os.path.basename(path))

    @contextlib.contextmanager
    def _no_worker_lost(self):
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            if not _cluster(self.distribute_strategy):
                raise
            named = r"(?:reported from|remote target) /job:(\w+)(?:/replica:\d+)?/task:(\d+)"
            found = re.search(named, error.message)
            who = "{} {}".format(*found.groups()) if found else "another process of TF_CONFIG"
            raise WorkerLostError(
                f"{who} does not answer any more: start all of them again; with "
                "keras.callbacks.BackupAndRestore they go on from the last checkpoint"
            ) from None

    # --- What Keras does not do over several processes ----------------------------------------

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras takes the mean of all parts of a batch to see its shapes, which fails.
        strategy = self.distribute_strategy
        if iterator is not None and _cluster(strategy):
            *_, batches = next(iter(iterator))
            data_batch = keras.tree.map_structure(
                lambda part: strategy.experimental_local_results(part)[0], next(batches)
            )
            iterator = None
        super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)

    def _make_function(self, step):
        # Keras takes the mean of logs along their first axis, and they have none.
        if not _cluster(self.distribute_strategy):
            return super()._make_function(step)
        return super()._make_function(
            lambda data: {name: value[None] for name, value in step(data).items()}
        )
