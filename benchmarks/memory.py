"""Memory: the peak of one training step above the resting process.

`python benchmarks/memory.py METHOD DEPTH XLA NETWORK` measures one network in a process of its own
and prints the megabytes.
"""

import subprocess
import sys
import threading
import time

WIDTH, CHANNELS = 500, 40
BATCH = {"dense": 8000, "convolutional": 100}
METHODS = ("forward-forward", "backprop")


def memory():
    """Peak of a step, width 500, batch 8000, above the process at rest.

    It includes the gradients, as large as the weights. A Forward-Forward step takes two streams
    through the network, so twice the rows of backprop.
    """
    for xla in (False, True):
        for method in METHODS:
            for depth in (2, 8, 32):
                yield measured(method, depth, xla, "dense")


def conv_memory():
    """The same for blocks of 40 channels on 28×28 positions, batch 100, without XLA."""
    for method in METHODS:
        for depth in (2, 8, 32):
            yield measured(method, depth, False, "convolutional")


def measured(method, depth, xla, network):
    command = [sys.executable, __file__, method, str(depth), str(int(xla)), network]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = float(done.stdout.split()[-1])
    return {"training": method, "depth": depth, "xla": xla, "peak_megabytes": peak}


def resident():
    """Megabytes of this process."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def peak(method, depth, xla, network):
    import ffhelpers as ff  # first, it keeps TensorFlow's start quiet

    import keras
    import tensorflow as tf

    import speed

    local = method == "forward-forward"
    if network == "dense":
        model = (speed.forward_forward if local else speed.backprop)([WIDTH] * depth)
    else:
        blocks = [ff.Conv(CHANNELS, 10) for _ in range(depth)]
        model = (speed.conv_forward_forward if local else speed.conv_backprop)(blocks)
    model.build((None, 28, 28))
    optimizer = keras.optimizers.SGD(1e-3)  # no state of its own
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, model.loss, jit_compile=xla)
    step = tf.function(lambda x, y: model.train_step((x, y)), jit_compile=xla)
    x, y = map(tf.constant, speed.images(BATCH[network]))
    step(x[:16], y[:16])  # what is loaded and allocated only once
    step.get_concrete_function(x, y)

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
