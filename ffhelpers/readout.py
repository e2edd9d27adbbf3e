"""A softmax that reads a trained network in one pass."""

import warnings

import keras
import numpy as np

from . import inputs, parameters
from .labels import check_labels
from .layers import Labelled
from .model import ForwardForward
from .workers import Shared


@keras.saving.register_keras_serializable(package="ffhelpers")
class OnePass(Shared):
    """A softmax on a trained network's activities: one forward pass instead of a pass per label.

    The network sees a neutral label and is frozen (`network.trainable = False`); only the
    softmax's weights learn (Hinton 2022, section 3.3), from activities with the blocks' dropout,
    because those of images that the network has learned are too clear. Both may also learn in
    turns, with `network.trainable = True` before the network's `fit` and False after it. An
    ordinary Keras classifier. `predict` gives logits, float32 `(n, num_classes)`.

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
        self.num_classes = int(self.num_classes)
        self.network, self.head = network, keras.layers.Dense(self.num_classes, dtype="float32")
        network.trainable = False

    @property
    def _expected(self):
        shape = self.network.source.image_shape if self.network.built else None
        needed = "a softmax learns from fit(x, y)"
        labelled = isinstance(self.network.blocks[0], Labelled)
        return inputs.Expected(shape, self._check, needed, self.num_classes, labelled)

    def _check(self, labels):
        sparse = isinstance(
            getattr(self, "loss", None), keras.losses.SparseCategoricalCrossentropy
        )
        if sparse or np.shape(labels)[1:] != (self.num_classes,):  # else one-hot ones
            check_labels(labels, self.num_classes)

    def compile(self, optimizer="adam", loss=None, **kwargs):
        """As `keras.Model.compile`; by default with the cross-entropy from logits, of labels.

        Raises:
            ValueError: a cross-entropy of probabilities, which the outputs are not.
        """
        if loss is None:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for each in inputs.listed(loss):
            if not _of_logits(keras.losses.get(each)):
                raise ValueError(
                    f"loss={parameters.shown(each)}: expected one of logits, such as "
                    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
                )
        super().compile(optimizer, loss, **kwargs)

    def compile_from_config(self, config):
        try:
            super().compile_from_config(config)
        except ValueError as error:  # it was compiled before such losses were refused
            warnings.warn(f"{self.name} has the default loss now: {error}", stacklevel=2)
            super().compile_from_config({**config, "loss": None})

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        """As `keras.Model.fit`.

        Raises:
            ValueError: images or labels that it cannot take; a network that has seen no image.
        """
        if not self.network.built:
            raise ValueError(f"{self.network.name} has seen no image yet: fit it first")
        inputs.check_asked(epochs, batch_size, kwargs)
        kwargs = inputs.weighed(y, kwargs, self.num_classes)
        x, y = self._expected.taken(x, y, kwargs["sample_weight"])
        inputs.check_end(x, "steps_per_epoch", kwargs.get("steps_per_epoch"))
        validation = self._expected.validation(kwargs.get("validation_data"))
        inputs.check_end(validation, "validation_steps", kwargs.get("validation_steps"))
        kwargs["validation_data"] = validation
        with inputs.refusals():
            return super().fit(x, y, batch_size, epochs, verbose, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        if not kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which has seen to this
            kwargs = inputs.weighed(y, kwargs)
            x, y = self._expected.taken(x, y, kwargs["sample_weight"])
            inputs.check_end(x, "steps", kwargs.get("steps"))
        with inputs.refusals():
            return super().evaluate(x, y, batch_size, verbose, **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", **kwargs):
        known = self._expected
        x, _ = inputs.Expected(known.image_shape, labelled=known.labelled).taken(x)
        inputs.check_end(x, "steps", kwargs.get("steps"))
        with inputs.refusals():
            return super().predict(x, batch_size, verbose, **kwargs)

    def export(self, filepath, *args, **kwargs):
        """As `keras.Model.export`; what is served takes images as floats, and divides no bytes."""
        served = inputs.served(self, self.network.source, filepath)
        super().export(filepath, *args, **{"input_signature": served, **kwargs})

    def call(self, x, training=False):
        return self.head(self.network.neutral_activities(x, training))

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "num_classes": self.num_classes}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def _of_logits(loss):
    """Whether a loss fits logits: no cross-entropy of Keras's that takes probabilities."""
    ours = not getattr(loss, "__module__", "").startswith("keras.")
    function = not ours and "crossentropy" in getattr(loss, "__name__", "")
    return not function and getattr(loss, "from_logits", True)
