"""Small networks for MNIST, which many tests train."""

import keras

import ffhelpers as ff


def network(blocks=(60, 50), num_classes=10, image_shape=(28, 28), **kwargs):
    keras.utils.set_random_seed(1)
    model = ff.ForwardForward(list(blocks), num_classes=num_classes, **kwargs)
    model.build((None, *image_shape))
    model.compile(keras.optimizers.Adam(2e-3), jit_compile=False)  # quicker to start
    return model


def dropping(dropout=0.5):
    first = ff.Labelled(ff.Dense(60, dropout=dropout), ff.LabelPixels(10))
    return network([first, ff.Dense(50, dropout=dropout)])
