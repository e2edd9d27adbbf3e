"""Ablations: recipes that differ in one thing, trained for equally many epochs, and compared.

A recipe is a `Recipe`; `run` trains some of them, `ff.table` compares what came out, `show` prints
it.
"""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from . import evaluation
from .augmentation import batches
from .labels import LabelPixels
from .layers import Dense, Labelled
from .losses import PairwiseLoss, PeerNormalization, SoftmaxLoss, ThresholdLoss
from .machine import watched
from .model import ForwardForward
from .negatives import hard_labels
from .parameters import ParameterError, shown
from .running import tables
from .phases import Phases
from .sources import GivenLabels, LabelInImage
from .trainer import DivergedError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that an ablation varies. The defaults are our choice.

    Attributes:
        widths: units of each dense layer.
        loss: a `LocalLoss`.
        source: called with the number of classes, it gives the `Source`.
        wrong: wrong labels that are given beside the true ones: `"fixed"`, drawn once for each
            image, or `"shuffled"`, which are true for about a tenth of the images.
        goodness: see `goodness.get`.
        block: further arguments of each block, such as `{"dropout": 0.1}`.
        normalized_input, normalized_hidden: whether the first layer, and the others, scale what
            they receive.
        first_layer_votes: whether its goodness counts in predictions.
        greedy: each layer learns for all epochs before the next one starts.
        passes: over the images in an epoch.
        backprop: a classifier of the same widths, trained by backpropagation.
        learning_rate: at the start.
        weight_decay: AdamW's; with 0 that is Adam.
        cosine: the learning rate falls to 0 along a cosine, else it stays.
        batch_size: images in a step.

    Example:
        `ours.but(greedy=True)` differs from `ours` in one thing.
    """

    widths: Sequence = (500, 500)
    loss: Any = dataclasses.field(default_factory=PairwiseLoss)
    source: Callable = LabelInImage
    wrong: str = ""
    goodness: Any = "mean_square"
    block: dict = dataclasses.field(default_factory=dict)
    normalized_input: bool = True
    normalized_hidden: bool = True
    first_layer_votes: bool = True
    greedy: bool = False
    passes: int = 1
    backprop: bool = False
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    cosine: bool = True
    batch_size: int = 250

    def but(self, **changes):
        """The same recipe with other values."""
        return dataclasses.replace(self, **changes)


# --- From a recipe to a trained network ------------------------------------------------------


def network(recipe, num_classes):
    """The recipe's network, not built yet: a `ForwardForward` or Keras's own `Sequential`."""
    first, *rest = recipe.widths
    if recipe.backprop:
        hidden = [keras.layers.Dense(width, activation="relu") for width in recipe.widths]
        return keras.Sequential([keras.layers.Flatten(), *hidden, keras.layers.Dense(num_classes)])
    settings = {"goodness": recipe.goodness, **recipe.block}
    first = Dense(first, normalized=recipe.normalized_input, **settings)
    hidden = [Dense(width, normalized=recipe.normalized_hidden, **settings) for width in rest]
    silent = 0 if recipe.first_layer_votes or not rest else 1  # an only layer has to vote
    reader = Labelled(first, LabelPixels(num_classes))
    source = recipe.source(num_classes)
    return ForwardForward([reader, *hidden], source=source, silent_blocks=silent)


def compiled(recipe, data, epochs):
    """The recipe's network, ready to learn for so many epochs."""
    model = network(recipe, data.num_classes)
    model.build((None, *data.x_train.shape[1:]))
    steps = epochs * recipe.passes * -(-len(data.x_train) // recipe.batch_size)
    rate = recipe.learning_rate
    if recipe.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    optimizer.build(model.trainable_variables)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    long = epochs * len(data.x_train) >= 100_000  # to compile takes seconds: then it pays
    model.compile(
        optimizer,
        cross_entropy if recipe.backprop else recipe.loss,
        metrics=["accuracy"],
        jit_compile="auto" if long else False,
        steps_per_execution=10 if long else 1,
    )
    return model


def restart(model, fresh, seed):
    """Give a network what it starts with under a seed, however it was made.

    All seeds of a recipe share one network, so that its graph is built once. Layers of the same
    shape in the same place start alike in all recipes.

    Args:
        model: a compiled network.
        fresh: pairs of a variable and its value before any training.
        seed: of the weights, of all that is drawn, and of the order of the images.
    """
    keras.utils.set_random_seed(seed)
    for variable, value in fresh:
        variable.assign(value)
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            variable.assign(keras.initializers.GlorotUniform()(variable.shape))
    for layer in model._flatten_layers():  # to Keras, the state of draws is no variable
        if hasattr(layer, "draws"):
            layer.draws.state.assign(keras.random.SeedGenerator().state)


class Processor(keras.callbacks.Callback):
    """Counts the processor's seconds in training, those of validation left out."""

    seconds = 0.0

    def start(self, logs=None):
        self.seconds -= time.process_time()

    def stop(self, logs=None):
        self.seconds += time.process_time()

    on_train_begin = on_test_end = start
    on_train_end = on_test_begin = stop


def train(model, recipe, data, epochs, seed):
    """Train a network that was just restarted.

    Returns:
        The validation error after each epoch, and the processor's seconds of all of them. A
        greedy recipe has so many epochs for each layer.
    """
    y, processor, errors = data.y_train, Processor(), []
    if recipe.wrong:
        y = np.stack([y, wrong_labels(recipe.wrong, y, data.num_classes, seed)], axis=1)
    try:
        for learning in model.blocks if recipe.greedy else [None]:
            for block in model.blocks if recipe.greedy else []:
                block.trainable = block is learning
            model.optimizer.iterations.assign(0)  # from which the learning rate follows
            history = model.fit(
                batches(data.x_train, y, recipe.batch_size),
                epochs=epochs * recipe.passes,
                validation_data=(data.x_val, data.y_val),
                validation_batch_size=500,
                validation_freq=recipe.passes,
                callbacks=[processor],
                shuffle=False,  # it is shuffled already
                verbose=0,
            ).history
            errors += [round(1 - accuracy, 6) for accuracy in history["val_accuracy"]]
    finally:  # also after one that diverged
        for block in model.blocks if recipe.greedy else []:
            block.trainable = True
    return errors, processor.seconds


def wrong_labels(kind, labels, num_classes, seed):
    """Labels to take for wrong ones, int `(n,)`; see `Recipe.wrong`."""
    rng = np.random.default_rng(seed)
    if kind == "shuffled":
        return rng.permutation(labels)
    if kind != "fixed":
        raise ValueError(f"wrong={kind!r}: expected fixed or shuffled")
    return (labels + rng.integers(1, num_classes, len(labels))) % num_classes


def run(recipes, data, seeds, epochs):
    """Train recipes, each with every seed.

    Args:
        recipes: name → `Recipe`.
        data: as from `ff.load`.
        seeds: ints.
        epochs: how often each layer sees every training image.

    Returns:
        pandas DataFrame, a row for each recipe and seed, with `recipe`, `seed`,
        `processor_seconds` (of training, over all cores), `error` (on the validation images, at
        the end), `test_error`, `train_error` (of as many images as there are to validate) and
        `curve` (the validation error after each epoch).

    Example:
        `ff.table(run(recipes, data, range(5), 3), ["recipe"], "error", against="ours")`
    """
    import pandas  # slow to import

    if not isinstance(recipes, dict) or not hasattr(seeds, "__len__"):
        raise TypeError(
            f"recipes={type(recipes).__name__}, seeds={shown(seeds)}: expected a dict from names to "
            "recipes, and seeds such as range(3)"
        )
    rows = []
    quiet = {"file": sys.stdout, "disable": not watched(), "leave": False}
    with tqdm(total=len(recipes) * len(seeds), **quiet) as bar:
        for name, recipe in recipes.items():
            bar.set_description(name)
            model = compiled(recipe, data, epochs)
            variables = [*model.variables, *model.optimizer.variables]
            fresh = [(variable, variable.numpy().copy()) for variable in variables]
            for seed in seeds:
                restart(model, fresh, seed)
                began = time.process_time()
                some = slice(len(data.x_val))
                try:
                    curve, seconds = train(model, recipe, data, epochs, seed)
                    errors = {
                        "error": curve[-1],
                        "test_error": _error(model, data.x_test, data.y_test),
                        "train_error": _error(model, data.x_train[some], data.y_train[some]),
                    }
                except DivergedError as error:  # the other recipes are not lost with it
                    bar.write(f"{name}, seed {seed}: {error}; it counts as a guess", sys.stdout)
                    guess, seconds = 1 - 1 / data.num_classes, time.process_time() - began
                    curve = [guess] * (epochs * (len(recipe.widths) if recipe.greedy else 1))
                    errors = dict.fromkeys(("error", "test_error", "train_error"), guess)
                about = {"recipe": name, "seed": seed, "processor_seconds": seconds}
                rows.append(about | errors | {"curve": curve})
                bar.update()
    return pandas.DataFrame(rows)


def _error(model, x, y):
    found = model.predict(x, 500, verbose=0)
    if np.isnan(found).any():  # after its very last step, or by backpropagation
        raise DivergedError("its predictions are no numbers")
    return float(evaluation.error(found, y))


# --- The recipes -----------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="ffhelpers")
class LogExpLoss(ThresholdLoss):
    """The threshold loss with softplus written as log(1 + exp), which overflows."""

    def call(self, signs, goodness):
        pushed = self.scale * signs * (self.theta - goodness)
        return ops.sum(ops.log(1 + ops.exp(pushed)), axis=-1)


class DrawingFromSoftmax(LabelInImage):
    """Wrong labels by the probabilities of the one-pass softmax, which learns along.

    So the paper draws them (Hinton 2022, section 3.3). It takes a second forward pass, with the
    neutral label.

    Args:
        num_classes: number of classes.
        units: of all layers together.
    """

    def __init__(self, num_classes, units, **kwargs):
        super().__init__(num_classes, **kwargs)
        self.units = units

    def build(self, image_shape):
        super().build(image_shape)
        self.kernel = self.add_weight((self.units, self.num_classes), "zeros", trainable=False)

    def training(self, x, y, weight=None, network=None):
        true = ops.cast(ops.reshape(y, (-1,)), "int32")
        h = ops.stop_gradient(network.neutral_activities(x))
        logits = ops.matmul(h, self.kernel)
        mistake = ops.softmax(logits) - ops.one_hot(true, self.num_classes)
        gradient = ops.matmul(ops.transpose(h), mistake)  # a sum over the batch
        self.kernel.assign_sub(gradient / (ops.cast(ops.shape(h)[0], "float32") * self.units))
        labels = self._one_hot(true, hard_labels(true, logits, 1.0, self.draws, self.count))
        return super().training(x, y, weight)._replace(labels=labels)


def drawn(negatives="hard", **settings):
    """A recipe's source: wrong labels, drawn for every batch."""
    return lambda num_classes: LabelInImage(num_classes, negatives, **settings)


def recipes(ours):
    """Every recipe by name: ours, and ours with one thing changed.

    Those with an ellipsis change one thing within "threshold and uniform negatives": compare them
    with that. "published" is the public Kaggle notebook's
    (https://www.kaggle.com/code/kuntalpal/forward-forward-algorithm), repaired so that it runs,
    with a softplus that cannot overflow and normalisation to mean square 1.

    Args:
        ours: a `Recipe`.

    Returns:
        dict name → `Recipe`.
    """
    rate, (first, *_) = ours.learning_rate, ours.widths
    fixed = ours.but(source=GivenLabels, wrong="fixed")
    uniform = ours.but(source=drawn("uniform"))
    threshold = uniform.but(loss=ThresholdLoss(1.0, 10.0))
    backprop = ours.but(backprop=True)
    adam = {"learning_rate": 1e-3, "weight_decay": 0.0, "cosine": False}
    return {
        "ours": ours,
        "backprop": backprop,
        "published": fixed.but(
            source=lambda num_classes: Phases(GivenLabels(num_classes)),
            loss=ThresholdLoss(2.0, 1.0),
            normalized_input=False,
            first_layer_votes=False,
            greedy=True,
            passes=2,
            batch_size=1000,
            **adam,
        ),
        # its defects, one at a time
        "fixed negatives": fixed,
        "shuffled labels": ours.but(source=GivenLabels, wrong="shuffled"),
        "threshold and uniform negatives": threshold,
        "… θ = 2 and scale 1": threshold.but(loss=ThresholdLoss(2.0, 1.0)),
        "… in separate steps": threshold.but(
            source=lambda num_classes: Phases(drawn("uniform")(num_classes)), passes=2
        ),
        "… as log(1 + exp)": threshold.but(loss=LogExpLoss(1.0, 10.0)),
        "… as a sum with θ = units": threshold.but(
            goodness="sum_of_squares", loss=ThresholdLoss(1.0 * first, 1.0)
        ),
        "input not normalised": ours.but(normalized_input=False),
        "hidden not normalised": ours.but(normalized_hidden=False),
        "first layer has no vote": ours.but(first_layer_votes=False),
        "greedy": ours.but(greedy=True),
        "Adam at a constant 0.001": ours.but(**adam),
        **{f"batches of {size}": ours.but(batch_size=size) for size in (50, 500, 1000)},
        # negatives and losses
        "uniform negatives": uniform,
        "threshold": ours.but(loss=ThresholdLoss(1.0, 10.0)),
        "threshold at 0.5": ours.but(loss=ThresholdLoss(0.5, 10.0)),
        "threshold at 2": ours.but(loss=ThresholdLoss(2.0, 10.0)),
        "no pull": ours.but(loss=PairwiseLoss(pull=0.0)),
        "pull 0.3": ours.but(loss=PairwiseLoss(pull=0.3)),
        "scale 3": ours.but(loss=PairwiseLoss(scale=3.0)),
        "scale 30": ours.but(loss=PairwiseLoss(scale=30.0)),
        "hardness 3": ours.but(source=drawn(hardness=3.0)),
        "hardness 30": ours.but(source=drawn(hardness=30.0)),
        "three negatives": ours.but(source=drawn(count=3)),
        "negatives of the one-pass softmax": ours.but(
            source=lambda num_classes: DrawingFromSoftmax(num_classes, sum(ours.widths))
        ),
        "softmax over four labels": ours.but(source=drawn(count=3), loss=SoftmaxLoss()),
        "softmax over all labels": ours.but(
            source=lambda num_classes: LabelInImage(num_classes, count=num_classes - 1),
            loss=SoftmaxLoss(),
        ),
        # goodness and activities
        "goodness is the mean activity": ours.but(goodness="mean_activity"),
        "goodness is the sum of squares": ours.but(goodness="sum_of_squares"),
        "a sum with θ and scale to match": ours.but(
            goodness="sum_of_squares",
            loss=PairwiseLoss(10.0 / first, 1.0 * first, 0.03 / first**2),
        ),
        "peer normalisation": ours.but(
            block={"activity_regularizer": PeerNormalization(strength=0.03)}
        ),
        "silu": ours.but(block={"activation": "silu"}),
        "gelu": ours.but(block={"activation": "gelu"}),
        "tanh": ours.but(block={"activation": "tanh"}),
        "dropout 0.1": ours.but(block={"dropout": 0.1}),
        "dropout 0.2": ours.but(block={"dropout": 0.2}),
        # sizes
        **{f"depth {depth}": ours.but(widths=[first] * depth) for depth in (1, 3, 4, 8)},
        "three layers with two votes": ours.but(widths=[first] * 3, first_layer_votes=False),
        "half the width": ours.but(widths=[width // 2 for width in ours.widths]),
        "twice the width": ours.but(widths=[width * 2 for width in ours.widths]),
        # the optimizer
        "half the learning rate": ours.but(learning_rate=rate / 2),
        "twice the learning rate": ours.but(learning_rate=rate * 2),
        "weight decay 0": ours.but(weight_decay=0.0),
        "weight decay 1": ours.but(weight_decay=1.0),
        # tried for backprop: the best pair is ours, so that "backprop" needs no other
        # (results/05_ablations/backprop)
        **{
            f"backprop at {rate:g} with decay {decay:g}": backprop.but(
                learning_rate=rate, weight_decay=decay
            )
            for rate in (1e-3, 2e-3, 4e-3, 8e-3)
            for decay in (0.01, 0.1, 1.0)
        },
    }


def pick(recipes, names):
    """Those of these names, in their order.

    Raises:
        ParameterError: a name that there is not.
    """
    for name in names:
        if name not in recipes:
            raise ParameterError(f"no recipe {name!r}, only {', '.join(recipes)}")
    return {name: recipes[name] for name in names}


# --- What came out ---------------------------------------------------------------------------


def verdict(low, high):
    """What the 95 % interval of a difference between two errors says of the first one."""
    if low == high:  # two seeds with the same difference, as of a few images
        return "too few to tell"
    return "worse" if low > 0 else "better" if high < 0 else "within the noise"


def recorded(runs):
    """The table of recorded ablations, best first, each compared with *ours*, seed by seed.

    Args:
        runs: what `ff.results` takes, such as `"05_ablations/ablations"`.

    Returns:
        pandas DataFrame, a row for each recipe, as `ff.table` gives it of the validation error,
        with two columns more, means: `test_error` and `processor_seconds` of a training.
    """
    found = tables.results(runs, ["errors", "test_errors", "processor_seconds"])
    table = tables.table(found, ["recipe"], "errors", against="ours")
    means = found.groupby("recipe")[["test_errors", "processor_seconds"]].mean()
    table["test_error"] = table.recipe.map(means.test_errors)
    table["processor_seconds"] = table.recipe.map(means.processor_seconds)
    return table.sort_values("mean", kind="stable", ignore_index=True)


def show(table):
    """Print a table of errors, best first.

    Args:
        table: as from `recorded`, or from `ff.table` by recipe and with `against`; where it has
            a column `processor_seconds`, that is printed too.
    """
    timed = "processor_seconds" in table
    print(f"{'recipe':33} {'error':>7}  {'s' if timed else '':>4}  difference, 95 % interval")
    for _, row in table.sort_values("mean", kind="stable").iterrows():
        seconds = f"{row.processor_seconds:.1f}" if timed else ""
        print(f"{row.recipe:33} {row['mean']:7.2%}  {seconds:>4}  {_compared(row)}".rstrip())


def _compared(row):
    """A row's difference from the reference in points, its interval, and what that says."""
    if np.isnan(row.difference):
        return ""
    away, low, high = (100 * row[f"difference{end}"] for end in ("", "_low", "_high"))
    if np.isnan(low):
        return f"{away:+6.2f}"
    return f"{away:+6.2f}  {low:+.2f} to {high:+.2f}  {verdict(low, high)}"
