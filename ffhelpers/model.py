"""`ForwardForward`: a network whose blocks learn each by itself."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import parameters
from .goodness import normalize
from .hardware import check_precision
from .labels import LabelPixels
from .layers import Block, Dense, Labelled, check_parts, check_reading, check_size
from .saved import FORMATS, restored
from .sources import LabelInImage, Source
from .trainer import LocalTrainer, collect


@keras.saving.register_keras_serializable(package="ffhelpers")
class ForwardForward(LocalTrainer):
    """A network of blocks, trained by the Forward-Forward algorithm (Hinton 2022).

    Each block raises the goodness of positive streams, such as images with their true label, and
    lowers that of negative ones. No gradient passes from one block to another. All trainable
    blocks learn on every batch; a block with `trainable = False` only passes its activities on, so
    greedy training is one `fit` per block, compiled again in between as Keras asks.

    Args:
        blocks: widths of dense blocks, such as `[500, 500]`, or blocks; where the source has
            labels to try, the first one reads them (`Labelled`).
        num_classes: number of classes, at least 2; the source's, where it has any.
        source: what the network learns from, a `Source`; `"hard"` and `"uniform"` stand for
            `LabelInImage` with such negatives.
        silent_blocks: how many of the first blocks learn, but have no vote: their goodness does
            not count in predictions, nor their activities in `OnePass`. Hinton 2022, section 3.3,
            has one.

    It takes images, float in [0, 1] or uint8, `(n, h, w)`, `(n, h, w, channels)` or `(n, d)`,
    and integer labels `(n,)`. `predict` gives the goodness of every label, summed over the
    blocks that vote, float32 `(n, num_classes)`: the best one is the prediction. `fit` reports
    `loss`, the local losses summed over the blocks, and `g_pos` and `g_neg`, the mean goodness of
    the blocks that learn, all of the images learned from. `evaluate` gives the loss, here over all
    wrong labels, and the accuracy. Sample and class weights weigh the loss of an image.

    Raises:
        ValueError: no block, what is none, no block that votes, or blocks, source and network
            that disagree on the number of classes.

    Example:
        `ff.ForwardForward([500, 500], num_classes=10)`
    """

    def __init__(self, blocks, *, num_classes=None, source="hard", silent_blocks=0, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(blocks, (list, tuple)) or not blocks:
            raise ValueError(f"blocks={blocks!r}: expected a list of widths, such as [500, 500]")
        if silent_blocks not in range(len(blocks)) or isinstance(silent_blocks, bool):
            raise ValueError(f"silent_blocks={silent_blocks!r}: expected 0 to {len(blocks) - 1}")
        if num_classes is not None:
            parameters.check(num_classes=num_classes)
        if not isinstance(source, Source):
            source = LabelInImage(num_classes, source)
        self.num_classes = num_classes or source.num_classes
        self.source, self.silent_blocks = source, silent_blocks
        self.blocks = [self._block(i, block) for i, block in enumerate(blocks)]
        self._check_labels()
        check_precision(self, source, *self.blocks)
        check_parts(source, self.blocks, self.num_classes)

    def _check_labels(self):
        check_reading(self.source, self.blocks)

    def _block(self, i, block):
        if isinstance(block, (Block, Labelled)):
            return block
        if isinstance(block, keras.Layer):
            raise ValueError(f"{block.name} has no goodness: expected a block, as ff.Dense(500)")
        block = Dense(block)
        reads = i == 0 and self.source.prediction == "candidates"
        return Labelled(block, LabelPixels(self.num_classes)) if reads else block

    def build(self, input_shape):
        if not self.source.built:  # it is when it was loaded from a file
            self.source.build(input_shape)
        shape = self.source.compute_output_shape(input_shape)
        for block in self.blocks:
            if block.built:
                check_size(block, shape)
            else:
                block.build(shape)
            shape = block.compute_output_shape(shape)

    def forward(self, visit, inputs, labels=None, count=None):
        """The way through the blocks, whatever is done at each.

        Args:
            visit: called as `visit(block, h)` with each block in turn and what reaches it, the
                first one with `labels=` too where there are any; gives what reaches the next.
            inputs, labels: what a source gives.
            count: how many blocks to visit; all of them by default.

        Returns:
            What the last visit gave.

        Example:
            `model.forward(lambda block, h, **labels: block(h, **labels), *source.candidates(x))`
            are the activities of the last block under every label.
        """
        h, given = inputs, {}
        if labels is not None:
            given = {"labels": labels}
        for block in self.blocks[:count]:
            h, given = visit(block, h, **given), {}
        return h

    def train_step(self, data):
        """One step of every trainable block on one batch: the Forward-Forward algorithm."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        streams = self.source.training(x, y, weight, network=self)
        gradients, losses, by_block = {}, [], []
        latest = []  # gradients: those of the block before
        replicas = tf.distribute.get_strategy().num_replicas_in_sync

        def learn(block, h, **labels):
            # A block starts when the one before has its gradients, so that TensorFlow keeps one
            # block's activities at a time. XLA keeps an order of its own, and more of them.
            with tf.control_dependencies(latest), tf.GradientTape() as tape:
                h = block(h, **labels, training=block.trainable)  # no dropout in a frozen one
                goodness = block.goodness(h)
                loss = self.loss(streams.signs, goodness, streams.weight)
                loss += sum(block.losses) / replicas  # a regulariser, say
                scaled = self.optimizer.scale_loss(loss)  # lest it vanish in float16
            if block.trainable:
                latest[:] = tape.gradient(scaled, block.trainable_variables)
                collect(gradients, latest, block.trainable_variables)
                losses.append(loss)
                by_block.append(goodness)
            return tf.stop_gradient(h)

        count = ops.shape(streams.inputs)[0]
        self.forward(learn, streams.inputs, streams.labels, self.learning_blocks())
        self.apply(gradients, count)
        return self.track(sum(losses), count, streams.signs, by_block)

    def judged(self, inputs, labels=None):
        """The goodness of every stream in each block, for what a source gives."""
        by_block = []

        def judge(block, h, **labels):
            h = block(h, **labels)
            by_block.append(block.goodness(h))
            return h

        self.forward(judge, inputs, labels)
        return by_block

    def block_goodness(self, x):
        """The goodness of every label in each block, for a batch: float32 `(n, num_classes)`."""
        return self.judged(*self.source.candidates(x))

    def voting(self, by_block):
        """Of a list for the blocks, the part of those that vote."""
        return by_block[self.silent_blocks :]

    def call(self, x):
        return sum(self.voting(self.block_goodness(x)))

    def neutral_activities(self, x, training=False):
        """Normalised activities of the blocks that vote, under a neutral label, for a batch.

        The input of the one-pass softmax (Hinton 2022, section 3.3): float
        `(n, sum of their widths)`; with the blocks' dropout in `training`.
        """
        activities = []

        def read(block, h, **labels):
            h = block(h, **labels, training=training)
            activities.append(
                normalize(ops.reshape(h, (-1, int(np.prod(h.shape[-block.axes :])))))
            )
            return h

        self.forward(read, *self.source.neutral(x))
        return ops.concatenate(self.voting(activities), axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "format": FORMATS[-1],
            "blocks": [keras.saving.serialize_keras_object(block) for block in self.blocks],
            "num_classes": self.num_classes,
            "source": keras.saving.serialize_keras_object(self.source),
            "silent_blocks": self.silent_blocks,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config))
