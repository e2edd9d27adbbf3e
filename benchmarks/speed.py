"""Time: the machine's ceiling, the training step, prediction, and backprop beside them."""

import dataclasses
import time
from functools import partial

import ffhelpers as ff  # first, it keeps TensorFlow's start quiet

import keras
import numpy as np
import tensorflow as tf

from turns import in_turns, ratios, seconds, spread

INPUTS, CLASSES = 784, 10
# Widths, and the steps of an epoch: some seconds at most, so that turns come soon.
NETWORKS = [([500] * 2, 80), ([1000] * 3, 40), ([2000] * 4, 20)]
WIDTHS = NETWORKS[0][0]
CHANNELS = (20, 40, 80, 80)
REPEATS = 7


def settled(measures, repeats):
    """`in_turns`, after a round that builds the graphs.

    Only after all networks were made: the seed that each sets empties a cache of TensorFlow's, and
    the next epoch of those before takes 0.2 s longer.
    """
    in_turns(measures, 1)
    return in_turns(measures, repeats)


def calls(function, least):
    """A measurement of the seconds of a call: the mean of as many as fill `least` seconds."""
    function()  # this once it also builds the graph
    count = max(1, round(least / seconds(function)))
    return partial(seconds, function, count)


def one_by_one(operations, steps):
    """A measurement of the seconds of all these operations, each called `steps` times in a row.

    They are called directly: a compiled function adds up to 0.7 ms of its own, half of a small
    product's time, and would make the ceiling too low.
    """
    return lambda: sum(seconds(operation, steps) for operation in operations)


def products(widths, batch):
    """The matrix products that a step cannot do without, as (rows, inner, columns).

    In the first block the positive and the negative image share one product, and one more gives
    the gradient; in the others both streams go through. No block needs its input's gradient.
    """
    found = [(batch, INPUTS, widths[0]), (INPUTS, batch, widths[0])]
    for inputs, units in zip(widths, widths[1:]):
        found += [(2 * batch, inputs, units), (inputs, 2 * batch, units)]
    return found


def ceiling(widths, batch, steps):
    """FLOPs of these products, and a measurement of the seconds that they take alone."""
    shapes = products(widths, batch)
    operations = [
        partial(tf.matmul, tf.random.normal((rows, inner)), tf.random.normal((inner, columns)))
        for rows, inner, columns in shapes
    ]
    flops = sum(2 * rows * inner * columns for rows, inner, columns in shapes)
    return flops, one_by_one(operations, steps)


class Clock(keras.callbacks.Callback):
    """The seconds of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def epoch(model, data):
    """Train for an epoch, and give its seconds."""
    clock = Clock()
    model.fit(data, shuffle=False, callbacks=[clock], verbose=0)
    return clock.seconds


def epochs(model, batch, steps, **changes):
    """A measurement of an epoch's seconds under `fit`."""
    return partial(epoch, model, ff.batches(*images(steps * batch), batch, **changes))


def images(count):
    keras.utils.set_random_seed(0)
    x = keras.random.uniform((count, 28, 28), seed=0).numpy()
    return x, keras.random.randint((count,), 0, CLASSES, seed=1).numpy()


def forward_forward(widths, optimizer=None, source="hard"):
    keras.utils.set_random_seed(0)
    model = ff.ForwardForward(list(widths), num_classes=CLASSES, source=source)
    model.compile(optimizer or keras.optimizers.AdamW(1e-3))
    return model


def backprop(widths, optimizer=None):
    """The same network as Keras trains it: a softmax on top, gradients through all layers."""
    hidden = [keras.layers.Dense(units, activation="relu") for units in widths]
    return classifier([keras.layers.Flatten(), *hidden], optimizer)


def classifier(layers, optimizer=None):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28)), *layers, keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizer or keras.optimizers.AdamW(1e-3)
    options = {"jit_compile": True, "steps_per_execution": 20}  # as ForwardForward
    model.compile(optimizer, loss, metrics=["accuracy"], **options)
    return model


def step(networks=NETWORKS, batches=(250, 500), repeats=REPEATS):
    """A training step under `fit`, as a share of the machine's ceiling."""
    for widths, steps in networks:
        for batch in batches:
            flops, products_alone = ceiling(widths, batch, steps)
            whole = epochs(forward_forward(widths), batch, steps)
            times = settled({"alone": products_alone, "whole": whole}, repeats)
            yield {"widths": widths, "batch": batch, **share(flops, steps, **times)}


def share(flops, steps, alone, whole):
    """Epochs of `whole` seconds against the `alone` that a step's products take by themselves."""
    whole = [seconds / steps for seconds in whole]
    return {
        **spread("ceiling_gflops", [flops / seconds / 1e9 for seconds in alone]),
        **milliseconds(whole),
        **spread("ceiling_share", ratios(alone, whole)),
    }


def milliseconds(times):
    return spread("ms", [1e3 * seconds for seconds in times])


def conv_blocks(channels):
    """Those of notebook 6, where the channels are `CHANNELS`."""
    goodness = ff.ClassChannels(CLASSES)
    return [
        ff.Conv(units, pool=pool, normalization="batch", goodness=goodness)
        for units, pool in zip(channels, (2, 2, 2, 1))
    ]


def conv_forward_forward(blocks):
    model = ff.ForwardForward(blocks, source=ff.Images(CLASSES))
    model.compile(keras.optimizers.AdamW(1e-3), ff.SoftmaxLoss(2.0, pull=0.0))
    return model


def conv_backprop(blocks):
    """The same blocks as Keras trains them: the means of the last one's channels, and a softmax."""
    grey = keras.layers.Reshape((28, 28, 1))
    return classifier([grey, *blocks, keras.layers.GlobalAveragePooling2D()])


def conv_ceiling(channels, batch, steps):
    """FLOPs of a step's convolutions, and a measurement of the seconds that they take alone.

    Each block convolves and needs its filters' gradient, but not its input's.
    """
    flops, operations, options = 0, [], {"strides": [1] * 4, "padding": "SAME"}
    for size, inputs, filters in zip((28, 14, 7, 3), (1, *channels), channels):
        x = tf.random.normal((batch, size, size, inputs))
        z = tf.random.normal((batch, size, size, filters))
        kernel = tf.random.normal((3, 3, inputs, filters))
        gradient = partial(tf.raw_ops.Conv2DBackpropFilter, input=x, out_backprop=z)
        operations.append(partial(tf.nn.conv2d, x, kernel, **options))
        operations.append(partial(gradient, filter_sizes=kernel.shape, **options))
        flops += 2 * 2 * batch * size**2 * 9 * inputs * filters
    return flops, one_by_one(operations, steps)


def convolutions(channels=CHANNELS, batch=128, steps=40, repeats=REPEATS):
    """A step of a convolutional network under `fit`, as a share of its convolutions alone, and
    the same blocks under backprop, which also needs the gradient of each block's input."""
    flops, alone = conv_ceiling(channels, batch, steps)
    makers = {"forward-forward": conv_forward_forward, "backprop": conv_backprop}
    measures = {n: epochs(make(conv_blocks(channels)), batch, steps) for n, make in makers.items()}
    times = settled({"alone": alone, **measures}, repeats)
    for name in makers:
        yield {
            "training": name,
            "batch": batch,
            **share(flops, steps, times["alone"], times[name]),
            **spread("cost", ratios(times[name], times["backprop"])),
        }


def augmentation(channels=CHANNELS, batch=128, steps=40, repeats=REPEATS):
    """A step of the convolutional network under `fit`, with images as they are and changed ones."""
    pipelines = {"as they are": {}, "moved and flipped": {"shift": 2, "flip": True}}
    measures = {
        name: epochs(conv_forward_forward(conv_blocks(channels)), batch, steps, **changes)
        for name, changes in pipelines.items()
    }
    times = settled(measures, repeats)
    for name, taken in times.items():
        yield {
            "images": name,
            **milliseconds([seconds / steps for seconds in taken]),
            **spread("cost", ratios(taken, times["as they are"])),
        }


def hybrids(widths=(1000, 1000), batch=250, steps=40, repeats=REPEATS):
    """A step of notebook 8's network under `fit`, with hybrids that it makes and with given ones.

    What is more for hybrids is the price of their masks; the given ones are gathered instead.
    """
    x, _ = images(steps * batch)
    made = ff.batches(x, x, batch).map(lambda image, _: image)
    given = ff.batches(x, x[::-1].copy(), batch)
    measures = {
        "given": partial(epoch, forward_forward(widths, source=ff.GivenImages()), given),
        "hybrids": partial(epoch, forward_forward(widths, source=ff.HybridImages()), made),
    }
    times = settled(measures, repeats)
    for name, taken in times.items():
        yield {
            "negatives": name,
            **milliseconds([seconds / steps for seconds in taken]),
            **spread("cost", ratios(taken, times["given"])),
        }


def profile(widths=WIDTHS, batch=500, steps=80, least=0.5, repeats=REPEATS):
    """Where the rest of a step goes: what is saved by leaving a part out."""
    x, y = map(tf.constant, images(batch))

    def compiled(**kwargs):
        model = forward_forward(widths, **kwargs)
        model.build((None, 28, 28))
        model.optimizer.build(model.trainable_variables)
        return calls(tf.function(lambda: model.train_step((x, y)), jit_compile=True), least)

    measures = {
        "products": ceiling(widths, batch, steps)[1],
        "whole": compiled(),
        "random": compiled(source="uniform"),
        "plain": compiled(optimizer=keras.optimizers.SGD(1e-3)),
        "fitted": epochs(forward_forward(widths), batch, steps),
    }
    times = {name: np.array(taken) for name, taken in settled(measures, repeats).items()}
    products_alone, whole = times["products"], times["whole"]
    random, plain = whole - times["random"], whole - times["plain"]
    parts = {
        "matrix products, alone": products_alone,
        "hard instead of random negatives": random,
        "AdamW instead of plain descent": plain,
        "activations, loss, metrics, slower products": whole - products_alone - random - plain,
        "fit and its input pipeline": times["fitted"] / steps - whole,
    }
    for part, taken in parts.items():
        yield {"part": part, **milliseconds(taken.tolist())}


def mnist(images=None):
    """MNIST, or its first training and validation and test images."""
    data = ff.load("mnist")
    parts = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")
    return dataclasses.replace(data, **{part: getattr(data, part)[:images] for part in parts})


def against_backprop(images=None, batch=250, epochs=8):
    """An epoch of 50,000 images, and the seconds of training to 2 % validation error.

    The first 20 steps build the graph and are not counted, nor is looking at the error.
    """
    data = mnist(images)
    train = ff.batches(data.x_train, data.y_train, batch)
    few = ff.batches(data.x_train[: 20 * batch], data.y_train[: 20 * batch], batch)

    def falling(rate):
        steps = epochs * len(data.x_train) // batch
        schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
        return keras.optimizers.AdamW(schedule, weight_decay=0.1)

    def learn(model):
        taken = epoch(model, train)
        return taken, model.evaluate(data.x_val, data.y_val, 1000, verbose=0)[1]

    models = {
        "forward-forward": forward_forward(WIDTHS, falling(4e-3)),
        "backprop": backprop(WIDTHS, falling(2e-3)),
    }
    for model in models.values():
        epoch(model, few)
    learnt = in_turns({name: partial(learn, model) for name, model in models.items()}, epochs)
    times, accuracies = (
        {name: [turn[i] for turn in turns] for name, turns in learnt.items()} for i in (0, 1)
    )
    for name in models:
        passed = np.cumsum(times[name]).tolist()
        reached = (t for t, accuracy in zip(passed, accuracies[name]) if accuracy >= 0.98)
        yield {
            "training": name,
            **spread("epoch_seconds", times[name]),
            **spread("cost", ratios(times[name], times["backprop"])),
            "to_2_percent_seconds": next(reached, None),
            "validation_error": 1 - accuracies[name][-1],
        }


def prediction(widths=WIDTHS, count=500, least=0.2, repeats=REPEATS):
    """Images per second: one pass, ten candidates, and editing the image ten times."""
    x, _ = images(count)
    model = forward_forward(widths)
    model.build((None, 28, 28))
    x_tf = tf.constant(x)
    one = tf.function(lambda: model.neutral_activities(x_tf))
    ten = tf.function(lambda: model(x_tf))

    @tf.function
    def forward(h):
        h, total = tf.reshape(h, (-1, INPUTS)), 0.0
        first, *rest = model.blocks
        for block in (first.block, *rest):
            h = block.activation(ff.normalize(h) @ block.kernel + block.bias)
            total += ff.goodness(h)
        return total

    def edited():
        for label in range(CLASSES):
            forward(ff.write_label(x, tf.fill(len(x), label).numpy(), CLASSES))

    functions = {"one pass": one, "ten candidates": ten, "ten edited images": edited}
    measures = {name: calls(function, least) for name, function in functions.items()}
    times = settled(measures, repeats)
    for name, taken in times.items():
        yield {
            "prediction": name,
            **spread("images_per_second", [count / seconds for seconds in taken]),
            **spread("cost", ratios(taken, times["one pass"])),
        }


# What grows, and for each of its sizes the widths, the batch and the steps of an epoch.
SERIES = {
    "width": {width: ([width] * 2, 250, 20) for width in (500, 1000, 2000)},
    "depth": {depth: ([500] * depth, 250, 20) for depth in (2, 4, 8)},
    "batch": {batch: ([500] * 2, batch, 20) for batch in (125, 250, 500, 1000)},
    "images": {250 * steps: ([500] * 2, 250, steps) for steps in (40, 80, 160)},
}


def growth(series=SERIES, repeats=5):
    """How an epoch's seconds grow: the exponent of a power law fitted to measured times."""
    for name, networks in series.items():
        sizes = list(networks)
        measures = {
            size: epochs(forward_forward(widths), batch, steps)
            for size, (widths, batch, steps) in networks.items()
        }
        rounds = np.array(list(settled(measures, repeats).values()))  # (sizes, repeats)
        exponents = np.polyfit(np.log(sizes), np.log(rounds), 1)[0].tolist()
        yield {"grows_with": name, "sizes": sizes, **spread("exponent", exponents)}
