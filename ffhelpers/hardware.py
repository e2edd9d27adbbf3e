"""One call that prepares the machine: seeds, GPUs, precision, determinism."""

import time
from numbers import Integral

import keras
import numpy as np
import tensorflow as tf

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
    if seed is not None and not (isinstance(seed, Integral) and 0 <= seed < 2**32):
        raise ValueError(f"seed={seed!r}: expected an integer from 0 to 2**32 - 1")
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


def foresee(images, widths, batch_size, epochs, adversarial=0.0, hardest=1.0):
    """How long this machine will take to train dense blocks, in words: `about 4 min`.

    Counts the operations of the steps' matrix products and divides them by the speed that one
    reaches here and now. The rest is fitted to the steps of `results/bench.jsonl`, on two cores of
    two kinds: 15 % of the products for activations and losses, 160 operations a weight for AdamW,
    1.5 ms for `fit`. The graph is taken to cost 3 s. Another machine may share out its time
    otherwise.

    Args:
        images: what will be trained on, `(n, …)`; only the shape counts.
        widths: units in each block.
        batch_size, epochs: as for `fit`.
        adversarial, hardest: as for `ForwardForward`.

    Returns:
        str.
    """
    inputs = int(np.prod(images.shape[1:]))
    weights = [a * b for a, b in zip([inputs, *widths], widths)]
    # Forward and gradient, two operations a weight each. The first block's two streams share one
    # product, in the others each has its own. An adversarial image costs a product and a gradient.
    # To find the hardest takes a product for all and, at 2x1000, as long as two more for the
    # goodness of every label.
    products = (8 if adversarial else 4) * weights[0] + 8 * sum(weights[1:])
    products = hardest * products + (6 * weights[0] if hardest < 1 else 0)
    steps = epochs * np.ceil(len(images) / batch_size)
    operations = 1.15 * products * len(images) * epochs + 160 * sum(weights) * steps
    return in_words(3 + 1.5e-3 * steps + operations / _product_speed())


def _product_speed(size=1000, repeats=5):
    """Operations a second in the product of two large matrices, at its best."""
    a = keras.ops.ones((size, size), keras.config.dtype_policy().compute_dtype)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        float(keras.ops.matmul(a, a)[0, 0])  # a GPU answers only when it is done
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def in_words(seconds):
    """A duration as people say it: `about 15 s`, `about 4 min`, `about 2.5 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            count = seconds / length
            return f"about {count:.0f} {unit}" if count >= 10 else f"about {count:.2g} {unit}"
    return f"about {max(1, seconds):.0f} s"
