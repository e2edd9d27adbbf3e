"""Hinton's Forward-Forward algorithm in TensorFlow/Keras: the helpers of the notebooks."""

import os
import sys

from .data import load
from .machine import watched
from .parameters import ParameterError, check_parameters
from .running.figures import figures, record
from .running.records import results, table

__all__ = ["ParameterError", "check_parameters", "figures", "load", "record", "results", "table"]
__all__ += ["watched"]


def _import_tensorflow():
    """Import it without the lines that its C++ part writes to stderr, and so into notebooks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, at the import
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # some lines come whatever the level
            os.dup2(nowhere.fileno(), 2)
        import tensorflow
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    tensorflow.get_logger().setLevel("ERROR")  # nor what its Python part warns of


# The command line needs no TensorFlow, which takes seconds to import. Everybody else gets it
# here, also to register the classes with which Keras loads a saved model.
if sys.argv[:1] != ["-m"]:
    _import_tensorflow()

    from . import evaluation
    from .augmentation import average_copies, batches
    from .convolutions import Conv, Images
    from .goodness import (
        PairwiseLoss,
        PeerNormalization,
        SoftmaxLoss,
        ThresholdLoss,
        goodness,
        normalize,
        pairwise_loss,
        threshold_loss,
    )
    from .hardware import foresee, setup
    from .layers import Dense, LabelledDense
    from .local import LabelledLocal, Local
    from .model import ForwardForward, OnePass
    from .negatives import LabelInImage, hard_labels, label_patterns, uniform_labels, write_label

    __all__ += ["Conv", "Dense", "ForwardForward", "Images", "LabelInImage", "LabelledDense"]
    __all__ += ["LabelledLocal", "Local", "OnePass", "PairwiseLoss", "PeerNormalization"]
    __all__ += ["SoftmaxLoss", "ThresholdLoss", "average_copies", "batches", "evaluation"]
    __all__ += ["foresee", "goodness", "hard_labels", "label_patterns", "normalize"]
    __all__ += ["pairwise_loss", "setup", "threshold_loss", "uniform_labels", "write_label"]
