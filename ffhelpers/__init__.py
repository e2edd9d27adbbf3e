"""Hinton's Forward-Forward algorithm in TensorFlow/Keras: the helpers of the notebooks."""

import contextlib
import os
import sys

from .data import Data, load
from .machine import bar, watched
from .parameters import ParameterError, check_parameters
from .running.figures import figures, record
from .running.tables import results, table
from .text import load_text

__all__ = ["Data", "ParameterError", "bar", "check_parameters", "figures", "load", "load_text"]
__all__ += ["record", "results", "table", "watched"]


@contextlib.contextmanager
def _silent_stderr():
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed, as a service's may be
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _import_tensorflow():
    """Import it without the lines that its C++ part writes to stderr, and so into notebooks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, at the import
    # TensorFlow imports Keras, whose file of settings may name another backend.
    os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if (asked := os.environ["KERAS_BACKEND"]) != "tensorflow":
        raise ImportError(f"KERAS_BACKEND={asked}: expected tensorflow")
    try:
        with _silent_stderr():  # some lines come whatever the level
            import tensorflow
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            "TensorFlow is missing: install 'ffhelpers[cpu]', or 'ffhelpers[cuda]' for NVIDIA GPUs",
            name="tensorflow",
        ) from None
    tensorflow.get_logger().setLevel("ERROR")  # nor what its Python part warns of
    import keras  # perhaps it was there before, with a backend of its own

    if keras.config.backend() != "tensorflow":
        raise ImportError(f"Keras's backend is {keras.config.backend()}: expected tensorflow")


def _for_command_line():
    """Whether Python imports this on its way to `python -m ffhelpers`, or to a module in it."""
    asked = sys.orig_argv[-len(sys.argv)].removeprefix("-m") if sys.argv[:1] == ["-m"] else ""
    return asked.split(".")[0] == __name__


# The command line needs no TensorFlow, which takes seconds to import. Everybody else gets it
# here, also to register the classes with which Keras loads a saved model.
if not _for_command_line():
    _import_tensorflow()

    from . import evaluation
    from .augmentation import average_copies, batches
    from .convolutions import Conv
    from .goodness import ClassChannels, goodness, normalize
    from .hardware import setup
    from .labels import LabelPatterns, LabelPixels, label_patterns, write_label
    from .layers import Block, Dense, Labelled
    from .local import Local
    from .losses import (
        LocalLoss,
        PairwiseLoss,
        PeerNormalization,
        SoftmaxLoss,
        ThresholdLoss,
        pairwise_loss,
        threshold_loss,
    )
    from .model import ForwardForward
    from .negatives import hard_labels, hybrid_masks, hybrids, uniform_labels
    from .phases import PhaseAdam, Phases
    from .readout import OnePass
    from .recurrent import Recurrent, RecurrentDense
    from .sources import Adversarial, GivenLabels, Hardest, Images, LabelInImage, Source, Streams
    from .trainer import DivergedError
    from .unlabelled import GivenImages, HybridImages, ImageSums
    from .workers import WorkerLostError

    __all__ += ["Adversarial", "Block", "ClassChannels", "Conv", "Dense", "DivergedError"]
    __all__ += ["ForwardForward", "GivenImages", "GivenLabels", "Hardest", "HybridImages"]
    __all__ += ["ImageSums", "Images", "LabelInImage"]
    __all__ += ["LabelPatterns", "LabelPixels", "Labelled", "Local", "LocalLoss", "OnePass"]
    __all__ += ["PairwiseLoss", "PeerNormalization", "PhaseAdam", "Phases", "SoftmaxLoss"]
    __all__ += ["Source", "Streams", "ThresholdLoss", "average_copies", "batches", "evaluation"]
    __all__ += ["goodness", "hard_labels", "hybrid_masks", "hybrids", "label_patterns"]
    __all__ += ["Recurrent", "RecurrentDense", "normalize", "pairwise_loss", "setup"]
    __all__ += ["threshold_loss", "uniform_labels", "write_label", "WorkerLostError"]
