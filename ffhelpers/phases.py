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


@keras.saving.register_keras_serializable(package="ffhelpers")
class PhaseAdam(keras.optimizers.Adam):
    """Adam with a state for each phase: gradients awake do not enter the means asleep.

    As in https://arxiv.org/abs/2310.18647. Keras's Adam has one state for both phases.

    Args:
        learning_rate, and what else `keras.optimizers.Adam` takes, but no `amsgrad`.
        batches: length of a phase, as of `Phases`.

    Raises:
        ValueError: impossible `batches`; `amsgrad`.

    Example:
        `model.compile(ff.PhaseAdam(1e-3, 8), ff.ThresholdLoss())`
    """

    def __init__(self, learning_rate=0.001, batches=1, **kwargs):
        super().__init__(learning_rate, **kwargs)
        parameters.check(batches=batches)
        if self.amsgrad:
            raise ValueError("amsgrad=True: expected False, PhaseAdam has no such state")
        self.batches = int(batches)

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self._asleep = self.add_optimizer_variables(
                variables, ["asleep_mean", "asleep_square"]
            )

    def update_step(self, gradient, variable, learning_rate):
        i, step, n = self._get_variable_index(variable), self.iterations, self.batches
        asleep = step // n % 2 == 1
        seen = ops.cast(step // (2 * n) * n + step % n + 1, variable.dtype)  # of this phase's sign
        rate, gradient = (
            ops.cast(learning_rate, variable.dtype),
            ops.cast(gradient, variable.dtype),
        )
        awake, sleeping = (self._momentums[i], self._velocities[i]), [s[i] for s in self._asleep]
        mean, square = (
            self._state(asleep, *states, beta, value)
            for states, beta, value in zip(
                zip(awake, sleeping), (self.beta_1, self.beta_2), (gradient, ops.square(gradient))
            )
        )
        rate *= ops.sqrt(1 - self.beta_2**seen) / (1 - self.beta_1**seen)
        self.assign_sub(variable, rate * mean / (ops.sqrt(square) + self.epsilon))

    def _state(self, asleep, day, night, beta, value):
        """The running mean of the phase that it is, with a new value in it."""
        mean = beta * ops.where(asleep, night, day) + (1 - beta) * value
        self.assign(day, ops.where(asleep, day, mean))
        self.assign(night, ops.where(asleep, mean, night))
        return mean

    def get_config(self):
        return {**super().get_config(), "batches": self.batches}
