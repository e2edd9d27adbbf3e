"""Negative data, as wrong labels and as hybrid images: pure functions of tensors."""

import keras
import numpy as np
from keras import ops

from . import parameters
from .arrays import codes, numbers


def _symbolic(x):
    """Whether it has no value yet, as in a function that TensorFlow compiles."""
    return keras.ops.is_tensor(x) and not hasattr(x, "numpy")


def uniform_labels(labels, num_classes, seed):
    """Wrong labels, each other label equally likely, the true one never.

    Args:
        labels: true labels, int32 `(n,)`.
        num_classes: number of classes, at least 2.
        seed: int or `keras.random.SeedGenerator`.

    Returns:
        int32 `(n,)`.
    """
    parameters.check(num_classes=num_classes)
    if not _symbolic(labels):
        codes("labels", labels, num_classes, np.size(labels))
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
    parameters.check(hardness=hardness)
    if not _symbolic(goodness) and not _symbolic(labels):
        goodness = numbers("goodness", goodness, len(labels), "num_classes")
        codes("labels", labels, goodness.shape[1], len(goodness))
    if count is not None and count not in range(1, goodness.shape[-1]):
        raise ValueError(f"count={count!r}: expected 1 to {goodness.shape[-1] - 1}")
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


def hybrid_masks(count, size, blurs, seed):
    """Masks with fairly large regions of ones and of zeros (Hinton 2022, section 3.2).

    Random bits, blurred so many times with [1/4, 1/2, 1/4] in both directions, and cut at one
    half. More blurs make larger regions. At the border a picture goes on as its own mirror image,
    so that masks are alike everywhere.

    Args:
        count: how many.
        size: height and width in pixels.
        blurs: 0 or more; the paper does not say how many.
        seed: int or `keras.random.SeedGenerator`.

    Returns:
        float32 `(count, height, width)` of zeros and ones.

    Raises:
        ValueError: impossible `blurs`.

    Example:
        `hybrid_masks(500, (28, 28), 6, seed=1)`
    """
    parameters.check(blurs=blurs, size=size)
    if not keras.ops.is_tensor(count):
        parameters.check(count=count)
    blurred = ops.cast(_random_bits(count, size, seed), "float32")
    # Blurring is linear, and the same for rows and columns: all of it is one product for each.
    for pixels in reversed(size):
        blurred = ops.swapaxes(ops.matmul(blurred, _blurring(pixels, blurs)), 1, 2)
    return ops.cast(blurred > 0.5, "float32")


def _random_bits(count, size, seed):
    """Bool `(count, height, width)`: fair bits, independent in a picture and in any two of them.

    On a CPU it takes XLA longer to draw a number for each than the whole training step. So 16 bits
    are made of a number, and of `2 sqrt(count)` pictures all others, as the XOR of two.
    """
    side = ops.cast(ops.ceil(ops.sqrt(ops.cast(count, "float32"))), "int32")
    pixels = int(np.prod(size))
    drawn = keras.random.randint((2 * side, -(-pixels // 16)), 0, 2**16, dtype="int32", seed=seed)
    bits = drawn[..., None] // 2 ** np.arange(16, dtype="int32") % 2
    bits = ops.reshape(bits, (2 * side, -1))[:, :pixels]
    return ops.reshape(bits[:side, None] != bits[side:], (-1, *size))[:count]


def _blurring(pixels, blurs):
    """What a row is to be multiplied by to be blurred: float32 `(pixels, pixels)`."""
    once = np.eye(pixels) / 2 + (np.eye(pixels, k=1) + np.eye(pixels, k=-1)) / 4
    once[0, 0] += 1 / 4
    once[-1, -1] += 1 / 4
    return np.linalg.matrix_power(once, blurs).astype("float32")


def hybrids(images, others, masks):
    """Images that are one picture where a mask is 1 and another one where it is 0.

    Args:
        images, others: float `(n, h, w, channels)`.
        masks: float `(n, h, w)` of zeros and ones, as from `hybrid_masks`.

    Returns:
        float `(n, h, w, channels)`.
    """
    if images.shape != others.shape or masks.shape != images.shape[:-1]:
        raise ValueError(
            f"images of shape {images.shape}, others of {others.shape} and masks of {masks.shape}: "
            "expected (n, h, w, channels) twice and (n, h, w)"
        )
    return ops.where(masks[..., None] > 0, images, others)
