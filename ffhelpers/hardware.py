"""One call that prepares the machine: seeds, GPUs, precision, determinism."""

import keras
import tensorflow as tf

from . import parameters, workers
from .machine import cores, share_memory

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def setup(seed=None, precision="auto", strategy="auto", deterministic=False):
    """Prepare this process for training; call it before any model is made.

    Sets the seeds of Python, NumPy and TensorFlow, lets every GPU take memory as it needs it,
    turns mixed precision on where the GPU has tensor cores, and spreads the batches over all
    GPUs of the machine, and over all machines that `TF_CONFIG` names; it waits until they are
    there. Weights and losses stay float32 in mixed precision.

    Args:
        seed: int from 0 to 2**32 - 1; None leaves the seeds alone.
        precision: `"auto"`, or one of the Keras dtype policies `"float32"`, `"mixed_float16"` and
            `"mixed_bfloat16"`.
        strategy: `"auto"` (`MultiWorkerMirroredStrategy` for several processes in `TF_CONFIG`,
            `MirroredStrategy` for several GPUs), None for one device, or a
            `tf.distribute.Strategy`.
        deterministic: give the same bits in every run on the same machine, somewhat slower.

    Returns:
        One line that says what this machine computes with.

    Raises:
        ValueError: a value that is none of these; a `TF_CONFIG` in another form; no seed where
            several processes share the data.
        RuntimeError: with such processes, or a GPU, TensorFlow has computed something already.
    """
    if not (strategy in ("auto", None) or isinstance(strategy, tf.distribute.Strategy)):
        raise ValueError(
            f"strategy={strategy!r}: expected 'auto', None or a tf.distribute.Strategy"
        )
    parameters.check(deterministic=deterministic)
    if deterministic and seed is None:  # else every random op fails later
        raise ValueError(
            "seed=None with deterministic=True: expected a seed, as the bits follow from it"
        )
    if seed is not None:
        parameters.check(seed=seed)
    if precision not in ("auto", *PRECISIONS):  # in others nothing trains
        raise ValueError(f"precision={precision!r}: expected auto or {', '.join(PRECISIONS)}")
    processes = workers.count() if strategy == "auto" else 1
    if processes > 1 and seed is None:
        raise ValueError(
            f"seed=None with {processes} workers: expected the same number for all of them, by "
            "which they shuffle alike, so that each example is learned from once"
        )
    share_memory()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:
                raise RuntimeError(
                    "TensorFlow has computed something on a GPU already: expected ff.setup first"
                ) from None
    keras.config.set_dtype_policy(_precision(gpus) if precision == "auto" else precision)
    if seed is not None:
        keras.utils.set_random_seed(int(seed))
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if processes > 1:
        strategy = workers.strategy()
    elif strategy == "auto":
        strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else None
    tf.distribute.experimental_set_strategy(strategy)
    return _summary(gpus, seed, strategy, deterministic, processes)


def check_precision(*parts):
    """Refuse layers that compute in a dtype in which nothing trains.

    Raises:
        ValueError: it names the first one.
    """
    if keras.config.floatx() != "float32":
        raise ValueError(
            f"floatx={keras.config.floatx()!r}: expected keras.config.set_floatx('float32')"
        )
    for part in parts:
        name = part.dtype_policy.name
        if name not in PRECISIONS:
            raise ValueError(f"{part.name} of dtype {name}: expected {', '.join(PRECISIONS)}")


def _precision(gpus):
    """The dtype policy that the slowest GPU's tensor cores are made for."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capability = min((d.get("compute_capability", (0, 0)) for d in details), default=(0, 0))
    if capability >= (8, 0):
        return "mixed_bfloat16"  # the range of float32: no loss scaling needed
    return "mixed_float16" if capability >= (7, 0) else "float32"


def _summary(gpus, seed, strategy, deterministic, processes):
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    if names:
        machine = ", ".join(f"{names.count(n)} x {n}" for n in dict.fromkeys(names))
    else:
        machine = f"{len(cores())} CPU cores"
    parts = [f"TensorFlow {tf.__version__}, Keras {keras.__version__} on {machine}"]
    parts.append(keras.config.dtype_policy().name)
    if processes > 1:
        parts.append(f"{processes} workers")
    if strategy is not None:
        parts.append(f"{strategy.num_replicas_in_sync} replicas")
    parts.append("no seed" if seed is None else f"seed {seed}")
    return ", ".join(parts + ["deterministic"] * bool(deterministic))
