"""One call that prepares the machine: seeds, GPUs, precision, determinism."""

import keras
import tensorflow as tf

from . import parameters
from .machine import cores

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def setup(seed=None, precision="auto", strategy="auto", deterministic=False):
    """Prepare this process for training; call it before any model is made.

    Sets the seeds of Python, NumPy and TensorFlow, lets every GPU take memory as it needs it,
    turns mixed precision on where the GPU has tensor cores, and spreads the batches over all
    GPUs of the machine. Weights and losses stay float32 in mixed precision.

    Args:
        seed: int from 0 to 2**32 - 1; None leaves the seeds alone.
        precision: `"auto"`, or one of the Keras dtype policies `"float32"`, `"mixed_float16"` and
            `"mixed_bfloat16"`.
        strategy: `"auto"` (`MirroredStrategy` for several GPUs), None for one device, or a
            `tf.distribute.Strategy`.
        deterministic: give the same bits in every run on the same machine, somewhat slower.

    Returns:
        One line that says what this machine computes with.

    Raises:
        ValueError: a value that is none of these.
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
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.config.set_dtype_policy(_precision(gpus) if precision == "auto" else precision)
    if seed is not None:
        keras.utils.set_random_seed(int(seed))
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if strategy == "auto":
        strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else None
    tf.distribute.experimental_set_strategy(strategy)
    return _summary(gpus, seed, strategy, deterministic)


def _precision(gpus):
    """The dtype policy that the slowest GPU's tensor cores are made for."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capability = min((d.get("compute_capability", (0, 0)) for d in details), default=(0, 0))
    if capability >= (8, 0):
        return "mixed_bfloat16"  # the range of float32: no loss scaling needed
    return "mixed_float16" if capability >= (7, 0) else "float32"


def _summary(gpus, seed, strategy, deterministic):
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    if names:
        machine = ", ".join(f"{names.count(n)} x {n}" for n in dict.fromkeys(names))
    else:
        machine = f"{len(cores())} CPU cores"
    parts = [f"TensorFlow {tf.__version__}, Keras {keras.__version__} on {machine}"]
    parts.append(keras.config.dtype_policy().name)
    if strategy is not None:
        parts.append(f"{strategy.num_replicas_in_sync} replicas")
    parts.append("no seed" if seed is None else f"seed {seed}")
    return ", ".join(parts + ["deterministic"] * bool(deterministic))
