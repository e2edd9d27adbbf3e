"""What a prediction is worth: error with its interval, bits, per layer and class, the mistakes.

Predictions come as goodness (or logits), float `(n, num_classes)`: the largest is the prediction.
"""

import os
from pathlib import Path

import numpy as np

from . import parameters
from .arrays import codes, numbers
from .files import whole


def error(goodness, labels):
    """Fraction of images whose best label is wrong.

    Args:
        goodness: float `(..., n, num_classes)`.
        labels: int `(n,)`.

    Returns:
        float, or an array `(...)` for more predictions at once.

    Raises:
        ValueError: here and below, labels that do not go with the predictions, or NaN.
    """
    goodness, labels = _judged(goodness, labels, ...)
    return np.mean(np.argmax(goodness, axis=-1) != labels, axis=-1)


def _judged(goodness, labels, *more):
    """Predictions and their labels as arrays, or a `ValueError`."""
    goodness = numbers("goodness", goodness, *more, "n", "num_classes")
    n, num_classes = goodness.shape[-2:]
    return goodness, codes("labels", labels, num_classes, n)


def error_interval(goodness, labels):
    """The error and its Wilson score interval, 95 % (Wilson 1927, as in SciPy).

    The interval says how far the figure would move on other images of the same kind; what another
    seed would change comes on top.

    Returns:
        Three fractions: error, lower and upper end.
    """
    goodness, labels = _judged(goodness, labels)
    from scipy.stats import binomtest  # slow to import

    wrong = int(np.sum(np.argmax(goodness, axis=-1) != labels))
    interval = binomtest(wrong, len(labels)).proportion_ci(method="wilson")
    return wrong / len(labels), float(interval.low), float(interval.high)


def bits(logits, labels):
    """The mean of -log2 p(label): how many bits each label costs a reader with these predictions.

    Of the next character it is called bits per character. To know nothing of `num_classes` costs
    log2(num_classes).

    Args:
        logits: float `(n, num_classes)`; the softmax of them predicts. The logarithms of
            probabilities are logits, too.
        labels: int `(n,)`.

    Returns:
        float, 0 or more.
    """
    logits, labels = _judged(logits, labels)
    from scipy.special import log_softmax  # slow to import

    log_p = log_softmax(np.asarray(logits, float), axis=-1)
    return float(-np.mean(log_p[np.arange(len(labels)), labels]) / np.log(2))


def mean_interval(values):
    """The mean of a figure over seeds, and Student's 95 % interval: where more would put it.

    Args:
        values: the figure of each run, at least two of them.

    Returns:
        Three floats: mean, lower and upper end.
    """
    values = numbers("values", values, "n")
    if len(values) < 2:
        raise ValueError(f"{len(values)} value: expected at least two, which differ or not")
    from scipy import stats  # slow to import

    mean = float(np.mean(values))
    reach = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return mean, mean - reach, mean + reach


def confusions(goodness, labels):
    """How often each class (row) was taken for each other (column).

    Returns:
        int64 `(num_classes, num_classes)`, summing to n.
    """
    goodness, labels = _judged(goodness, labels)
    num_classes = goodness.shape[-1]
    pairs = np.asarray(labels, "int64") * num_classes + np.argmax(goodness, axis=-1)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_errors(goodness, labels):
    """The error of each class; NaN for a class without an image.

    Returns:
        float64 `(num_classes,)`.
    """
    matrix = confusions(goodness, labels)
    with np.errstate(invalid="ignore"):
        return 1 - np.diag(matrix) / matrix.sum(axis=1)


def confidently_wrong(goodness, labels, count):
    """Indices of the wrong predictions with the largest lead over the true label, worst first.

    Args:
        count: how many at most.

    Returns:
        int64 `(count or fewer,)`.
    """
    parameters.check(count=count)
    goodness, labels = _judged(goodness, labels)
    lead = goodness.max(axis=-1) - goodness[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(np.argmax(goodness, axis=-1) != labels)
    return wrong[np.argsort(-lead[wrong], kind="stable")][:count]


def write_submission(labels, path="submission.csv"):
    """Write labels as Kaggle's competition "Digit Recognizer" wants them handed in.

    Args:
        labels: int `(n,)`, of the images in `data.x_unlabelled`, in their order.
        path: of the file; an earlier one is replaced once the new one is complete.

    Example:
        `write_submission(model.predict(data.x_unlabelled).argmax(axis=1))`
    """
    labels = codes("labels", labels, None, "n")
    rows = [f"{image},{label}" for image, label in enumerate(labels, start=1)]
    path = Path(os.path.expanduser(path))
    if path.is_dir():
        raise ValueError(f"path={path}: expected that of a file, this is a folder")
    with whole(path) as aside:
        aside.write_text("\n".join(["ImageId,Label", *rows, ""]))
