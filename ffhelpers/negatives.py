"""Positive and negative data: a label written into its image, and wrong labels.

The positive image carries its true label, the negative one a wrong label. A label is one bright
pixel among `num_classes` cleared ones (Hinton 2022, section 3.3), the first of the image by
default.
"""

import keras
import numpy as np
from keras import ops


PATTERNS = ("waves", "masks", "corner")


def label_pixels(image_shape, num_classes, pixels=None):
    """The pixels that hold the label, checked against the image.

    Args:
        image_shape: `(h, w)`, `(h, w, channels)` or, for feature vectors, `(d,)`.
        num_classes: number of classes, at least 2.
        pixels: `num_classes` different indices of pixels, counted along the rows; by default the
            first ones.

    Returns:
        int32 `(num_classes,)`.

    Raises:
        ValueError: too few pixels, a wrong number of them, one twice, or one outside the image.
    """
    size = int(np.prod(image_shape[:2]))
    chosen = np.arange(num_classes) if pixels is None else np.asarray(pixels)
    if num_classes > size:
        raise ValueError(
            f"images of shape {tuple(image_shape)} have {size} pixels, too few for "
            f"{num_classes} label pixels: pad the images"
        )
    if chosen.shape != (num_classes,) or len(np.unique(chosen)) != num_classes:
        raise ValueError(f"pixels={pixels!r}: expected {num_classes} different indices")
    if chosen.min() < 0 or chosen.max() >= size:
        raise ValueError(f"pixels={pixels!r}: expected indices from 0 to {size - 1}")
    return chosen.astype("int32")


def write_label(images, labels, num_classes, pixels=None, brightness=1.0):
    """A copy of the images with a label written into each.

    Args:
        images: float in [0, 1] or uint8, `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`.
        labels: int `(n,)`, from 0 to `num_classes - 1`.
        num_classes: number of classes.
        pixels: see `label_pixels`.
        brightness: value of the label's pixel, in every channel.

    Returns:
        float32, the shape of `images`.

    Raises:
        ValueError: a label outside its range, or pixels that do not fit.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    check_labels(labels, num_classes)
    where = label_pixels(images.shape[1:], num_classes, pixels)
    edited = images.astype("float32")  # astype copies
    if images.dtype == np.uint8:
        edited /= 255
    flat = edited.reshape(len(images), int(np.prod(images.shape[1:3])), -1)  # a view
    flat[:, where] = 0
    flat[np.arange(len(images)), where[labels]] = brightness
    return edited


def label_patterns(image_shape, num_classes, kind="waves"):
    """For each label a picture that can be laid over an image, so that every part of it tells.

    Args:
        image_shape: `(h, w)` or `(h, w, channels)`.
        num_classes: number of classes.
        kind: `"waves"`, cosines that run in different directions, the longest first (Fourier
            patterns, Scodellaro et al. 2023); `"masks"`, -1 or 1 in each pixel by chance, but the
            same ones always; `"corner"`, the pixels of `write_label`, for comparison.

    Returns:
        float32 `(num_classes, h, w)`, from -1 to 1.

    Raises:
        ValueError: an unknown kind, or too few pixels for so many labels.
    """
    height, width = image_shape[:2]
    where = label_pixels(image_shape, num_classes)
    if kind == "corner":
        patterns = np.zeros((num_classes, height * width))
        patterns[range(num_classes), where] = 1
    elif kind == "masks":
        patterns = np.random.default_rng(0).choice([-1, 1], (num_classes, height * width))
    elif kind == "waves":
        # Waves a turn in and against a direction are one, so that half of the plane is enough.
        counts = range(-num_classes, num_classes + 1)
        turns = [(down, right) for down in counts for right in counts if (down, right) > (0, 0)]
        turns = np.array(sorted(turns, key=lambda turn: np.hypot(*turn))[:num_classes])
        y, x = np.mgrid[:height, :width].reshape(2, -1)
        patterns = np.cos(
            2 * np.pi * (np.outer(turns[:, 0], y / height) + np.outer(turns[:, 1], x / width))
        )
    else:
        raise ValueError(f"patterns={kind!r}: expected one of {', '.join(PATTERNS)}")
    return patterns.reshape(num_classes, height, width).astype("float32")


def check_labels(labels, num_classes):
    """Refuse what are not labels.

    Raises:
        ValueError: not integers, or one outside 0 … `num_classes - 1`; one-hot labels too.
    """
    labels = np.asarray(labels)
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels of dtype {labels.dtype}: expected integers, one for each image")
    if labels.size and not (0 <= labels.min() and labels.max() < num_classes):
        wrong = labels.max() if labels.min() >= 0 else labels.min()
        raise ValueError(f"label {wrong}: expected 0 to {num_classes - 1} (num_classes - 1)")


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
    drawn = ops.where(truth, -np.inf, logits - ops.log(-ops.log(noise)))
    if count is None or count == 1:  # sorting for the best alone would cost twice as much
        best = ops.argmax(drawn, axis=-1, keepdims=count == 1)
    else:
        _, best = ops.top_k(drawn, count)
    return ops.cast(best, "int32")


@keras.saving.register_keras_serializable(package="ffhelpers")
class LabelInImage(keras.layers.Layer):
    """The source of a supervised network's streams: each image under several labels.

    A stream is an image with one label in it. What enters the first block is a pair: the images,
    and how bright each label pixel is in each stream, float `(n or 1, streams, num_classes)`.

    Args:
        num_classes: number of classes, at least 2.
        negatives: `"hard"` (see `hard_labels`), `"uniform"` (see `uniform_labels`), both drawn
            anew for every batch, or `"given"`: the labels passed to `fit` are then int `(n, 2)`,
            the true and the wrong label of each image.
        hardness: see `hard_labels`.
        count: different wrong labels of each image in a batch, a stream each. Not with `"given"`.
        seed: of the draws; its state is saved with the model.

    Raises:
        ValueError: `num_classes` below 2, unknown `negatives`, or a `count` of wrong labels that
            there are not.
    """

    choices = ("hard", "uniform", "given")

    def __init__(self, num_classes, negatives="hard", hardness=10.0, count=1, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_classes, (int, np.integer)) or num_classes < 2:
            raise ValueError(f"num_classes={num_classes!r}: expected an integer, at least 2")
        if negatives not in self.choices:
            raise ValueError(f"negatives={negatives!r}: expected one of {', '.join(self.choices)}")
        if count not in range(1, 2 if negatives == "given" else num_classes):
            raise ValueError(f"count={count!r}: expected 1 to {num_classes - 1}, 1 with 'given'")
        self.num_classes, self.negatives = int(num_classes), negatives
        self.hardness, self.count, self.seed = hardness, count, seed
        self.draws = keras.random.SeedGenerator(seed)

    def training(self, x, y):
        """What enters the first block, and which of its streams is positive: the first."""
        y = ops.cast(y, "int32")
        pair = ops.reshape(y, (-1, 2)) if self.negatives == "given" else None
        true = ops.reshape(y, (-1,)) if pair is None else pair[:, 0]

        def pick(goodness):
            if pair is not None:
                wrong = pair[:, 1:]
            elif self.negatives == "uniform" and self.count == 1:
                wrong = uniform_labels(true, self.num_classes, self.draws)[:, None]
            else:
                hardness = self.hardness if self.negatives == "hard" else 0.0
                wrong = hard_labels(true, goodness, hardness, self.draws, self.count)
            labels = ops.concatenate([true[:, None], wrong], axis=1)
            return ops.one_hot(labels, self.num_classes)

        return x, {"labels": pick}, ops.zeros_like(true)

    def candidates(self, x):
        """What enters the first block for prediction: each image under every label."""
        return x, {"labels": ops.eye(self.num_classes)[None]}

    def neutral(self, x):
        """One stream, in which every label is equally bright: `1 / num_classes`."""
        return x, {"labels": ops.full((1, 1, self.num_classes), 1 / self.num_classes)}

    # Keras saves weights, and a generator's state is none.

    def save_own_variables(self, store):
        store["draws"] = self.draws.state

    def load_own_variables(self, store):
        self.draws.state.assign(store["draws"])

    def get_config(self):
        own = ("num_classes", "negatives", "hardness", "count", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
