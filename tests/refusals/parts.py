"""Constructors: blocks, labels, sources, losses, goodness, networks, the machine."""

import contextlib
import math

import keras
import numpy as np

import ffhelpers as ff

from . import table

NAN, INF = math.nan, math.inf
# What no whole number of units, pixels or batches is.
NO_COUNT = [0, -1, 1.5, True, "2", None, NAN, 2.0]
NO_CLASSES = [0, 1, -2, 2.5, True, "3", NAN]
NO_POSITIVE = [0, -1.0, NAN, INF, "1", True]
NO_FROM_0 = [-1e-9, NAN, INF, "1", True]
NO_PART = [-0.1, 1.0, NAN, "0.1", True]  # from 0 to below 1


def each(name, values, make, says=None):
    """A row for each value of an argument."""
    return [
        (f"{name}={value!r}", lambda value=value: make(value), says or f"{name}={value!r}")
        for value in values
    ]


def labelled():
    return ff.Labelled(ff.Dense(8), ff.LabelPixels(4))


def built(block, shape):
    return block.build((None, *shape))


class Unregistered:
    def __call__(self, h):
        return h


BLOCKS = table(
    "blocks",
    *each("units", NO_COUNT, ff.Dense),
    *each("dropout", NO_PART, lambda v: ff.Dense(3, dropout=v)),
    *each("goodness", ["loud", 3, None, "", "MEAN_SQUARE"], lambda v: ff.Dense(3, goodness=v)),
    (
        "goodness not registered",
        lambda: ff.Dense(3, goodness=lambda h: h),
        "register_keras_serializable",
    ),
    (
        "goodness of a class not registered",
        lambda: ff.Dense(3, goodness=Unregistered()),
        "Unregistered",
    ),
    ("an unknown activation", lambda: ff.Dense(3, activation="rleu"), "rleu", "theirs"),
    (
        "units that the classes cannot share",
        lambda: ff.Dense(7, goodness=ff.ClassChannels(4)),
        "7 channels",
    ),
    *each("normalized", ["yes", 2, None], lambda v: ff.Dense(3, normalized=v)),
    *each(
        "kernel_size", [0, -3, 2.5, (3,), (3, 3, 3), (3, 0), "3", None], lambda v: ff.Conv(8, v)
    ),
    *each("pool", NO_COUNT, lambda v: ff.Conv(8, pool=v)),
    *each("normalization", ["l2", "", None, 1], lambda v: ff.Conv(8, normalization=v)),
    *each("kernel_size", [0, (1, 2, 3), "a"], lambda v: ff.Local(8, v)),
    *each("strides", [0, -1, (0, 1), 1.5, None], lambda v: ff.Local(8, 3, v)),
    *each("damping", NO_PART, lambda v: ff.RecurrentDense(8, damping=v)),
    *(
        (
            f"{shape} smaller than the pool",
            lambda shape=shape: built(ff.Conv(8, pool=2), shape),
            f"{shape}",
        )
        for shape in ((1, 1, 1), (3, 1, 1), (1, 5, 3))
    ),
    ("a convolution of vectors", lambda: built(ff.Conv(8), (36,)), "(36,)"),
    *(
        (
            f"{shape} smaller than a field",
            lambda shape=shape: built(ff.Local(8, (4, 3)), shape),
            f"{shape}",
        )
        for shape in ((3, 2, 1), (3, 8, 1), (9, 2, 3))
    ),
    ("fields of vectors", lambda: built(ff.Local(8, 7), (36,)), "(36,)"),
    (
        "a label for no block",
        lambda: ff.Labelled(keras.layers.Dense(8), ff.LabelPixels(4)),
        "block=",
    ),
    ("a width for a block", lambda: ff.Labelled(8, ff.LabelPixels(4)), "block=8"),
    ("a block that reads no label", lambda: ff.Labelled(ff.Dense(8), 4), "label=4"),
    (
        "a label for a block whose channels belong to classes",
        lambda: ff.Labelled(ff.Dense(8, goodness=ff.ClassChannels(4)), ff.LabelPixels(4)),
        "block=",
    ),
    (
        "a label under batch normalisation",
        lambda: ff.Labelled(ff.Conv(8, normalization="batch"), ff.LabelPixels(4)),
        "normalization='batch'",
    ),
)

LABELS = table(
    "labels",
    *each("num_classes", NO_CLASSES, ff.LabelPixels),
    *each("num_classes", NO_CLASSES, ff.LabelPatterns),
    *each("brightness", NO_POSITIVE, lambda v: ff.LabelPixels(4, brightness=v)),
    *each("patterns", ["stripes", "", 1, None], lambda v: ff.LabelPatterns(4, v)),
    *each(
        "pixels",
        ["abcd", [0, 1, 2], [0, 1, 2, 2], [0, 1, 2, -1], [0, 1, 2, 2.5], 4, [[0, 1, 2, 3]]],
        lambda v: ff.LabelPixels(4, v),
    ),
    (
        "pixels outside the picture",
        lambda: built(ff.Labelled(ff.Dense(8), ff.LabelPixels(2, [0, 36])), (6, 6)),
        "[0, 36]",
    ),
    (
        "more classes than pixels",
        lambda: built(ff.Labelled(ff.Dense(8), ff.LabelPixels(37)), (6, 6)),
        "37",
        "shown",
    ),
    (
        "patterns over vectors",
        lambda: built(ff.Labelled(ff.Dense(8), ff.LabelPatterns(4)), (36,)),
        "(36,)",
    ),
    ("more patterns than pixels", lambda: ff.label_patterns((2, 2), 5), "(2, 2)", "shown"),
    ("patterns over no pixels", lambda: ff.label_patterns((0, 4), 2), "(0, 4)", "shown"),
    *each("num_classes", NO_CLASSES, lambda v: ff.label_patterns((6, 6), v)),
)

SOURCES = table(
    "sources",
    *each("num_classes", NO_CLASSES, ff.LabelInImage),
    *each("num_classes", NO_CLASSES, ff.Images),
    *each("num_classes", NO_CLASSES, ff.GivenLabels),
    *each("num_classes", NO_CLASSES, ff.ClassChannels),
    *each("negatives", ["soft", "", None, 1], lambda v: ff.LabelInImage(4, v)),
    *each("hardness", NO_FROM_0, lambda v: ff.LabelInImage(4, hardness=v)),
    *each("count", [0, 4, -1, 1.5, None, "1", True], lambda v: ff.LabelInImage(4, count=v)),
    *each("seed", [-1, 1.5, "one", NAN], lambda v: ff.LabelInImage(4, seed=v)),
    *each("source", ["hard", 3, None, ff.LabelInImage], ff.Hardest),
    *each("part", [0, -0.5, 1.5, NAN, "half", True], lambda v: ff.Hardest(ff.Images(4), v)),
    *each("reach", NO_FROM_0, lambda v: ff.Adversarial(ff.Images(4), v)),
    *each("blurs", [-1, 1.5, "2", True, NAN], ff.HybridImages),
    *each("batches", NO_COUNT, lambda v: ff.Phases(ff.LabelInImage(4), v)),
    *each("batches", NO_COUNT, lambda v: ff.PhaseAdam(batches=v)),
    *each("amsgrad", [True], lambda v: ff.PhaseAdam(amsgrad=v)),
    *each("source", [None, "hard"], ff.Phases),
    (
        "phases of a source with all classes in one stream",
        lambda: ff.Phases(ff.Images(4)),
        "Images",
    ),
    ("hybrids of vectors", lambda: ff.HybridImages().build((None, 36)), "(36,)"),
    ("built for no shape", lambda: ff.ForwardForward([8], num_classes=4).build(None), "for None"),
    ("built for any size", lambda: ff.Images(4).build((None, None, 6)), "(None, None, 6)"),
    *each("kind", ["loud", 3], lambda v: ff.ClassChannels(4, v), says="goodness="),
)


class OfBatch(ff.LocalLoss):
    def call(self, signs, goodness):
        return keras.ops.mean(signs * goodness)


class OfStreams(ff.LocalLoss):
    def call(self, signs, goodness):
        return signs * goodness


LOSSES = table(
    "losses",
    *each("theta", NO_POSITIVE, ff.ThresholdLoss),
    *each("scale", NO_POSITIVE, lambda v: ff.ThresholdLoss(scale=v)),
    *each("scale", NO_POSITIVE, ff.PairwiseLoss),
    *each("pull", NO_FROM_0, lambda v: ff.PairwiseLoss(pull=v)),
    *each("smoothing", NO_PART, lambda v: ff.SoftmaxLoss(smoothing=v)),
    *each("strength", NO_FROM_0, ff.PeerNormalization),
    *each("theta", NO_POSITIVE, lambda v: ff.threshold_loss(1.0, 1.0, theta=v)),
    *each("scale", NO_POSITIVE, lambda v: ff.threshold_loss(1.0, 1.0, scale=v)),
    *each("scale", NO_POSITIVE, lambda v: ff.pairwise_loss(1.0, 1.0, scale=v)),
    *(
        (
            f"a loss that is {found}",
            lambda loss=loss: loss()(np.ones((1, 2)), np.ones((3, 2))),
            f"{loss.__name__} of goodness (3, 2) has the shape {found}: expected (n,)",
        )
        for loss, found in ((OfBatch, "()"), (OfStreams, "(3, 2)"))
    ),
    (
        "streams of one sign for a loss that compares",
        lambda: ff.PairwiseLoss()(np.ones((1, 2)), np.ones((3, 2))),
        "PairwiseLoss",
    ),
)


def network(blocks=(8,), **kwargs):
    return ff.ForwardForward(list(blocks), **{"num_classes": 4, **kwargs})


def compiled(**kwargs):
    return network().compile(**kwargs)


@keras.saving.register_keras_serializable()
def of_all(h):
    return keras.ops.mean(h)


@keras.saving.register_keras_serializable()
def of_examples(h):
    return keras.ops.mean(h, axis=1)


@keras.saving.register_keras_serializable()
def of_units(h):
    return keras.ops.mean(h, axis=-1, keepdims=True)


def two_places(block):
    return network([ff.Labelled(block, ff.LabelPixels(4)), block])


NETWORKS = table(
    "networks",
    *each("blocks", [[], None, "ab", 8, {}], lambda v: ff.ForwardForward(v, num_classes=4)),
    *each("width", [0, -1, 1.5, True, "8", NAN], lambda v: network([v]), says="units="),
    ("None among the widths", lambda: network([8, None]), "units=None"),
    *each("num_classes", NO_CLASSES, lambda v: network(num_classes=v)),
    *each("silent_blocks", [1, -1, 0.5, "0", None], lambda v: network(silent_blocks=v)),
    *each("negatives", ["soft", "", 3, None], lambda v: network(source=v)),
    ("no number of classes", lambda: ff.ForwardForward([8]), "num_classes=None"),
    ("Keras's layer as a block", lambda: network([keras.layers.Dense(8)]), "no goodness"),
    ("two blocks that read labels", lambda: network([labelled(), labelled()]), "2 of 2"),
    ("no block that reads labels", lambda: network([ff.Dense(8)]), "0 of 1"),
    (
        "a label that nobody tries",
        lambda: network([labelled()], source=ff.HybridImages()),
        "1 of 1",
    ),
    (
        "classes that differ between source and network",
        lambda: network(source=ff.LabelInImage(5)),
        "5 classes",
    ),
    (
        "classes that differ between block and source",
        lambda: network([labelled()], num_classes=5),
        "4 classes",
    ),
    (
        "classes that differ between channels and source",
        lambda: network([ff.Conv(14, goodness=ff.ClassChannels(7))], source=ff.Images(4)),
        "7 classes",
    ),
    (
        "classes without channels of their own",
        lambda: network([ff.Dense(8)], source=ff.Images(4)),
        "ClassChannels",
    ),
    *each("loss", ["mse", 3], lambda v: compiled(loss=v)),
    *each("loss_weights", [0.5, [1.0]], lambda v: compiled(loss_weights=v)),
    ("a loss of labels", lambda: compiled(loss=keras.losses.MeanSquaredError()), "loss=<"),
    ("an unknown optimiser", lambda: compiled(optimizer="adamm"), "adamm", "theirs"),
    ("a number as optimiser", lambda: compiled(optimizer=3), "3", "theirs"),
    ("an unknown metric", lambda: compiled(metrics=["acuracy"]), "acuracy"),
    ("an unknown metric, as a string", lambda: compiled(metrics="acuracy"), "acuracy"),
    ("a number as metric", lambda: compiled(metrics=[3]), "3"),
    (
        "a metric of one-hot labels, F1",
        lambda: compiled(metrics=[keras.metrics.F1Score()]),
        "f1_score",
    ),
    (
        "a metric of one-hot labels, AUC",
        lambda: compiled(metrics=[keras.metrics.AUC(name="auc")]),
        "auc",
    ),
    ("a metric of probabilities", lambda: compiled(metrics=["Precision"]), "Precision"),
    *each(
        "steps_per_execution",
        [0, -1, 1.5, "many", None],
        lambda v: compiled(steps_per_execution=v),
    ),
    *each("jit_compile", ["yes", 2, None], lambda v: compiled(jit_compile=v)),
    *each(
        "iterations",
        [[], [0], [1], [3, -1], [2.5], 3, None],
        lambda v: ff.Recurrent([8, 8], num_classes=4, iterations=v),
    ),
    *each("loudness", NO_POSITIVE, lambda v: ff.Recurrent([8], num_classes=4, loudness=v)),
    (
        "another kind of block under recurrence",
        lambda: ff.Recurrent([ff.Dense(8)], num_classes=4),
        "RecurrentDense",
    ),
    (
        "a source without labels to try under recurrence",
        lambda: ff.Recurrent([8], source=ff.ImageSums()),
        "ImageSums",
    ),
    (
        "a source that asks for a first block under recurrence",
        lambda: ff.Recurrent([8], source=ff.Hardest(ff.LabelInImage(4))),
        "Hardest",
    ),
    *(
        (
            f"a goodness of another shape, {kind.__name__}",
            lambda kind=kind: ff.Dense(9, goodness=kind).goodness(np.ones((4, 2, 9), "float32")),
            "as of a mean over axis=-1",
        )
        for kind in (of_all, of_examples, of_units)
    ),
    (
        "a block in two places twice, once with a label",
        lambda: two_places(ff.Dense(36)),
        "is there twice",
    ),
    (
        "a block in two places",
        lambda: network([8] + 2 * [ff.Dense(8)]),
        "is there twice",
    ),
    (
        "a weighted metric of another kind",
        lambda: network().compile(weighted_metrics=["AUC"]),
        "metrics='AUC'",
    ),
    ("one pass through what is no network", lambda: ff.OnePass(keras.Sequential()), "network="),
    ("one pass through a number", lambda: ff.OnePass(3), "network=3"),
    (
        "one pass through what predicts in one",
        lambda: ff.OnePass(
            network([ff.Dense(8, goodness=ff.ClassChannels(4))], source=ff.Images(4))
        ),
        "predicts in one pass",
    ),
    *each("num_classes", [0, 1, 2.5, "3"], lambda v: ff.OnePass(network(), num_classes=v)),
    (
        "no classes at all for one pass",
        lambda: ff.OnePass(network(source=ff.ImageSums(), num_classes=None)),
        "num_classes=None",
    ),
)

MACHINE = table(
    "setup",
    *each("seed", [-1, 2**32, 1.5, "one", True, NAN], ff.setup),
    *each(
        "precision",
        ["float8", "", None, 16, "float64", "float16"],
        lambda v: ff.setup(precision=v),
    ),
    *each("strategy", ["mirrored", 2, "", "none"], lambda v: ff.setup(strategy=v)),
    ("the same bits without a seed", lambda: ff.setup(deterministic=True), "seed=None"),
    *each("deterministic", ["yes", 2, None], lambda v: ff.setup(seed=1, deterministic=v)),
)


@contextlib.contextmanager
def keras_with(setting, value, usual):
    getattr(keras.config, f"set_{setting}")(value)
    try:
        yield
    finally:
        getattr(keras.config, f"set_{setting}")(usual)


def under(setting, value, usual="float32"):
    with keras_with(setting, value, usual):
        network()


TYPES = table(
    "types of numbers",
    *(
        (f"policy {v}", lambda v=v: under("dtype_policy", v), v)
        for v in ("float64", "float16", "bfloat16")
    ),
    *(
        (f"floatx {v}", lambda v=v: under("floatx", v), f"floatx={v!r}")
        for v in ("float64", "float16")
    ),
    ("a block of float64", lambda: network([8, ff.Dense(8, dtype="float64")]), "float64"),
    (
        "a block of float64 that reads a label",
        lambda: ff.Labelled(ff.Dense(8, dtype="float64"), ff.LabelPixels(10)),
        "float64",
    ),
)

CASES = TYPES + BLOCKS + LABELS + SOURCES + LOSSES + NETWORKS + MACHINE
