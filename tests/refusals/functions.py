"""Functions of arrays: labels, negatives, goodness, copies, evaluation, text, n-grams, pictures."""

import numpy as np

import ffhelpers as ff
from ffhelpers import evaluation, playground, plots, text
from ffhelpers.ngrams import NGrams

from . import table
from .fitting import CLASSES, INF, NAN, N, X, Y, network, with_value
from .parts import NO_CLASSES, NO_COUNT, NO_FROM_0, each

GOODNESS = np.random.default_rng(1).random((N, CLASSES))
HOLES = np.where(GOODNESS > 0.5, NAN, GOODNESS)
CODES = np.random.default_rng(2).integers(0, 5, (40, 30))
RNG = np.random.default_rng(3)

LABELS = table(
    "write_label",
    *each("num_classes", NO_CLASSES, lambda v: ff.write_label(X, Y, v)),
    ("fewer labels than images", lambda: ff.write_label(X, Y[:5], CLASSES), "5 labels"),
    ("more labels than images", lambda: ff.write_label(X[:5], Y, CLASSES), "24 labels"),
    ("a label above the last class", lambda: ff.write_label(X, Y + 4, CLASSES), "label 7"),
    ("a label below 0", lambda: ff.write_label(X, Y - 1, CLASSES), "label -1"),
    ("labels of floats", lambda: ff.write_label(X, Y / 2, CLASSES), "float64"),
    ("one-hot labels", lambda: ff.write_label(X, np.eye(4, dtype=int)[Y], CLASSES), "(24, 4)"),
    ("pictures of 12 bits", lambda: ff.write_label(4095 * X, Y, CLASSES), "a label's pixel is 1"),
    ("a single label", lambda: ff.write_label(X, 3, CLASSES), "labels of shape ()"),
    (
        "masked labels",
        lambda: ff.write_label(X, np.ma.masked_less(Y, 1), CLASSES),
        "labels, some of them masked",
    ),
    ("a column of labels", lambda: ff.write_label(X, Y[:, None], CLASSES), "(24, 1)"),
    ("no images", lambda: ff.write_label(X[:0], Y[:0], CLASSES), "(0, 6, 6)"),
    ("one image", lambda: ff.write_label(X[0, 0], Y[:1], CLASSES), "(6,)"),
    ("images of NaN", lambda: ff.write_label(with_value(NAN), Y, CLASSES), "nan"),
    ("images of strings", lambda: ff.write_label(X.astype(str), Y, CLASSES), "dtype <U"),
    ("images up to 255 as floats", lambda: ff.write_label(255 * X, Y, CLASSES), "255"),
    ("more classes than pixels", lambda: ff.write_label(X, Y, 37), "37", "shown"),
    *each(
        "brightness", [NAN, INF, "1", -1], lambda v: ff.write_label(X, Y, CLASSES, brightness=v)
    ),
    *each(
        "pixels",
        [[0, 1], [0, 0, 1, 2], [0, 1, 2, 99], "abcd"],
        lambda v: ff.write_label(X, Y, CLASSES, v),
    ),
)

NEGATIVES = table(
    "negatives",
    *each("num_classes", NO_CLASSES, lambda v: ff.uniform_labels(Y, v, 1)),
    (
        "uniform, a label above the last class",
        lambda: ff.uniform_labels(Y + 4, CLASSES, 1),
        "label 7",
    ),
    ("uniform, labels of floats", lambda: ff.uniform_labels(Y / 2, CLASSES, 1), "float64"),
    (
        "uniform, one-hot",
        lambda: ff.uniform_labels(np.eye(4, dtype=int)[Y], CLASSES, 1),
        "(24, 4)",
    ),
    ("uniform, a column", lambda: ff.uniform_labels(Y[:, None], CLASSES, 1), "(24, 1)"),
    ("hard, a column", lambda: ff.hard_labels(Y[:, None], GOODNESS, 1.0, 1), "(24, 1)"),
    ("a seed that is none", lambda: ff.uniform_labels(Y, CLASSES, "one"), "one", "theirs"),
    (
        "hard, a label above the last class",
        lambda: ff.hard_labels(Y + 4, GOODNESS, 1.0, 1),
        "label 7",
    ),
    ("hard, goodness of other images", lambda: ff.hard_labels(Y, GOODNESS[:5], 1.0, 1), "(5, 4)"),
    ("hard, goodness without classes", lambda: ff.hard_labels(Y, GOODNESS[:, 0], 1.0, 1), "(24,)"),
    ("hard, goodness of NaN", lambda: ff.hard_labels(Y, HOLES, 1.0, 1), "nan"),
    *each("hardness", NO_FROM_0, lambda v: ff.hard_labels(Y, GOODNESS, v, 1)),
    *each("count", [0, -1, 4, 1.5, "1"], lambda v: ff.hard_labels(Y, GOODNESS, 1.0, 1, v)),
    *each("blurs", [-1, 1.5, "2", True, None], lambda v: ff.hybrid_masks(3, (6, 6), v, 1)),
    *each(
        "size",
        [(6,), (0, 6), (6, -1), (6, 2.5), 6, "66", None],
        lambda v: ff.hybrid_masks(3, v, 1, 1),
    ),
    *each("count", [0, -1, 1.5, "3"], lambda v: ff.hybrid_masks(v, (6, 6), 1, 1)),
    (
        "hybrids of other shapes",
        lambda: ff.hybrids(X[..., None], X[:, :5, :, None], X),
        "(24, 5, 6, 1)",
    ),
    (
        "hybrids with masks of another shape",
        lambda: ff.hybrids(X[..., None], X[..., None], X[:, :5]),
        "(24, 5, 6)",
    ),
    ("hybrids of fewer masks", lambda: ff.hybrids(X[..., None], X[..., None], X[:1]), "(1, 6, 6)"),
)

MEASURES = table(
    "goodness",
    *each("kind", ["loud", None, 3], lambda v: ff.goodness(GOODNESS, v), says="goodness="),
    ("of strings", lambda: ff.goodness(np.array(["a"])), "dtype"),
    ("of a number", lambda: ff.goodness(3.0), "()"),
    ("of no units", lambda: ff.goodness(np.zeros((3, 0))), "(3, 0)"),
    ("normalize a number", lambda: ff.normalize(3.0), "()"),
    ("normalize no units", lambda: ff.normalize(np.zeros((3, 0))), "(3, 0)"),
    ("normalize strings", lambda: ff.normalize(np.array(["a"])), "dtype"),
    *each("epsilon", [-1.0, NAN, "1"], lambda v: ff.normalize(GOODNESS, v)),
    ("channels that classes cannot share", lambda: ff.ClassChannels(3)(GOODNESS), "4 channels"),
)


def batches(x=X, y=Y, size=4, **kwargs):
    return ff.batches(x, y, size, **kwargs)


COPIES = table(
    "batches",
    *each("batch_size", NO_COUNT, lambda v: batches(size=v)),
    *each("shift", [-1, 1.5, "2", True, NAN, None], lambda v: batches(shift=v)),
    *each("flip", ["yes", 1, None], lambda v: batches(flip=v)),
    ("a shift as large as the picture", lambda: batches(X[:, :5], shift=5), "shift=5"),
    ("a shift of vectors", lambda: batches(X.reshape(N, -1), shift=1), "(36,)"),
    ("flipped vectors", lambda: batches(X.reshape(N, -1), flip=True), "(36,)"),
    ("more images than labels", lambda: batches(y=Y[:5]), "24 images and 5 labels"),
    ("moved, beside negatives", lambda: batches(y=X[::-1], shift=1), "shift"),
    ("flipped, beside negatives", lambda: batches(y=X[::-1], flip=True), "flip"),
    ("no images", lambda: batches(X[:0], Y[:0]), "(0, 6, 6)"),
    ("images of NaN", lambda: batches(with_value(NAN)), "nan"),
    ("images of strings", lambda: batches(X.astype(str)), "dtype <U"),
    ("images up to 255 as floats", lambda: batches(np.rint(255 * X)), "255"),
    ("ragged images", lambda: batches([X[0], X[1][:2]], Y[:2]), "several shapes"),
    ("labels of strings", lambda: batches(y=Y.astype(str)), "dtype <U"),
    ("labels of floats", lambda: batches(y=Y + 0.5), "float64"),
    ("masked labels", lambda: batches(y=np.ma.masked_less(Y, 1)), "labels, some of them masked"),
    ("labels below 0", lambda: batches(y=Y - 5), "label -"),
    ("average_copies, a shift too far", lambda: ff.average_copies(len, X, shift=6), "shift=6"),
    (
        "average_copies, flipped vectors",
        lambda: ff.average_copies(len, X.reshape(N, -1), flip=True),
        "(36,)",
    ),
    ("average_copies, no images", lambda: ff.average_copies(len, X[:0]), "(0, 6, 6)"),
    ("average_copies, images of NaN", lambda: ff.average_copies(len, with_value(NAN)), "nan"),
    ("average_copies, predictions as predict", lambda: ff.average_copies(GOODNESS, X), "predict="),
)

JUDGES = {
    "error": evaluation.error,
    "error_interval": evaluation.error_interval,
    "bits": evaluation.bits,
    "confusions": evaluation.confusions,
    "class_errors": evaluation.class_errors,
    "confidently_wrong": lambda g, y: evaluation.confidently_wrong(g, y, 3),
}
EVALUATION = table(
    "evaluation",
    *(
        (f"{name}, {what}", lambda judge=judge, g=g, y=y: judge(g, y), says)
        for name, judge in JUDGES.items()
        for what, g, y, says in (
            ("fewer labels than predictions", GOODNESS, Y[:5], "(5,)"),
            ("one label", GOODNESS, 1, "()"),
            ("one-hot labels", GOODNESS, np.eye(4)[Y], "(24, 4)"),
            ("a label above the last class", GOODNESS, Y + 4, "label 7"),
            ("a label below 0", GOODNESS, Y - 4, "label -4"),
            ("labels of floats", GOODNESS, Y + 0.5, "float64"),
            ("labels as strings", GOODNESS, Y.astype(str), "<U"),
            ("no prediction", GOODNESS[:0], Y[:0], "(0, 4)"),
            ("labels for predictions", Y, Y, "(24,)"),
            ("NaN among predictions", HOLES, Y, "nan"),
            ("predictions of strings", GOODNESS.astype(str), Y, "<U"),
        )
    ),
    *each(
        "values",
        [[], [1.0, NAN], ["a", "b"], 3.0, [[1.0, 2.0]]],
        evaluation.mean_interval,
        says="values",
    ),
    *each("count", [0, -1, 1.5, "3"], lambda v: evaluation.confidently_wrong(GOODNESS, Y, v)),
    (
        "write_submission, goodness for labels",
        lambda: evaluation.write_submission(GOODNESS),
        "(24, 4)",
    ),
    ("write_submission, NaN", lambda: evaluation.write_submission([NAN]), "float64"),
    ("write_submission, half labels", lambda: evaluation.write_submission([0.5]), "float64"),
    ("write_submission, no label", lambda: evaluation.write_submission([]), "(0,)"),
    (
        "write_submission, a folder",
        lambda: evaluation.write_submission([1], "empty"),
        "path=empty",
    ),
    (
        "write_submission, into no folder",
        lambda: evaluation.write_submission([1], "none/s.csv"),
        "none",
        "theirs",
    ),
)

TEXT = table(
    "text",
    *each("length", NO_COUNT, lambda v: ff.load_text("python", v)),
    ("strings longer than the text", lambda: ff.load_text("python", 10**7), "10000000"),
    *each("text", [None, 3, NAN, ["python"], b"python"], ff.load_text),
    *each("text", [None, 3, b"bytes", ["a"]], text.folded),
    *each("length", [0, -1, 31, 1.5, "3"], lambda v: text.windows(CODES, v)),
    ("windows of one string", lambda: text.windows(CODES[0], 3), "(30,)"),
    ("one_hot, a code above the last symbol", lambda: text.one_hot(CODES, 3), "code 4"),
    ("one_hot, a code below 0", lambda: text.one_hot(CODES - 1, 5), "code -1"),
    ("one_hot, floats", lambda: text.one_hot(CODES / 2, 5), "float64"),
    *each("count", [0, -1, 1.5, "3"], lambda v: text.one_hot(CODES, v)),
    *each("temperature", NO_FROM_0, lambda v: text.draw(GOODNESS, v, RNG)),
    ("draw, NaN", lambda: text.draw(HOLES, 1.0, RNG), "nan"),
    ("draw, one row", lambda: text.draw(GOODNESS[0], 1.0, RNG), "(4,)"),
    *each("rng", [1, None, "one"], lambda v: text.draw(GOODNESS, 1.0, v)),
    *each(
        "steps",
        [0, -1, 1.5, "3"],
        lambda v: text.roll_out(lambda w: GOODNESS, CODES[:N], v, 1.0, RNG),
    ),
    (
        "roll_out, one start",
        lambda: text.roll_out(lambda w: GOODNESS, CODES[0], 3, 1.0, RNG),
        "(30,)",
    ),
    ("roll_out, no function", lambda: text.roll_out(GOODNESS, CODES, 3, 1.0, RNG), "predict="),
)

NGRAMS = table(
    "ngrams",
    *each("symbols", [0, -1, 1.5, "3", True], lambda v: NGrams(CODES, v)),
    ("a code above the last symbol", lambda: NGrams(CODES, 3), "code 4"),
    ("a code below 0", lambda: NGrams(CODES - 1, 5), "code -1"),
    ("one window", lambda: NGrams(CODES[0], 5), "(30,)"),
    ("no window", lambda: NGrams(CODES[:0], 5), "(0, 30)"),
    ("windows of floats", lambda: NGrams(CODES / 2, 5), "float64"),
    (
        "contexts shorter than the order",
        lambda: NGrams(CODES[:, :4], 5).probabilities(CODES[:, :2]),
        "(40, 2)",
    ),
    (
        "contexts of other symbols",
        lambda: NGrams(CODES[:, :4], 5).probabilities(CODES + 1),
        "code 5",
    ),
)

PLOTS = table(
    "plots",
    ("all images of a set", lambda: plots.images(np.zeros((501, 2, 2))), "at most 500"),
    ("all images, labelled", lambda: plots.labelled(np.zeros((501, 2, 2)), 2), "at most 500"),
    ("images of two sizes", lambda: plots.images([X[0], X[0, :3]]), "several shapes"),
    ("pictures up to 255 as floats", lambda: plots.images(255 * X), "divide"),
    ("fewer titles than images", lambda: plots.images(X, ["a"]), "1 titles"),
    ("fewer colours than images", lambda: plots.labelled(X, 4, colors=["red"]), "1 colors"),
    *each("columns", [0, -1, 1.5, "3"], lambda v: plots.images(X, columns=v)),
    ("an image without its batch", lambda: plots.images(X[0, 0]), "(6,)"),
    ("images of strings", lambda: plots.images(X.astype(str)), "<U"),
    ("images with five axes", lambda: plots.images(X[None, None]), "(1, 1, 24, 6, 6)"),
    ("labelled, no images", lambda: plots.labelled(X[:0], 4), "none"),
    *each("count", [0, -1, 37, 1.5, "3"], lambda v: plots.labelled(X, v)),
    (
        "confusions, fewer names than classes",
        lambda: plots.confusions(np.eye(4), ["a"]),
        "1 names",
    ),
    ("confusions, no square", lambda: plots.confusions(np.ones((4, 3)), list("abcd")), "(4, 3)"),
)


def drawn(images, names="abcd"):
    return playground.show({"dense": network()}, images, list(names))


PLAYGROUND = table(
    "playground",
    ("pictures in colour", lambda: drawn(np.stack([X[:4]] * 3, -1)), "(4, 6, 6, 3)"),
    ("pictures of another size", lambda: drawn(X[:4, :5]), "(4, 5, 6)"),
    ("fewer pictures than classes", lambda: drawn(X[:3], "abc"), "(3, 6, 6)"),
    ("fewer names than classes", lambda: drawn(X[:4], "abc"), "3 names"),
    ("one picture", lambda: drawn(X[0]), "(6, 6)"),
)

CASES = LABELS + NEGATIVES + MEASURES + COPIES + EVALUATION + TEXT + NGRAMS + PLOTS + PLAYGROUND
