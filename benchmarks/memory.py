"""Memory: the peak of one training step above the resting process.

`python benchmarks/memory.py TRAINING DEPTH XLA NETWORK` measures one network in a process of its
own and prints the megabytes.
"""

import os
import subprocess
import sys
import threading
import time

WIDTH, CHANNELS, DEPTHS = 500, 40, (2, 8, 32)
# TensorFlow and the C library keep what was freed for later, where a next step would not be seen
# to take it. With these they give it back.
GIVE_BACK = {"TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}


def memory(depths=DEPTHS, apart=True):
    """Peak of a step on 4000 images, width 500, above the process at rest, gradients included.

    Forward-Forward sees each image under two labels. Backprop trains the same blocks, and as many
    plain layers of Keras, which do not normalise.
    """
    for network in ("blocks", "plain"):
        yield from by_depth("backprop", network, False, depths, apart)
    for xla in (False, True):
        yield from by_depth("forward-forward", "blocks", xla, depths, apart)


def conv_memory(depths=DEPTHS, apart=True):
    """The same for blocks of 40 channels on 28×28 positions and 100 images, without XLA."""
    yield from by_depth("forward-forward", "convolutions", False, depths, apart)
    yield from by_depth("backprop", "convolutions", False, depths, apart)


def recurrent_memory(counts=DEPTHS, apart=True):
    """The same for two blocks that see each other, by the iterations in which they learn."""
    for row in by_depth("forward-forward", "recurrent", False, counts, apart):
        yield {"iterations" if key == "depth" else key: value for key, value in row.items()}


def by_depth(training, network, xla, depths, apart=True):
    measured = peak_apart if apart else peak
    for depth in depths:
        row = {"training": training, "network": network, "depth": depth, "xla": xla}
        yield {**row, "peak_megabytes": measured(training, depth, xla, network)}


def peak_apart(training, depth, xla, network):
    """`peak` in a process of its own, that gives back what it frees."""
    command = [sys.executable, __file__, training, str(depth), str(int(xla)), network]
    done = subprocess.run(
        command, env=os.environ | GIVE_BACK, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def resident():
    """Megabytes of this process."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def peak(training, depth, xla, network):
    import ffhelpers as ff  # first, it keeps TensorFlow's start quiet

    import keras
    import tensorflow as tf

    import speed

    local, widths, images = training == "forward-forward", [WIDTH] * depth, 4000
    if network == "convolutions":
        goodness = ff.ClassChannels(speed.CLASSES)
        blocks, images = [ff.Conv(CHANNELS, goodness=goodness) for _ in widths], 100
        model = (speed.conv_forward_forward if local else speed.conv_backprop)(blocks)
    elif network == "recurrent":
        iterations = range(2, 2 + depth)
        model = ff.Recurrent([WIDTH, WIDTH], num_classes=speed.CLASSES, iterations=iterations)
        model.compile()
    elif local:
        model = speed.forward_forward(widths)
    elif network == "blocks":
        model = speed.classifier([keras.layers.Flatten(), *map(ff.Dense, widths)])
    else:
        model = speed.backprop(widths)
    model.build((None, 28, 28))
    optimizer = keras.optimizers.SGD(1e-3)  # no state of its own
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, model.loss, jit_compile=xla)
    step = tf.function(lambda x, y: model.train_step((x, y)), jit_compile=xla)
    x, y = map(tf.constant, speed.images(images))
    step(x, y)  # loads and allocates what stays

    rest, seen, done = resident(), [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(resident())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        step(x, y)
    done.set()
    watcher.join()
    return max(seen) - rest


if __name__ == "__main__":
    print(peak(sys.argv[1], int(sys.argv[2]), bool(int(sys.argv[3])), sys.argv[4]))
