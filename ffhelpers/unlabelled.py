"""Sources that need no labels: what is positive and negative follows from the images alone."""

import keras
import numpy as np
from keras import ops

from . import parameters
from .inputs import as_images
from .negatives import hybrid_masks, hybrids
from .sources import Pictures, Streams


class Unlabelled(Pictures):
    """Two streams for each image, a positive and a negative one, and no label.

    A kind of it has `negative`. What enters the first block is float `(n, streams, h, w,
    channels)`, or `(n, streams, d)`. No label can be predicted from goodness: `ff.OnePass` reads
    the network, from the positive stream alone. `evaluate` gives the loss.
    """

    takes_labels = False

    def compute_output_shape(self, image_shape):
        batch, *image = super().compute_output_shape(image_shape)
        return (batch, None, *image)

    def check(self, labels):
        """Takes any labels: it needs none."""

    def positive(self, x):
        """Positive data for a batch of images as `images` gives them, of the same shape."""
        return x

    def negative(self, x, y):
        """Negative data for a batch of images as `images` gives them, of the same shape."""
        raise NotImplementedError

    def training(self, x, y, weight=None, network=None):
        x = self.images(x)
        streams = ops.stack([self.positive(x), self.negative(x, y)], axis=1)
        return Streams(streams, None, ops.convert_to_tensor([[1.0, -1.0]]), weight)

    def judging(self, x, y, weight=None, network=None):
        drawn = ops.copy(self.draws.state)
        streams = self.training(x, y, weight, network)
        self.draws.state.assign(drawn)  # what is learned later does not depend on it
        return streams

    def neutral(self, x):
        """One stream, the positive one."""
        return self.positive(self.images(x))[:, None], None

    def others(self, x):
        """For each image another one of the batch, any of them alike; itself if it is alone."""
        n = ops.shape(x)[0]
        places = keras.random.uniform((), dtype="float32", seed=self.draws)
        away = 1 + ops.cast(places * ops.cast(n - 1, "float32"), "int32")
        return ops.roll(x, away, axis=0)


@keras.saving.register_keras_serializable(package="ffhelpers")
class HybridImages(Unlabelled):
    """Images, and hybrids of two of them: right at short range, wrong at long range.

    A hybrid is the image where a random mask is 1 and another image of the batch where it is 0,
    so only what holds at a longer range than the mask's regions tells them apart
    (Hinton 2022, section 3.2). Masks and partners are drawn for every batch.

    Args:
        blurs: see `hybrid_masks`.
        seed: of the draws, as for `Source`.

    Raises:
        ValueError: impossible `blurs`; when built, images that are no pictures.

    Example:
        `ff.ForwardForward([2000, 2000], source=ff.HybridImages(blurs=2))`
    """

    def __init__(self, blurs=2, **kwargs):
        super().__init__(**kwargs)
        parameters.check(blurs=blurs)
        self.blurs = blurs

    def build(self, image_shape):
        if len(image_shape) < 3:
            raise ValueError(
                f"images of shape {tuple(image_shape[1:])}: expected pictures, (h, w) or "
                "(h, w, channels), which masks can be laid over"
            )
        super().build(image_shape)

    def negative(self, x, y):
        masks = hybrid_masks(ops.shape(x)[0], self.image_shape[:2], self.blurs, self.draws)
        return hybrids(x, self.others(x), masks)

    def get_config(self):
        return {**super().get_config(), "blurs": self.blurs}


@keras.saving.register_keras_serializable(package="ffhelpers")
class ImageSums(Unlabelled):
    """An image added to itself, positive, and to another one, negative (SCFF).

    After Chen et al. 2025, "Self-Contrastive Forward-Forward algorithm", which adds the two
    images' products in the first layer: the same, as a product is linear.
    """

    def positive(self, x):
        return 2 * x

    def negative(self, x, y):
        return x + self.others(x)


@keras.saving.register_keras_serializable(package="ffhelpers")
class GivenImages(Unlabelled):
    """Images, and negative ones that `fit` is given beside them: `model.fit(x_pos, x_neg)`."""

    takes_labels = True  # they are the negatives

    def check(self, labels):
        if np.ndim(labels) < 2:
            raise ValueError(
                f"negatives of shape {np.shape(labels)}: expected an image for each image"
            )
        if np.size(labels):  # else they are to come
            as_images(labels, self.image_shape if self.built else None)

    def negative(self, x, y):
        return self.images(y)
