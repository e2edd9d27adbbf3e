"""What Keras's `fit` needs to train locally: XLA, frozen blocks, checks, a stop at NaN.

Nothing of the algorithm is here: that is `ForwardForward` in `model.py`.
"""

import contextlib
import dataclasses
import functools
import math
import types
import warnings
from numbers import Integral

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import inputs, parameters
from .inputs import check_shares, count, listed, refusals
from .labels import check_labels
from .layers import Labelled
from .losses import LocalLoss, PairwiseLoss
from .machine import watched
from .workers import Shared

AT_ONCE = 20  # steps between two returns to Python, each of which costs a third of a small step


class DivergedError(ArithmeticError):
    """A training whose loss is no longer a number; a notebook shows its one line, no traceback."""

    def _render_traceback_(self):  # IPython's hook
        return [str(self)]


class LocalTrainer(Shared):
    """A Keras model whose blocks have losses of their own.

    A subclass has `source`, `blocks`, `train_step`, and `block_goodness` and `voting` for what
    predicts.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._asked = {"jit_compile": "auto", "steps_per_execution": "auto"}
        # Not as attributes of their own, which Keras would export.
        self._traced, self._xla = types.SimpleNamespace(functions={}, current={}), False
        self._made_under = tf.distribute.get_strategy()
        self.g_pos = keras.metrics.Mean(name="g_pos")
        self.g_neg = keras.metrics.Mean(name="g_neg")

    def compile(
        self,
        optimizer="adam",
        loss=None,
        metrics=("accuracy",),
        jit_compile="auto",
        steps_per_execution="auto",
        **kwargs,
    ):
        """As `keras.Model.compile`; the loss is each block's own, by default `PairwiseLoss()`.

        Args:
            loss: a `LocalLoss`, called with the signs of the streams, `(n or 1, streams)`, and
                their goodness, `(n, streams)`. In `fit`, but not in `evaluate`, what a block adds
                itself comes to it, such as its `activity_regularizer`.
            metrics: see labels and predictions, in `evaluate` only.
            jit_compile: with `"auto"` XLA compiles the training step wherever it can, also on a
                CPU, where that saves about half of the time.
            steps_per_execution: with `"auto"` up to 20 steps are made between two returns to
                Python, and callbacks see them as one; fewer where that would not be the number
                of steps that was asked for or is shown, and one where several devices share the
                batch, and in `predict`.

        Raises:
            ValueError: another kind of loss; `loss_weights`; a metric that integer labels and the
                goodness of every label do not fit.
        """
        if kwargs.get("loss_weights") is not None:
            raise ValueError(
                f"loss_weights={kwargs['loss_weights']!r}: expected none, every block has one loss "
                "of its own, see its scale"
            )
        loss = PairwiseLoss() if loss is None else loss
        if not isinstance(loss, LocalLoss):
            raise ValueError(
                f"loss={loss!r}: expected a loss over signs and goodness, as ff.PairwiseLoss()"
            )
        self._asked = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        if steps_per_execution != "auto":
            parameters.check(steps_per_execution=steps_per_execution)
        if jit_compile != "auto":
            parameters.check(jit_compile=jit_compile)
        devices = self.distribute_strategy.num_replicas_in_sync
        if devices > 1 and jit_compile is True:  # Keras and TensorFlow fail there, much later
            raise ValueError(f"jit_compile=True over {devices} devices: expected 'auto' or False")
        if devices > 1 and steps_per_execution not in ("auto", 1):
            raise ValueError(
                f"steps_per_execution={steps_per_execution} over {devices} devices: expected 'auto'"
            )
        for some in (metrics, kwargs.get("weighted_metrics")):
            _check_metrics(some, self.source.num_classes)
        at_once = 1 if steps_per_execution == "auto" else steps_per_execution
        kwargs |= {"jit_compile": jit_compile, "steps_per_execution": at_once}
        super().compile(optimizer, loss, metrics=listed(metrics), **kwargs)
        self._traced = types.SimpleNamespace(functions={}, current={})
        self._xla = jit_compile == "auto" and not self.run_eagerly and not _numerics_are_checked()
        if jit_compile == "auto":
            # Not for predictions: how XLA rounds depends on the batches that it saw before, and a
            # loaded model should give the same bits as the saved one.
            self.jit_compile = False

    def get_compile_config(self):
        # What "auto" means is for the machine to say on which the model is loaded.
        config = super().get_compile_config()
        return config and config | self._asked

    # --- Fit, evaluate, predict: checks, and a bar that is silent when nobody watches ---------

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        """As `keras.Model.fit`; see `compile` for the steps, and the source for the labels.

        Raises:
            ValueError: labels that the source cannot take; sample weights without labels; an
                optimizer that keeps averages of other weights; a callback that waits for an
                accuracy, which only validation knows.
            DivergedError: the loss is no longer finite; it says in which block and by which step.
                Or every step overflows float16. A `keras.callbacks.TerminateOnNaN` ends the training
                in Keras's way instead.
        """
        if self.distribute_strategy is not self._made_under:
            raise ValueError(
                f"{self.name} was made for other devices: expected ff.setup(…) before any network"
            )
        inputs.check_asked(epochs, batch_size, kwargs)
        inputs.check_monitors(kwargs)
        self.learning_blocks()
        self._check_averages()
        kwargs, given = inputs.weighed(y, kwargs, self.source.weighed), x
        x, y = self._expected(learning=True).taken(x, y, kwargs["sample_weight"])
        inputs.check_end(x, "steps_per_epoch", kwargs.get("steps_per_epoch"))
        x, first = self._begun(x)
        alike = dataclasses.replace(self._expected(), image_shape=self._image_shape(first))
        validation = alike.validation(kwargs.get("validation_data"))
        inputs.check_end(validation, "validation_steps", kwargs.get("validation_steps"))
        kwargs["validation_data"] = validation
        self._build_for(first, learning=True)
        self._warn_of_ink(getattr(given, "images", x) if isinstance(x, tf.data.Dataset) else x)
        verbose, asked = _verbosity(verbose), kwargs.get("steps_per_epoch")
        callbacks = listed(kwargs.pop("callbacks", None))
        split = kwargs.get("validation_split") or 0
        batches = asked or count(x, batch_size, kept=1 - split)
        if hasattr(x, "shape"):
            devices = self.distribute_strategy.num_replicas_in_sync
            check_shares(math.floor(len(x) * (1 - split)), batch_size, devices)
        names = ("save_freq", "update_freq")  # of a ModelCheckpoint, of a TensorBoard
        every = [getattr(callback, name, None) for callback in callbacks for name in names]
        every = [n for n in (kwargs.get("validation_steps"), *every) if isinstance(n, Integral)]
        # Whether the number of steps is seen by somebody, or was asked for.
        exact = asked or callbacks or verbose or every
        with self._at_once([batches, *every] if exact else None), refusals():
            if not any(isinstance(c, keras.callbacks.TerminateOnNaN) for c in callbacks):
                callbacks = [_StopAtNaN(), *callbacks]
            return super().fit(x, y, batch_size, epochs, verbose, callbacks=callbacks, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        verbose, steps = _verbosity(verbose), kwargs.get("steps")
        if kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which has seen to all this
            return super().evaluate(x, y, batch_size, verbose, **kwargs)
        inputs.check_counts(batch_size=batch_size, steps=steps)
        kwargs = inputs.weighed(y, kwargs)
        x, y = self._expected().taken(x, y, kwargs["sample_weight"])
        inputs.check_end(x, "steps", steps)
        x, first = self._begun(x)
        self._build_for(first)
        exact = steps or kwargs.get("callbacks") or verbose
        with self._at_once([steps or count(x, batch_size)] if exact else None), refusals():
            return super().evaluate(x, y, batch_size, verbose, **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", **kwargs):
        verbose, steps = _verbosity(verbose), kwargs.get("steps")
        inputs.check_counts(batch_size=batch_size, steps=steps)
        x, _ = self._expected(labels=False).taken(x)
        inputs.check_end(x, "steps", steps)
        x, first = self._begun(x)
        self._build_for(first)
        # A step at a time, also within `fit`: Keras would trace one graph of them all, in seconds.
        with self._at_once([1]), refusals():
            return super().predict(x, batch_size, verbose, **kwargs)

    @tf.function(reduce_retracing=True)
    def _layer_goodness(self, x):
        return ops.stack(self.block_goodness(x), axis=1)

    def layer_goodness(self, x, batch_size=100):
        """The goodness of every label in each block, for any number of images.

        Returns:
            numpy float32 `(n, blocks, num_classes)`; its sum over those that vote is `predict(x)`.
        """
        parameters.check(batch_size=batch_size)
        x = self._batch(x)
        batches = (
            tf.convert_to_tensor(x[i : i + batch_size]) for i in range(0, len(x), batch_size)
        )
        return np.concatenate([self._layer_goodness(batch).numpy() for batch in batches])

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, **kwargs):
        class_weight = inputs.class_weights(class_weight, self.source.weighed)
        sample_weight = inputs.sample_weights(sample_weight)
        x, y = self._batch(x, y, sample_weight, learning=True)
        return super().train_on_batch(x, y, sample_weight, class_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        sample_weight = inputs.sample_weights(sample_weight)
        x, y = self._batch(x, y, sample_weight)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def predict_on_batch(self, x):
        return super().predict_on_batch(self._batch(x))

    def export(self, filepath, *args, **kwargs):
        """As `keras.Model.export`; what is served takes images as floats, and divides no bytes."""
        served = inputs.served(self, self.source, filepath)
        super().export(filepath, *args, **{"input_signature": served, **kwargs})

    @property
    def _default_save_signature(self):
        # Keras asks for it in all that is exported, such as a network that a softmax reads.
        return super()._default_save_signature if self.source.prediction else None

    def quantize(self, *args, **kwargs):
        """Refused: no block has a quantised product."""
        raise ValueError(
            "blocks have no quantised product: expected an exported network, convert that"
        )

    @contextlib.contextmanager
    def _at_once(self, counts):
        """Set how many steps are made at once: a divisor of `counts`; 20 where None are seen."""
        before = self.steps_per_execution
        if self._asked["steps_per_execution"] == "auto":
            single = self.distribute_strategy.num_replicas_in_sync > 1  # Keras's loop fails there
            # The end of the data stops the loop wherever it is, but Keras counts on.
            whole = AT_ONCE if counts is None else 1 if None in counts else math.gcd(*counts)
            possible = [n for n in range(1, AT_ONCE + 1) if whole % n == 0]
            self.steps_per_execution = 1 if single else possible[-1]
        try:
            yield
        finally:
            self.steps_per_execution = before

    def _expected(self, learning=False, labels=True):
        """What this network can take, to learn from or to be judged by; without labels, alone."""
        source, predicts = self.source, self.source.prediction is not None
        shape = source.image_shape if self.built else None
        # Not in images of a Recurrent, whose label is on top.
        labelled = isinstance(self.blocks[0], Labelled)
        if not labels:
            if not predicts:
                source.candidates(None)  # which says what to do
            return inputs.Expected(shape, labelled=labelled)
        if learning or not predicts:
            needed = f"{type(source).__name__} learns from fit(x, y)" * source.takes_labels
            return inputs.Expected(shape, source.check, needed, source.num_classes, labelled)
        check = functools.partial(check_labels, num_classes=source.num_classes)
        needed = "accuracy is judged by them"
        return inputs.Expected(shape, check, needed, source.num_classes, labelled)

    def _batch(self, x, *given, learning=False):
        """One batch, which is here: images, and labels where some are given, even None."""
        x, y = self._expected(learning, labels=bool(given)).taken(x, *given)
        if not isinstance(x, (np.ndarray, tf.Tensor)):
            raise ValueError(f"x={type(x).__name__}: expected images as an array")
        self._build_for(x, learning)
        return (x, y) if given else x

    def _begun(self, x):
        return (x, None) if self.built else inputs.begun(x)

    def _image_shape(self, first):
        """Of one image, which the network is built for, or has to be."""
        return self.source.image_shape if self.source.built else tuple(first.shape[1:])

    def _build_for(self, first, learning=False):
        # Within a step XLA cannot make weights, nor would blocks know what is an axis of streams.
        if not self.built:
            with self.distribute_strategy.scope():  # as Keras, wherever `fit` is called
                self.build((None, *self._image_shape(first)))
        if learning and self.built and self.compiled and not self.optimizer.built:
            # Variables that are made in a step let it be traced twice.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def _warn_of_ink(self, x):
        covered = getattr(self.blocks[0], "covered", None)
        share = covered(x) if covered and isinstance(x, np.ndarray) else 0
        if share > 0.01:
            warnings.warn(
                f"the label covers something in {share:.0%} of the images: give it other pixels, "
                "as in ff.LabelPixels(10, pixels=…), or lay ff.LabelPatterns over the picture",
                stacklevel=3,
            )

    # --- Functions that TensorFlow compiles ------------------------------------------------------

    def _switch(self, kind, *key):
        """Keep what was traced for other blocks or numbers of steps, and take what fits now."""
        key = (self.steps_per_execution, *key)
        functions, current = self._traced.functions, self._traced.current
        if current.get(kind) != key:
            functions[kind, current.get(kind)] = getattr(self, kind)
            setattr(self, kind, functions.get((kind, key)))
            current[kind] = key

    def make_train_function(self, force=False):
        # A step traced before a block was frozen would go on training it: one for each choice.
        self._switch("train_function", *(block.trainable for block in self.blocks))
        if not self._xla or self.distribute_strategy.num_replicas_in_sync > 1:
            return super().make_train_function(force)
        with warnings.catch_warnings():
            # Keras refuses, and warns, where ops are deterministic.
            warnings.simplefilter("ignore")
            self.jit_compile = True
        super().make_train_function(force)
        self.jit_compile = False

    def make_test_function(self, force=False):
        self._switch("test_function")
        super().make_test_function(force)

    def make_predict_function(self, force=False):
        self._switch("predict_function")
        super().make_predict_function(force)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if self.source.prediction is not None:
            return super()._maybe_symbolic_build(iterator, data_batch)
        # With several devices Keras would ask for predictions, and here are none.

    # --- Losses and metrics -----------------------------------------------------------------

    def learning_blocks(self):
        """How many blocks a step has to visit: those behind the last that learns do nothing."""
        if not self.trainable:  # whatever its blocks are, Keras asks it first
            raise ValueError(
                "no block is trainable in a frozen network: expected model.trainable = True, set it, "
                "then freeze blocks and compile"
            )
        trainable = [i for i, block in enumerate(self.blocks, 1) if block.trainable]
        if not trainable:
            raise ValueError(
                "no block is trainable: expected one, set trainable = True and compile"
            )
        return trainable[-1]

    def _check_averages(self):
        """Refuse an optimizer with averages of other weights: Keras would mix them up."""
        optimizer = getattr(self, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if getattr(optimizer, "use_ema", False) and optimizer.built:
            averaged, ours = optimizer._trainable_variables, self.trainable_variables
            if list(map(id, averaged)) != list(map(id, ours)):
                raise ValueError(inputs.OTHER_WEIGHTS)

    def apply(self, gradients, count):
        """Move the weights by the gradients of a batch, or of a replica's part of it.

        Args:
            gradients: as `collect` keeps them.
            count: of how many images they are the mean.
        """
        gradients, variables = zip(*gradients.values())
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            # Parts of a batch are not always equal, but count alike in Keras. What is no number
            # on one replica becomes so on all, lest only that one skips the step.
            count = ops.cast(count, "float32") + sum(ops.sum(0 * g) for g in gradients)
            total = tf.distribute.get_replica_context().all_reduce("SUM", count)
            gradients = [gradient * (replicas * count / total) for gradient in gradients]
        self.optimizer.apply(gradients, variables)

    def track(self, loss, batch_size, signs=None, by_block=()):
        """Keep the loss of a batch, and the goodness of its positive and negative streams.

        Returns:
            What is known of them so far: dict name → value.
        """
        tracker = next(m for m in self.metrics if m.name == "loss")
        # Keras losses are scaled down to the share of a replica.
        loss *= tf.distribute.get_strategy().num_replicas_in_sync
        tracker.update_state(loss, sample_weight=batch_size)
        for goodness in by_block:
            for metric, kind in ((self.g_pos, signs > 0), (self.g_neg, signs < 0)):
                counted = ops.broadcast_to(ops.cast(kind, goodness.dtype), ops.shape(goodness))
                metric.update_state(goodness, counted)
        metrics = (tracker, self.g_pos, self.g_neg) if by_block else (tracker,)
        return {metric.name: metric.result() for metric in metrics}

    def _signs(self, y, goodness):
        """Of the true labels, with all others negative."""
        true = ops.reshape(y, (ops.shape(goodness)[0], -1))[:, 0]
        return 2 * ops.one_hot(ops.cast(true, "int32"), goodness.shape[-1]) - 1

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of predictions; Keras asks for it before it shares out a batch."""
        return self.loss(self._signs(y, y_pred), y_pred, sample_weight)

    def test_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        if self.source.prediction is None:  # there is no accuracy, only the loss
            streams = self.source.judging(x, y, weight, network=self)
            by_block = self.judged(streams.inputs, streams.labels)
            losses = (self.loss(streams.signs, g, streams.weight) for g in by_block)
            return self.track(sum(losses), ops.shape(x)[0])
        by_block = self.block_goodness(x)
        signs = self._signs(y, by_block[0])
        self.track(sum(self.loss(signs, g, weight) for g in by_block), ops.shape(x)[0])
        y = ops.reshape(y, (ops.shape(x)[0], -1))[:, 0]
        logs = self.compute_metrics(x, y, sum(self.voting(by_block)), weight)
        return {name: value for name, value in logs.items() if name not in ("g_pos", "g_neg")}

    def get_metrics_result(self):
        # Keras asks for all metrics after an epoch, when those of predictions were never fed.
        results = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                result = metric.result()
                results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    def _get_metrics_result_or_logs(self, logs):
        # Of several devices Keras takes the mean of their own results, whatever their parts.
        results = self.get_metrics_result()
        return {name: results.get(name, value) for name, value in logs.items()}


def collect(gradients, new, variables):
    """Add new gradients to those by variable: a block may be visited more than once.

    Args:
        gradients: variable's id → (gradient, variable), changed in place.
        new: gradients, None where there is none.
        variables: theirs.
    """
    for gradient, variable in zip(new, variables):
        earlier, _ = gradients.get(id(variable), (None, None))
        if gradient is not None and earlier is not None:
            gradient = gradient + earlier
        gradients[id(variable)] = (gradient, variable)


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0))
        if math.isfinite(loss):
            return
        broken = (
            i
            for i, block in enumerate(self.model.blocks, 1)
            if not all(np.isfinite(weight).all() for weight in block.get_weights())
        )
        raise DivergedError(
            f"training diverged in block {next(broken, 1)} by step {self._of('iterations'):.0f}, its "
            f"loss is {loss}: lower the learning rate, or look for NaN in the images, or for batches "
            "with streams of one sign alone"
        )

    def on_epoch_end(self, epoch, logs=None):
        # Each step whose gradients are not finite is left out, and halves this scale, which is
        # 32,768 at first: the loss stays finite, and nothing is learned.
        if self._of("dynamic_scale") < 1:
            raise DivergedError(
                f"gradients overflow float16 in step after step up to {self._of('iterations'):.0f}, "
                "which changes no weight: lower the loss's scale, or take mixed_bfloat16"
            )

    def _of(self, name):
        """A number that the optimizer keeps, also over several devices; NaN where it has none."""
        value = getattr(self.model.optimizer, name, math.nan)
        return float(ops.convert_to_numpy(value))


def _numerics_are_checked():
    """Whether `tf.debugging.enable_check_numerics` was called: XLA knows no such checks."""
    traced = tf.function(tf.sqrt).get_concrete_function(tf.TensorSpec((), tf.float32))
    return any(op.type.startswith("DebugNumeric") for op in traced.graph.get_operations())


def _check_metrics(metrics, num_classes):
    """Try each on two images: Keras would say after an epoch of training what it cannot be."""
    if num_classes is None or tf.distribute.has_strategy():  # there Keras alone can try them
        return
    for metric in listed(metrics):
        if metric in ("accuracy", "acc"):
            continue
        name = metric if isinstance(metric, str) else getattr(metric, "name", metric)
        copy = _copied(metric)
        if copy is None:
            continue
        try:
            trial = keras.Sequential()
            trial.compile(metrics=[copy])
            trial.compute_metrics(
                None, np.zeros(2, "int32"), np.zeros((2, num_classes), "float32")
            )
        except Exception:  # whatever it is that does not fit
            raise ValueError(
                f"metrics={name!r}: expected one of labels (n,) and goodness (n, {num_classes}), "
                "such as keras.metrics.SparseTopKCategoricalAccuracy(2)"
            ) from None


def _copied(metric):
    """A copy of a metric, or None of one that cannot be made again, which Keras alone can try."""
    if not isinstance(metric, keras.metrics.Metric):
        return metric
    try:
        return type(metric).from_config(metric.get_config())
    except Exception:  # whatever it is that its configuration lacks
        return None


def _verbosity(verbose):
    return int(watched()) if verbose == "auto" else verbose
