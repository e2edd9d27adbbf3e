"""A softmax that reads a trained network in one pass."""

import keras

from . import parameters
from .inputs import as_images
from .model import ForwardForward
from .workers import Shared


@keras.saving.register_keras_serializable(package="ffhelpers")
class OnePass(Shared):
    """A softmax on a trained network's activities: one forward pass instead of a pass per label.

    The network sees a neutral label and is frozen (`network.trainable = False`); only the
    softmax's weights learn (Hinton 2022, section 3.3), from activities with the blocks' dropout,
    because those of images that the network has learned are too clear. Both may also learn in
    turns, with `network.trainable = True` before the network's `fit` and False after it. An
    ordinary Keras classifier: compile it with a cross-entropy from logits. `predict` gives
    logits, float32 `(n, num_classes)`.

    Args:
        network: a trained `ForwardForward`.
        num_classes: number of classes; by default the network's.
    """

    def __init__(self, network, *, num_classes=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(network, ForwardForward):
            raise ValueError(f"network={parameters.shown(network)}: expected an ff.ForwardForward")
        if network.source.prediction == "classes":
            raise ValueError(
                f"{network.name} predicts in one pass itself: expected a network that reads labels "
                "or none"
            )
        self.num_classes = network.num_classes if num_classes is None else num_classes
        parameters.check(num_classes=self.num_classes)
        network.trainable = False
        self.network, self.head = network, keras.layers.Dense(self.num_classes, dtype="float32")

    def _taken(self, x):
        return as_images(x, self.network.source.image_shape if self.network.built else None)

    def call(self, x, training=False):
        return self.head(self.network.neutral_activities(x, training))

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "num_classes": self.num_classes}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})
