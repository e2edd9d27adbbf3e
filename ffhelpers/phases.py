"""Positive and negative phases apart: what a network learns from awake, and what asleep."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import parameters
from .sources import Around


@keras.saving.register_keras_serializable(package="ffhelpers")
class Phases(Around):
    """A source of which a batch shows either the positive or the negative streams.

    The first `batches` steps are positive, as many negative ones follow, and so on. Which phase it
    is follows from the optimiser's steps, so a network that was loaded goes on in the middle of
    its phase. Only the streams of one sign enter the first block. `evaluate` judges both signs.

    Hinton 2022 speaks of a positive phase awake and a negative one asleep, apart in time. Only
    `ThresholdLoss` learns from one sign alone.

    Args:
        source: a `Source` with as many positive as negative streams, the same ones for all images.
        batches: length of a phase, in updates of the weights. That is in batches, unless the
            optimiser accumulates the gradients of several.

    Raises:
        ValueError: impossible `batches`; a source whose blocks judge all classes at once. In
            training: signs that differ from image to image, or more streams of one sign; a loss
            that compares the signs.

    Example:
        `ff.ForwardForward([500, 500], source=ff.Phases(ff.LabelInImage(10, "uniform"), 8))`
    """

    def __init__(self, source, batches=1, **kwargs):
        super().__init__(source, **kwargs)
        parameters.check(batches=batches)
        if source.prediction == "classes":
            raise ValueError(
                f"{type(source).__name__} has every class in one stream: expected a source with "
                "positive and negative streams, such as ff.LabelInImage(10)"
            )
        self.batches = int(batches)

    def training(self, x, y, weight=None, network=None):
        network.loss.check_signs(np.ones((1, 1)))
        streams = self.source.training(x, y, weight, network)
        asleep = network.optimizer.iterations // self.batches % 2
        rows = ops.take(self._by_sign(streams.signs), asleep, axis=0)

        def picked(a):
            return ops.take(a, rows, axis=1)

        def labels(goodness):
            return picked(streams.labels(goodness))

        signs = picked(streams.signs)
        if streams.labels is None:
            return streams._replace(inputs=picked(streams.inputs), signs=signs)
        return streams._replace(
            labels=labels if callable(streams.labels) else picked(streams.labels), signs=signs
        )

    def _by_sign(self, signs):
        """Which streams are positive, and which negative: int32 `(2, half of them)`."""
        known = tf.get_static_value(signs)
        rows = [] if known is None else [np.flatnonzero(s) for s in (known[0] > 0, known[0] < 0)]
        if known is None or len(known) > 1 or len(rows[0]) != len(rows[1]) or not len(rows[0]):
            counted = "unknown" if known is None else np.array(known).tolist()
            raise ValueError(
                f"{type(self.source).__name__} with signs {counted}: expected as many positive as "
                "negative streams, the same ones for all images"
            )
        return np.array(rows, "int32")

    def get_config(self):
        return {**super().get_config(), "batches": self.batches}
