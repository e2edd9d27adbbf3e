"""A softmax that reads a trained network in one pass."""

import keras
import numpy as np

from . import inputs, parameters
from .labels import check_labels
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

    @property
    def _expected(self):
        shape = self.network.source.image_shape if self.network.built else None
        needed = "a softmax learns from fit(x, y)"
        return inputs.Expected(shape, self._check, needed, self.num_classes)

    def _check(self, labels):
        if np.shape(labels)[1:] != (self.num_classes,):  # one-hot, of a loss that wants them
            check_labels(labels, self.num_classes)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        """As `keras.Model.fit`.

        Raises:
            ValueError: images or labels that it cannot take; a network that has seen no image.
        """
        if not self.network.built:
            raise ValueError(f"{self.network.name} has seen no image yet: fit it first")
        inputs.check_class_weight(kwargs.get("class_weight"), self.num_classes)
        x, y = self._expected.taken(x, y, kwargs.get("sample_weight"))
        kwargs["validation_data"] = self._expected.validation(kwargs.get("validation_data"))
        with inputs.refusals():
            return super().fit(x, y, batch_size, epochs, verbose, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        if not kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which has seen to this
            x, y = self._expected.taken(x, y, kwargs.get("sample_weight"))
        with inputs.refusals():
            return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        shape = self._expected.image_shape
        with inputs.refusals():
            return super().predict(inputs.Expected(shape).taken(x)[0], *args, **kwargs)

    def call(self, x, training=False):
        return self.head(self.network.neutral_activities(x, training))

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "num_classes": self.num_classes}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})
