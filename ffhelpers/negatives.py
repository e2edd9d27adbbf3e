"""Wrong labels for negative data: pure functions of tensors."""

import keras
import numpy as np
from keras import ops


def uniform_labels(labels, num_classes, seed):
    """Wrong labels, each other label equally likely, the true one never.

    Args:
        labels: true labels, int32 `(n,)`.
        num_classes: number of classes, at least 2.
        seed: int or `keras.random.SeedGenerator`.

    Returns:
        int32 `(n,)`.
    """
    labels = ops.cast(labels, "int32")
    away = keras.random.randint(ops.shape(labels), 1, num_classes, dtype="int32", seed=seed)
    return (labels + away) % num_classes


def hard_labels(labels, goodness, hardness, seed, count=None):
    """Wrong labels that the layer believes: drawn from softmax(hardness * goodness).

    The true label is never drawn. Hinton's code draws them likewise from the one-pass softmax.

    Args:
        labels: true labels, int32 `(n,)`.
        goodness: of every label, float32 `(n, num_classes)`.
        hardness: 0 makes all wrong labels equally likely, a large one takes the best of them.
        seed: int or `keras.random.SeedGenerator`.
        count: different wrong labels for each image; by default one.

    Returns:
        int32 `(n,)`, with a count `(n, count)`.
    """
    # The largest of logit + Gumbel noise is a draw from the softmax, also inside XLA.
    logits = hardness * goodness
    noise = keras.random.uniform(ops.shape(logits), 1e-7, 1.0, dtype="float32", seed=seed)
    truth = ops.one_hot(labels, goodness.shape[-1], dtype="bool")
    never = np.finfo("float32").min  # finite, for TensorFlow's check of numerics
    drawn = ops.where(truth, never, logits - ops.log(-ops.log(noise)))
    if count is None or count == 1:  # sorting for the best alone would cost twice as much
        best = ops.argmax(drawn, axis=-1, keepdims=count == 1)
    else:
        _, best = ops.top_k(drawn, count)
    return ops.cast(best, "int32")
