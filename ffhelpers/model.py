"""`ForwardForward`: a Keras model whose blocks learn each by itself."""

import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from .goodness import PairwiseLoss, inverse_length, normalize
from .layers import Dense, LabelledDense
from .negatives import LabelInImage, check_labels
from .machine import watched


@keras.saving.register_keras_serializable(package="ffhelpers")
class ForwardForward(keras.Model):
    """A network of blocks, trained by the Forward-Forward algorithm (Hinton 2022).

    Each block raises the goodness of images with their true label and lowers it under a wrong
    one. No gradient passes from one block to another. All trainable blocks learn on every batch;
    a block with `trainable = False` only passes its activities on, so greedy training is one
    `fit` per block, compiled anew in between as Keras asks.

    Args:
        blocks: widths of dense blocks, such as `[500, 500]`, or layers with a goodness, the first
            of which takes images and labels (`LabelledDense`).
        num_classes: number of classes, at least 2.
        negatives: `"hard"`, `"uniform"` or `"given"`, see `LabelInImage`; or such a layer.
        silent_blocks: how many of the first blocks learn, but have no vote: their goodness does not
            count in predictions, nor their activities in `OnePass`. Hinton 2022, section 3.3, has
            one.
        adversarial: how far images are at most moved against the first block in training, see
            `adversarial_images`; 0 leaves them as they are.
        hardest: the part of each batch that the blocks learn from, see `hardest_images`; 1 is all
            of it.

    It takes images, float in [0, 1] or uint8, `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`,
    and integer labels `(n,)`. `predict` gives the goodness of every label, summed over the
    blocks that vote, float32 `(n, num_classes)`: the best one is the prediction. `fit` reports
    `loss`, the local losses summed over the blocks, and `g_pos` and `g_neg`, the mean goodness of
    the blocks that learn, all of the images learned from. `evaluate` gives the loss, here over all
    wrong labels, and the accuracy.
    Sample and class weights weigh the loss of an image.

    Raises:
        ValueError: no block, a bad width, `num_classes` or `negatives`, no block that votes,
            `adversarial` below 0, or `hardest` not above 0 and at most 1; in `fit` and `evaluate`,
            bad labels, of a `tf.data.Dataset` those of a wrong shape or dtype.
    """

    def __init__(
        self,
        blocks,
        num_classes,
        negatives="hard",
        silent_blocks=0,
        adversarial=0.0,
        hardest=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(blocks, (list, tuple)) or not blocks:
            raise ValueError(f"blocks={blocks!r}: expected a list of widths, such as [500, 500]")
        if silent_blocks not in range(len(blocks)):
            raise ValueError(f"silent_blocks={silent_blocks!r}: expected 0 to {len(blocks) - 1}")
        if not 0 <= adversarial < np.inf:
            raise ValueError(f"adversarial={adversarial!r}: expected a finite number, 0 or more")
        if not 0 < hardest <= 1:
            raise ValueError(f"hardest={hardest!r}: expected a part above 0, at most 1")
        if isinstance(negatives, str):
            negatives = LabelInImage(num_classes, negatives)
        self.num_classes, self.source = num_classes, negatives
        self.silent_blocks, self.adversarial, self.hardest = silent_blocks, adversarial, hardest
        self.blocks = [self._block(i, block) for i, block in enumerate(blocks)]
        self.g_pos = keras.metrics.Mean(name="g_pos")
        self.g_neg = keras.metrics.Mean(name="g_neg")

    def _block(self, i, block):
        if isinstance(block, keras.Layer):
            return block
        return Dense(block) if i else LabelledDense(block, self.num_classes)

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

        A loss is a `keras.losses.Loss` that receives the index of the positive stream, `(n,)`,
        and the goodness of the streams, `(n, streams)`; any other is a `ValueError`. To it comes
        what a block adds itself, such as its `activity_regularizer`. Metrics see labels and
        predictions in `evaluate` only. With `jit_compile="auto"` XLA compiles the training step
        wherever it can, also on a CPU, where that saves about half of the time. Returning to
        Python for every batch would cost a third of a small network's step: with
        `steps_per_execution="auto"` that is done after 20 batches, which callbacks see as one, or
        after each where several devices share the batch.
        """
        loss = PairwiseLoss() if loss is None else loss
        if not isinstance(loss, keras.losses.Loss):
            raise ValueError(f"loss={loss!r}: expected a keras.losses.Loss, as ff.PairwiseLoss()")
        metrics = list(metrics or [])
        self._asked = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        if steps_per_execution == "auto":  # Keras's loop in TensorFlow fails on several devices
            steps_per_execution = 20 if self.distribute_strategy.num_replicas_in_sync == 1 else 1
        kwargs |= {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        super().compile(optimizer, loss, metrics=metrics, **kwargs)
        self._steps, self._traced_for = {}, None
        self._xla = jit_compile == "auto" and not self.run_eagerly
        if jit_compile == "auto":
            # Not for predictions: how XLA rounds depends on the batches that it saw before, and a
            # loaded model shall give the same bits as the saved one.
            self.jit_compile = False

    def build(self, input_shape):
        for block in self.blocks:
            if not block.built:  # it is when it was loaded from a file
                block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)

    def get_compile_config(self):
        # What "auto" means is for the machine to say on which the model is loaded.
        config = super().get_compile_config()
        return config and config | self._asked

    def compile_from_config(self, config):
        # Keras skips this for a model with a `compile` of its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        """One step of every trainable block on one batch: the Forward-Forward algorithm."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        if self.hardest < 1:
            x, y, weight = self.hardest_images(x, y, weight)
        h, labels, positive = self.source.training(x, y)
        if self.adversarial:
            h = self.adversarial_images(h, labels, positive)
        gradients, variables, losses, pairs = [], [], [], []
        done, replicas = [], tf.distribute.get_strategy().num_replicas_in_sync
        for block in self.blocks[: self._last_trainable() + 1]:
            # A block starts when the one before has its gradients, so that TensorFlow keeps one
            # block's activities at a time. XLA keeps an order of its own, and more of them.
            with tf.control_dependencies(done), tf.GradientTape() as tape:
                h = block(h, **labels, training=block.trainable)  # no dropout in a frozen one
                goodness = block.goodness(h)
                loss = self.loss(positive, goodness, weight) + sum(block.losses) / replicas
                scaled = self.optimizer.scale_loss(loss)
            h, labels = tf.stop_gradient(h), {}
            if block.trainable:
                done = tape.gradient(scaled, block.trainable_variables)
                gradients += done
                variables += block.trainable_variables
                losses.append(loss)
                pairs.append(goodness)
        self.optimizer.apply(gradients, variables)
        self._track_loss(sum(losses), ops.shape(x)[0])
        true = ops.one_hot(positive, pairs[0].shape[-1])
        for goodness in pairs:
            self.g_pos.update_state(goodness, true)
            self.g_neg.update_state(goodness, 1 - true)
        return {m.name: m.result() for m in self.metrics if m.name in ("loss", "g_pos", "g_neg")}

    def hardest_images(self, x, y, weight=None):
        """The part `hardest` of a batch that the first block errs most on, in the batch's order.

        Those with its largest own losses, one image at least: a network that knows most images
        learns from the others (Ordered SGD, Kawaguchi & Lu 2020; Jiang et al. 2019). To find them
        takes a forward pass of one block.

        Args:
            x, y: a batch as `fit` takes it.
            weight: of each image's loss, float `(n,)`, or None.

        Returns:
            Those images, their labels, and their weights or None.
        """
        h, labels, positive = self.source.training(x, y)
        losses = self.loss.call(positive, self.blocks[0].goodness(self.blocks[0](h, **labels)))
        if weight is not None:
            losses *= ops.cast(ops.reshape(weight, (-1,)), losses.dtype)
        count = ops.cast(ops.ceil(self.hardest * ops.cast(ops.shape(x)[0], "float32")), "int32")
        rows = ops.sort(ops.top_k(losses, count)[1])
        return tuple(None if a is None else ops.take(a, rows, axis=0) for a in (x, y, weight))

    def adversarial_images(self, x, labels, positive):
        """Images moved to where the first block errs more (Goodfellow et al. 2015).

        Each is moved up the gradient of its own loss (along it, as in Miyato et al. 2016, not
        along its signs), which passes through one block only. The last of a batch moves by
        `adversarial` times its length, those before by less and less: a batch is shuffled.

        Args:
            x, labels, positive: what the source of the streams gives for a batch.

        Returns:
            float32, the shape of `x`, no longer from 0 to 1.
        """
        white = 255 if keras.backend.standardize_dtype(x.dtype) == "uint8" else 1
        x = ops.cast(x, "float32") / white
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            goodness = self.blocks[0].goodness(self.blocks[0](x, **labels))
            loss = ops.sum(self.loss.call(positive, goodness))  # not the mean, lest it underflow
        flat, uphill = (
            ops.reshape(a, (-1, int(np.prod(x.shape[1:])))) for a in (x, tape.gradient(loss, x))
        )
        count = ops.cast(ops.shape(x)[0], "float32")
        reach = self.adversarial * tf.range(1.0, count + 1)[:, None] / count
        step = reach / inverse_length(flat) * normalize(uphill, 1e-30)
        return x + ops.reshape(step, ops.shape(x))

    def test_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        y = ops.cast(ops.reshape(y, (-1,)), "int32")
        by_block = self.block_goodness(x)
        self._track_loss(
            sum(self.loss(y, goodness, weight) for goodness in by_block), ops.shape(x)[0]
        )
        logs = self.compute_metrics(x, y, sum(self._voting(by_block)), weight)
        return {name: value for name, value in logs.items() if name not in ("g_pos", "g_neg")}

    def _track_loss(self, loss, batch_size):
        tracker = next(m for m in self.metrics if m.name == "loss")
        # Keras losses are scaled down to the share of a replica.
        loss *= tf.distribute.get_strategy().num_replicas_in_sync
        tracker.update_state(loss, sample_weight=batch_size)

    def get_metrics_result(self):
        # Keras asks for all metrics after an epoch, when those of predictions were never fed.
        results = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                result = metric.result()
                results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    def _last_trainable(self):
        trainable = [i for i, block in enumerate(self.blocks) if block.trainable]
        if not trainable:
            raise ValueError("no block is trainable: set trainable = True on one and compile")
        return trainable[-1]

    def block_goodness(self, x):
        """The goodness of every label in each block, for a batch: float32 `(n, num_classes)`."""
        (h, labels), by_block = self.source.candidates(x), []
        for block in self.blocks:
            h, labels = block(h, **labels), {}
            by_block.append(block.goodness(h))
        return by_block

    def _voting(self, by_block):
        return by_block[self.silent_blocks :]

    def call(self, x):
        return sum(self._voting(self.block_goodness(x)))

    def neutral_activities(self, x, training=False):
        """Normalised activities of the blocks that vote, under a neutral label, for a batch.

        The input of the one-pass softmax (Hinton 2022, section 3.3): float
        `(n, sum of their widths)`; with the blocks' dropout in `training`.
        """
        (h, labels), activities = self.source.neutral(x), []
        for block in self.blocks:
            h, labels = block(h, **labels, training=training), {}
            activities.append(normalize(ops.reshape(h, (-1, int(np.prod(h.shape[2:]))))))
        return ops.concatenate(self._voting(activities), axis=-1)

    @tf.function(reduce_retracing=True)
    def _layer_goodness(self, x):
        return ops.stack(self.block_goodness(x), axis=1)

    def layer_goodness(self, x, batch_size=500):
        """The goodness of every label in each block, for any number of images.

        Returns:
            numpy float32 `(n, blocks, num_classes)`; its sum over those that vote is `predict(x)`.
        """
        self._build_for(x)
        batches = (
            tf.convert_to_tensor(x[i : i + batch_size]) for i in range(0, len(x), batch_size)
        )
        return np.concatenate([self._layer_goodness(batch).numpy() for batch in batches])

    # The three below add checks, and a bar that is silent when nobody watches. They also build
    # the network, because XLA cannot make weights in mid-step.

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
        given = self.source.negatives == "given"
        self._check_labels(x, y, given)
        validation = kwargs.get("validation_data")
        pair = isinstance(validation, (list, tuple))
        self._check_labels(*(validation[:2] if pair else [validation]))
        if given and kwargs.get("class_weight"):
            raise ValueError("class_weight does not go with given negatives: use sample_weight")
        self._build_for(x)
        if isinstance(x, tf.data.Dataset):  # it has its own order, of which Keras would warn
            kwargs.setdefault("shuffle", False)
        return super().fit(x, y, batch_size, epochs, _verbosity(verbose), **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        self._check_labels(x, y)
        self._build_for(x)
        return super().evaluate(x, y, batch_size, _verbosity(verbose), **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", **kwargs):
        self._build_for(x)
        return super().predict(x, batch_size, _verbosity(verbose), **kwargs)

    def _build_for(self, x):
        spec = getattr(x, "element_spec", None)  # of a tf.data.Dataset
        first = x if spec is None else tf.nest.flatten(spec)[0]
        image_shape = tf.TensorShape(getattr(first, "shape", None))[1:]
        if not self.built and image_shape.rank and image_shape.is_fully_defined():
            self.build((None, *image_shape))
        elif not self.built:
            self._xla = False

    def _check_labels(self, x, y=None, given=False):
        spec = getattr(x, "element_spec", None)
        if isinstance(spec, tuple) and len(spec) > 1:  # a data set brings its labels itself
            y = spec[1]
        known = not isinstance(y, tf.TensorSpec)
        if y is None or not (known or y.shape[1:].is_fully_defined()):
            return
        shape = tuple(np.shape(y))
        if len(shape) not in (1, 2) or shape[1:] not in (((2,),) if given else ((), (1,))):
            wanted = "(n, 2): true and wrong label" if given else "(n,), integers and not one-hot"
            raise ValueError(f"labels of shape {shape}: expected {wanted}")
        # Of labels that are still to come only the dtype can be checked.
        check_labels(y if known else np.empty(0, y.dtype.as_numpy_dtype), self.num_classes)

    def make_train_function(self, force=False):
        # A step traced before a block was frozen would go on training it: one for each choice.
        trainable = tuple(block.trainable for block in self.blocks)
        if trainable != self._traced_for:
            self._steps[self._traced_for] = self.train_function
            self.train_function = self._steps.get(trainable)
            self._traced_for = trainable
        if not self._xla or self.distribute_strategy.num_replicas_in_sync > 1:
            return super().make_train_function(force)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Keras refuses, and warns, where ops are deterministic
            self.jit_compile = True
        super().make_train_function(force)
        self.jit_compile = False

    def get_config(self):
        return {
            **super().get_config(),
            "blocks": [keras.saving.serialize_keras_object(block) for block in self.blocks],
            "num_classes": self.num_classes,
            "silent_blocks": self.silent_blocks,
            "adversarial": self.adversarial,
            "hardest": self.hardest,
            "negatives": keras.saving.serialize_keras_object(self.source),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["blocks"] = [keras.saving.deserialize_keras_object(b) for b in config["blocks"]]
        config["negatives"] = keras.saving.deserialize_keras_object(config["negatives"])
        return cls(**config)


@keras.saving.register_keras_serializable(package="ffhelpers")
class OnePass(keras.Model):
    """A softmax on a trained network's activities: one forward pass instead of a pass per label.

    The network sees a neutral label and is frozen (`network.trainable = False`); only the
    softmax's weights learn (Hinton 2022, section 3.3), from activities with the blocks' dropout,
    because those of images that the network has learned are too clear. An ordinary Keras
    classifier: compile it with a cross-entropy from logits. `predict` gives logits, float32
    `(n, num_classes)`.
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        if not hasattr(network.source, "neutral"):
            raise ValueError(f"{network.name} predicts in one pass itself: it reads no label")
        network.trainable = False
        self.network, self.head = network, keras.layers.Dense(network.num_classes, dtype="float32")

    def call(self, x, training=False):
        return self.head(self.network.neutral_activities(x, training))

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config):
        return cls(
            **{**config, "network": keras.saving.deserialize_keras_object(config["network"])}
        )


def _verbosity(verbose):
    return int(watched()) if verbose == "auto" else verbose
