"""Time: the machine's ceiling, the training step, prediction, and backprop beside them."""

import time

import ffhelpers as ff  # first, it keeps TensorFlow's start quiet

import keras
import numpy as np
import tensorflow as tf

INPUTS, CLASSES = 784, 10
NETWORKS = [[500] * 2, [1000] * 3, [2000] * 4]
CHANNELS = (20, 40, 80, 80)


def seconds(function, least=0.2, repeats=5):
    """Seconds of one call: the best of several means, so that a disturbance counts little."""
    function()
    start = time.perf_counter()
    function()
    calls = max(1, round(least / (time.perf_counter() - start)))
    means = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        means.append((time.perf_counter() - start) / calls)
    return min(means)


def products(widths, batch):
    """The matrix products that a step cannot do without, as (rows, inner, columns).

    In the first block the positive and the negative image share one product, and one more gives
    the gradient; in the others both streams go through. No block needs its input's gradient.
    """
    found = [(batch, INPUTS, widths[0]), (INPUTS, batch, widths[0])]
    for inputs, units in zip(widths, widths[1:]):
        found += [(2 * batch, inputs, units), (inputs, 2 * batch, units)]
    return found


def ceiling(widths, batch):
    """FLOPs of these products, and the seconds that they take alone.

    Each is called directly: a compiled function adds up to 0.7 ms of its own, half of a small
    product's time, and would make the ceiling too low.
    """
    shapes = products(widths, batch)
    alone = {}
    for rows, inner, columns in set(shapes):
        a, b = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))
        alone[rows, inner, columns] = seconds(lambda: tf.matmul(a, b))  # noqa: B023
    flops = sum(2 * rows * inner * columns for rows, inner, columns in shapes)
    return flops, sum(alone[shape] for shape in shapes)


class Epochs(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def images(count):
    keras.utils.set_random_seed(0)
    x = keras.random.uniform((count, 28, 28), seed=0).numpy()
    return x, keras.random.randint((count,), 0, CLASSES, seed=1).numpy()


def forward_forward(widths, optimizer=None, negatives="hard"):
    keras.utils.set_random_seed(0)
    model = ff.ForwardForward(widths, CLASSES, negatives)
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


def step_seconds(model, batch, steps=40, epochs=5):
    """Seconds of a step under `fit`, of the best epoch; the first one also builds the graph."""
    clock, data = Epochs(), ff.batches(*images(steps * batch), batch)
    model.fit(data, epochs=epochs, shuffle=False, callbacks=[clock], verbose=0)
    return min(clock.seconds[1:]) / steps


def step():
    """A training step under `fit`, as a share of the machine's ceiling."""
    for widths in NETWORKS:
        for batch in (250, 500):
            whole = step_seconds(forward_forward(widths), batch)
            yield {"widths": widths, "batch": batch, **share(*ceiling(widths, batch), whole)}


def share(flops, alone, whole):
    """A step of `whole` seconds against the `alone` that its products take by themselves."""
    gflops = flops / alone / 1e9
    return {"ceiling_gflops": gflops, "ms": 1e3 * whole, "ceiling_share": alone / whole}


def conv_blocks():
    """Those of notebook 6."""
    return [
        ff.Conv(filters, CLASSES, pool=pool, normalization="batch")
        for filters, pool in zip(CHANNELS, (2, 2, 2, 1))
    ]


def conv_forward_forward(blocks):
    model = ff.ForwardForward(blocks, CLASSES, ff.Images())
    model.compile(keras.optimizers.AdamW(1e-3), ff.SoftmaxLoss(2.0, pull=0.0))
    return model


def conv_backprop(blocks):
    """The same blocks as Keras trains them: the means of the last one's channels, and a softmax."""
    grey = keras.layers.Reshape((28, 28, 1))
    return classifier([grey, *blocks, keras.layers.GlobalAveragePooling2D()])


def conv_ceiling(batch):
    """FLOPs of a step's convolutions, and the seconds that they take alone.

    Each block convolves and needs its filters' gradient, but not its input's.
    """
    flops = alone = 0
    for size, inputs, filters in zip((28, 14, 7, 3), (1, *CHANNELS), CHANNELS):
        x = tf.random.normal((batch, size, size, inputs))
        z = tf.random.normal((batch, size, size, filters))
        kernel = tf.random.normal((3, 3, inputs, filters))
        options = {"strides": [1] * 4, "padding": "SAME"}
        alone += seconds(lambda: tf.nn.conv2d(x, kernel, **options))  # noqa: B023
        gradient = tf.raw_ops.Conv2DBackpropFilter
        sizes = kernel.shape
        alone += seconds(lambda: gradient(input=x, filter_sizes=sizes, out_backprop=z, **options))  # noqa: B023
        flops += 2 * 2 * batch * size**2 * 9 * inputs * filters
    return flops, alone


def convolutions(batch=128):
    """A step of a convolutional network under `fit`, as a share of its convolutions alone, and
    the same blocks under backprop, which also needs the gradient of each block's input."""
    alone = conv_ceiling(batch)
    makers = {"forward-forward": conv_forward_forward, "backprop": conv_backprop}
    for name, make in makers.items():
        whole = step_seconds(make(conv_blocks()), batch, epochs=3)
        yield {"training": name, "batch": batch, **share(*alone, whole)}


def augmentation(batch=128, steps=40):
    """A step of the convolutional network under `fit`, with images as they are and changed ones."""
    x, y = images(steps * batch)
    pipelines = {"as they are": {}, "moved and flipped": {"shift": 2, "flip": True}}
    for name, changes in pipelines.items():
        clock, data = Epochs(), ff.batches(x, y, batch, **changes)
        model = conv_forward_forward(conv_blocks())
        model.fit(data, epochs=5, shuffle=False, callbacks=[clock], verbose=0)
        yield {"images": name, "ms": 1e3 * min(clock.seconds[1:]) / steps}


def profile():
    """Where the rest of a step goes: what is saved by leaving a part out."""
    widths, batch = NETWORKS[0], 500
    x, y = map(tf.constant, images(batch))

    def alone(**kwargs):
        model = forward_forward(widths, **kwargs)
        model.build((None, 28, 28))
        model.optimizer.build(model.trainable_variables)
        compiled = tf.function(lambda: model.train_step((x, y)), jit_compile=True)
        return 1e3 * seconds(compiled)

    fitted = 1e3 * step_seconds(forward_forward(widths), batch)
    whole, products_alone = alone(), 1e3 * ceiling(widths, batch)[1]
    random = whole - alone(negatives="uniform")
    plain = whole - alone(optimizer=keras.optimizers.SGD(1e-3))
    rest = whole - products_alone - random - plain
    yield {"part": "matrix products, alone", "ms": products_alone}
    yield {"part": "hard instead of random negatives", "ms": random}
    yield {"part": "AdamW instead of plain descent", "ms": plain}
    yield {"part": "activations, loss, metrics, slower products", "ms": rest}
    yield {"part": "fit and its input pipeline", "ms": fitted - whole}


def against_backprop():
    """An epoch of 50,000 images, and the seconds of training to 2 % validation error.

    The first 20 steps build the graph and are not counted, nor is looking at the error.
    """
    data, widths, batch, epochs = ff.load("mnist"), NETWORKS[0], 250, 8
    steps = epochs * len(data.x_train) // batch

    def falling(rate):
        schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
        return keras.optimizers.AdamW(schedule, weight_decay=0.1)

    models = {
        "forward-forward": forward_forward(widths, falling(4e-3)),
        "backprop": backprop(widths, falling(2e-3)),
    }
    for name, model in models.items():
        passed, reached, clock = 0.0, None, Epochs()
        few = ff.batches(data.x_train[:5000], data.y_train[:5000], batch)
        model.fit(few, shuffle=False, verbose=0)  # builds the graph
        train = ff.batches(data.x_train, data.y_train, batch)
        for _ in range(epochs):
            model.fit(train, shuffle=False, callbacks=[clock], verbose=0)
            passed += clock.seconds[0]
            accuracy = model.evaluate(data.x_val, data.y_val, 1000, verbose=0)[1]
            if reached is None and accuracy >= 0.98:
                reached = passed
        yield {
            "training": name,
            "epoch_seconds": passed / epochs,
            "to_2_percent_seconds": reached,
            "validation_error": 1 - accuracy,
        }


def prediction():
    """Images per second: one pass, ten candidates, and editing the image ten times."""
    x, _ = images(500)
    model = forward_forward(NETWORKS[0])
    model.build((None, 28, 28))
    x_tf = tf.constant(x)
    one = tf.function(lambda: model.neutral_activities(x_tf))
    ten = tf.function(lambda: model(x_tf))

    @tf.function
    def forward(h):
        h, total = tf.reshape(h, (-1, INPUTS)), 0.0
        for block in model.blocks:
            h = block.activation(ff.normalize(h) @ block.kernel + block.bias)
            total += ff.goodness(h)
        return total

    def edited():
        for label in range(CLASSES):
            forward(ff.write_label(x, tf.fill(len(x), label).numpy(), CLASSES))

    times = {"one pass": one, "ten candidates": ten, "ten edited images": edited}
    times = {name: seconds(function) for name, function in times.items()}
    for name, taken in times.items():
        yield {
            "prediction": name,
            "images_per_second": len(x) / taken,
            "cost": taken / times["one pass"],
        }


def growth():
    """How a step's seconds grow: the exponent of a power law fitted to measured times."""

    def exponent(sizes, times):
        return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])

    widths = [500, 1000, 2000]
    times = [step_seconds(forward_forward([w, w]), 250, 20, 3) for w in widths]
    yield {"grows_with": "width", "sizes": widths, "exponent": exponent(widths, times)}
    depths = [2, 4, 8]
    times = [step_seconds(forward_forward([500] * d), 250, 20, 3) for d in depths]
    yield {"grows_with": "depth", "sizes": depths, "exponent": exponent(depths, times)}
    batches = [125, 250, 500, 1000]
    times = [step_seconds(forward_forward([500] * 2), b, 20, 3) for b in batches]
    yield {"grows_with": "batch", "sizes": batches, "exponent": exponent(batches, times)}
    counts = [40, 80, 160]
    times = [n * step_seconds(forward_forward([500] * 2), 250, n, 3) for n in counts]
    sizes = [250 * n for n in counts]
    yield {"grows_with": "images", "sizes": sizes, "exponent": exponent(sizes, times)}
