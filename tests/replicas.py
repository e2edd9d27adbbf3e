"""What test_replicas.py starts: each kind of network on one device, and on two that share."""

import json
import sys

import keras
import numpy as np
import tensorflow as tf
import test_contract as contract

import ffhelpers as ff

DEVICES = ["CPU:0", "CPU:1"]
HALF = 10  # images of a batch, for each device


def even(shape, minval=0.0, maxval=1.0, dtype="float32", seed=None):
    """What is drawn: alike for all images, or, one number for each, in both halves of a batch."""
    *_, last = shape or (1,)
    parts = keras.ops.cast(np.arange(last) % HALF * 0.37 % 1, "float32")
    drawn = minval + (maxval - minval) * keras.ops.broadcast_to(parts, shape or (1,))
    return keras.ops.cast(drawn if shape else drawn[0], dtype)


def trained(name):
    """The losses and weights of two epochs of three batches, each of two equal halves.

    A device sees what the whole batch has: the hardest ones, others to be mixed with, statistics.
    """
    model = contract.network(name)
    model.compile(keras.optimizers.SGD(0.02, 0.9), model.loss, jit_compile=False)
    given = [a for a in contract.examples(model, n=30) if a is not None]
    places = np.repeat((0, HALF, 2 * HALF), 2)
    given = [np.concatenate([a[i : i + HALF] for i in places]) for a in given]
    if isinstance(model.source, ff.GivenImages):
        given[1] = given[0][::-1].copy()
    history = model.fit(*given, batch_size=2 * HALF, epochs=2, shuffle=False).history
    weights = np.concatenate([np.ravel(w) for w in model.get_weights()])
    return {"history": history, "weights": weights.tolist()}


def main(name):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = tf.distribute.MirroredStrategy(DEVICES)
    keras.random.uniform = keras.random.randint = even
    one_device = trained(name)
    with two.scope():
        print(json.dumps([one_device, trained(name)]))


if __name__ == "__main__":
    main(sys.argv[1])
