"""What is handed to a network's methods: images, labels, weights, numbers of steps, paths."""

import functools

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf

import ffhelpers as ff
from ffhelpers.live import _Live

from . import table
from .parts import each

rng = np.random.default_rng(0)
N, SHAPE, CLASSES = 24, (6, 6), 4
X = rng.random((N, *SHAPE), "float32")
X[:, 0] = 0  # where labels stand
Y = rng.integers(0, CLASSES, N)
NAN, INF = float("nan"), float("inf")

SOURCES = {
    "labels": lambda: ff.LabelInImage(CLASSES),
    "given labels": lambda: ff.GivenLabels(CLASSES),
    "given images": ff.GivenImages,
    "hybrids": ff.HybridImages,
    "classes": lambda: ff.Images(CLASSES),
}


trained = []  # the kinds that there are


@functools.cache
def network(kind="labels"):
    """A network that has learned a batch; it runs eagerly, as to trace a step takes longer."""
    goodness = ff.ClassChannels(CLASSES) if kind == "classes" else "mean_square"
    block = ff.Conv(8, goodness=goodness) if kind == "classes" else 8
    model = ff.ForwardForward([block], source=SOURCES[kind]())
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False, run_eagerly=True)
    y = {"given labels": np.stack([Y, (Y + 1) % CLASSES], 1), "given images": X[::-1].copy()}
    model.fit(X, None if kind == "hybrids" else y.get(kind, Y), batch_size=N, verbose=0)
    trained.append(kind)
    return model


def fit(x=X, y=Y, kind="labels", **kwargs):
    return network(kind).fit(x, y, **{"verbose": 0, **kwargs})


def fresh(x=X, y=Y, **kwargs):
    """`fit` of a network that has seen nothing yet."""
    model = ff.ForwardForward([8], num_classes=CLASSES)
    model.compile(jit_compile=False, run_eagerly=True)
    return model.fit(x, y, verbose=0, **kwargs)


def with_value(value, x=X):
    x = x.copy()
    x[3, 2, 1] = value
    return x


def dataset(x=X, y=Y, size=8):
    return tf.data.Dataset.from_tensor_slices(x if y is None else (x, y)).batch(size)


def generator(x=X, y=Y, times=3):
    for i in range(times):
        yield (
            (x[8 * i : 8 * i + 8],) if y is None else (x[8 * i : 8 * i + 8], y[8 * i : 8 * i + 8])
        )


class Batches(keras.utils.PyDataset):
    def __init__(self, x=X, y=Y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, i):
        part = slice(8 * i, 8 * i + 8)
        return (self.x[part],) if self.y is None else (self.x[part], self.y[part])


class DataLoader:
    """As PyTorch's, which is not installed: lists of tensors, over and over."""

    __module__ = "torch.utils.data.dataloader"

    def __init__(self, x=X, y=Y):
        self.x, self.y = x, y

    def __iter__(self):
        for batch in generator(self.x, self.y):
            yield list(batch)

    def __len__(self):
        return 3


class Loader(DataLoader):
    """A class of one's own, in a module of one's own."""


def of_any_size():
    sizes = (tf.TensorSpec((None, None, None)), tf.TensorSpec((None,), tf.int64))
    return tf.data.Dataset.from_generator(generator, output_signature=sizes)


def frozen_when_compiled():
    model = ff.ForwardForward([8, 8], num_classes=CLASSES)
    model.blocks[1].trainable = False
    model.compile(run_eagerly=True)
    model.fit(X, Y, verbose=0)
    model.blocks[1].trainable = True
    model.fit(X, Y, verbose=0)


def reused(block, shape):
    """A block in another network than the one that it was built in."""
    block.build((None, *shape))
    ff.ForwardForward([block], source=ff.HybridImages()).build((None, *SHAPE))


def frozen_under_averages():
    model = ff.ForwardForward([8, 8, 8], num_classes=CLASSES)
    model.compile(keras.optimizers.Adam(use_ema=True), run_eagerly=True)
    model.fit(X, Y, verbose=0)
    model.blocks[1].trainable = False
    model.compile(model.optimizer, run_eagerly=True)
    model.fit(X, Y, verbose=0)


def built(size):
    block = ff.Dense(8)
    block.build((None, None, size))
    return block


def early(monitor):
    return keras.callbacks.EarlyStopping(monitor)


def swapped():
    averages = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    return fit(callbacks=[averages, keras.callbacks.BackupAndRestore("backup")])


def one_pass(**kwargs):
    """A softmax that reads a network."""
    reader = ff.OnePass(network())
    reader.compile(run_eagerly=True, **kwargs)
    return reader


class Endless(Batches):
    num_batches = None


def weighted(weights):
    return fit(tf.data.Dataset.from_tensor_slices((X, Y, weights)).batch(8), None)


def on_batch(class_weight, y=Y, kind="labels"):
    return network(kind).train_on_batch(X, y, class_weight=class_weight)


# How people hand over the same images and labels.
FORMS = {
    "arrays": lambda x, y: {"x": x, "y": y},
    "tensors": lambda x, y: {"x": tf.constant(x), "y": None if y is None else tf.constant(y)},
    "data set": lambda x, y: {"x": dataset(x, y), "y": None},
    "generator": lambda x, y: {"x": generator(x, y), "y": None},
    "PyDataset": lambda x, y: {"x": Batches(x, y), "y": None},
    "loader": lambda x, y: {"x": Loader(x, y), "y": None},
}
BATCHED = [form for form in FORMS if form not in ("arrays", "tensors")]
BAD_LABELS = {
    "above the last class": (Y + 1, "label 4"),
    "below 0": (Y - 7, "label -"),
    "of floats": (Y + 0.5, "float64"),
    "one-hot": (np.eye(CLASSES)[Y], "(n, 4)"),
    "in two columns": (np.stack([Y, Y], 1), "(n, 2)"),
    "as strings": (Y.astype(str), "labels of dtype"),
    "as bools": (Y > 1, "bool"),
    "missing": (None, "y=None"),
}
BAD_IMAGES = {
    "NaN": (with_value(NAN), "nan"),
    "infinite": (with_value(-INF), "-inf"),
    "bytes as floats": (np.rint(255 * X), "255"),
    "of another shape": (X[:, :5], "(5, 6)"),
    "with three channels": (np.stack([X] * 3, -1), "(6, 6, 3)"),
    "as complex numbers": (X.astype("complex64"), "complex64"),
    "of strings": (X.astype(str), "images of dtype"),
}

FIT = table(
    "fit",
    ("labels above the last class, for classes", lambda: fit(kind="classes", y=Y + 1), "label 4"),
    *(
        (f"labels {what}, {form}", lambda make=make, y=y: fit(**make(X, y)), says)
        for what, (y, says) in BAD_LABELS.items()
        for form, make in FORMS.items()
    ),
    *(
        (f"images {what}, {form}", lambda make=make, x=x: fit(**make(x, Y)), says)
        for what, (x, says) in BAD_IMAGES.items()
        for form, make in FORMS.items()
    ),
    *(
        (
            f"validation labels {what}, {form}",
            lambda make=make, y=y: fit(validation_data=given(make(X, y))),
            says,
        )
        for what, (y, says) in BAD_LABELS.items()
        for form, make in FORMS.items()
        if form != "generator"
    ),
    *(
        (
            f"validation images {what}, {form}",
            lambda make=make, x=x: fit(validation_data=given(make(x, Y))),
            says,
        )
        for what, (x, says) in BAD_IMAGES.items()
        for form, make in FORMS.items()
        if form != "generator"
    ),
    *(
        (f"sample weights {what} in a data set", lambda weights=weights: weighted(weights), says)
        for what, weights, says in (
            ("below 0", np.where(Y == 1, -1.0, 1.0), "sample_weight of -1"),
            ("of whole numbers below 0", np.where(Y == 1, -1, 1), "sample_weight of -1"),
            ("of NaN", np.where(Y == 1, np.nan, 1.0), "sample_weight of nan"),
            ("that are infinite", np.where(Y == 1, np.inf, 1.0), "sample_weight of nan"),
        )
    ),
    ("0 and 1 as bytes, a data set", lambda: fit(dataset(np.uint8(X > 0.5)), None), "0 and 1"),
    (
        "labels of floats in batches of unknown shape",
        lambda: fit(
            tf.data.Dataset.from_generator(
                lambda: iter([(X, Y[:, None] + 0.5)]),
                output_signature=(
                    tf.TensorSpec((None, 6, 6), tf.float32),
                    tf.TensorSpec((None, None), tf.float32),
                ),
            ),
            None,
        ),
        "labels of dtype float32",
    ),
    ("a PyDataset without an end", lambda: fit(Endless(), None), "steps_per_epoch=None"),
    *(
        (f"class_weight={weights}, one batch", lambda w=weights: on_batch(w), "class_weight")
        for weights in ({9: 1.0}, {0: NAN}, [1, 1])
    ),
    (
        "class_weight with given labels, one batch",
        lambda: on_batch({0: 1.0}, np.stack([Y, Y], 1), "given labels"),
        "class_weight where an image has not one label",
    ),
    ("no image", lambda: fit(X[:0], Y[:0]), "(0, 6, 6)"),
    ("no image, nothing built", lambda: fresh(X[:0], Y[:0]), "(0, 6, 6)"),
    ("None", lambda: fit(None, Y), "None"),
    ("a number", lambda: fit(3, Y), "3"),
    ("a string", lambda: fit("mnist", Y), "mnist"),
    ("a path", lambda: fit(__import__("pathlib").Path("mnist.npz"), Y), "mnist.npz"),
    ("a dict", lambda: fit({"image": X, "label": Y}, None), "image"),
    ("pixels without an axis for images", lambda: fit(X[0], Y), "(6, 6)"),
    ("no axis for pixels", lambda: fresh(X[:, 0, 0], Y), "(24,)"),
    ("an axis too many", lambda: fresh(X[..., None, None], Y), "(24, 6, 6, 1, 1)"),
    ("images of no pixels", lambda: fresh(X[:, :0], Y), "(24, 0, 6)"),
    ("more classes than pixels", lambda: fresh(X[:, :1, :3], Y), "(1, 3)", "shown"),
    ("ragged lists", lambda: fit([X[0], X[1][:3]], Y[:2]), "several shapes"),
    ("ragged labels", lambda: fit(X[:2], [[0], [1, 2]]), "y of several lengths"),
    (
        "a ragged tensor",
        lambda: fit(tf.ragged.constant([[[1.0, 2.0], [3.0]], [[1.0]]]), Y[:2]),
        "agged",
    ),
    ("a sparse tensor", lambda: fit(tf.sparse.from_dense(X), Y), "parse"),
    (
        "a ragged data set",
        lambda: fit(
            tf.data.Dataset.from_tensor_slices(
                (tf.ragged.constant([[1.0, 2.0], [3.0]]), [0, 1])
            ).batch(2),
            None,
        ),
        "agged",
    ),
    (
        "a data set of dicts",
        lambda: fit(tf.data.Dataset.from_tensor_slices({"image": X, "label": Y}).batch(8), None),
        "'image', 'label'",
    ),
    (
        "a generator of dicts",
        lambda: fit(({"image": X, "label": Y} for _ in range(2)), None),
        "'image', 'label'",
    ),
    ("a generator of images alone", lambda: fit((X for _ in range(2)), None), "y=None"),
    ("an empty generator", lambda: fit((X for _ in range(0)), None), "generator"),
    ("an empty data set", lambda: fit(dataset().take(0), None), "0 batches"),
    ("a loader without batches", lambda: fit(Unbatched(), None), "call .batch"),
    ("a loader of nothing", lambda: fit(Nothing(), None), "0 batches"),
    ("an empty PyDataset", lambda: fit(Empty(), None), "0 batches"),
    ("a data set without batches", lambda: fit(dataset().unbatch(), None), "batch"),
    ("a data set without static shapes", lambda: fit(unknown(), None), "unknown"),
    ("an infinite data set", lambda: fit(dataset().repeat(), None), "steps_per_epoch"),
    (
        "an infinite validation set",
        lambda: fit(validation_data=dataset().repeat()),
        "validation_steps",
    ),
    ("labels beside a data set", lambda: fit(dataset(), Y), "y", "theirs"),
    ("more labels than images", lambda: fit(X[:20], Y), "20 images and 24 labels"),
    ("more images than labels", lambda: fit(X, Y[:20]), "24 images and 20 labels"),
    (
        "more validation labels than images",
        lambda: fit(validation_data=(X[:20], Y)),
        "20 images and 24 labels",
    ),
    ("validation images alone", lambda: fit(validation_data=X), "validation_data"),
    ("a number as validation data", lambda: fit(validation_data=3), "validation_data=3"),
    (
        "a string as validation data",
        lambda: fit(validation_data="mnist"),
        "validation_data='mnist'",
    ),
    (
        "four things as validation data",
        lambda: fit(validation_data=(X, Y, Y, Y)),
        "validation_data",
    ),
    *each("batch_size", [0, -1, 2.5, "8", "theirs"], lambda v: fit(batch_size=v)),
    *each("epochs", [0, -1, 1.5, "2", None, "theirs"], lambda v: fit(epochs=v)),
    *each("steps_per_epoch", [0, -1, 1.5, "2"], lambda v: fit(steps_per_epoch=v)),
    *each(
        "validation_steps",
        [0, -1, 1.5, "2"],
        lambda v: fit(validation_data=(X, Y), validation_steps=v),
    ),
    *each("validation_split", [-0.1, 1.0, 1.5, NAN, "half"], lambda v: fit(validation_split=v)),
    *each("validation_freq", [0, 2.0, "1", True], lambda v: fit(validation_freq=v)),
    *each("initial_epoch", [-1, 1.5, "0"], lambda v: fit(initial_epoch=v)),
    (
        "a split that leaves nothing",
        lambda: fit(X[:1], Y[:1], validation_split=0.5),
        "validation_split",
        "theirs",
    ),
    (
        "sample weights of another length",
        lambda: fit(sample_weight=np.ones(5)),
        "5 sample weights",
    ),
    ("sample weights that are NaN", lambda: fit(sample_weight=np.full(N, NAN)), "sample_weight"),
    ("negative sample weights", lambda: fit(sample_weight=-np.ones(N)), "sample_weight"),
    ("sample weights as strings", lambda: fit(sample_weight=["a"] * N), "sample_weight"),
    ("sample weights in columns", lambda: fit(sample_weight=np.ones((N, 2))), "sample_weight"),
    (
        "sample weights without labels",
        lambda: fit(y=None, kind="hybrids", sample_weight=np.ones(N)),
        "sample_weight",
    ),
    (
        "sample weights of validation images without labels",
        lambda: fit(y=None, kind="hybrids", validation_data=(X, None, np.ones(N))),
        "sample_weight",
    ),
    ("class weights of another class", lambda: fit(class_weight={9: 1.0}), "class_weight"),
    ("class weights that are NaN", lambda: fit(class_weight={0: NAN}), "class_weight"),
    ("class weights as a list", lambda: fit(class_weight=[1, 1, 1, 1]), "class_weight"),
    (
        "class weights without labels",
        lambda: fit(y=None, kind="hybrids", class_weight={0: 1.0}),
        "class_weight",
    ),
    (
        "class weights with given labels",
        lambda: fit(y=np.stack([Y, Y], 1), kind="given labels", class_weight={0: 1.0}),
        "class_weight where an image has not one label",
    ),
    ("one sample weight for all", lambda: fit(sample_weight=1.0), "sample_weight"),
    ("sample weights by name", lambda: fit(sample_weight="balanced"), "sample_weight"),
    (
        "ragged sample weights",
        lambda: fit(sample_weight=[[1.0], [1.0, 2.0]] * 12),
        "sample_weight",
    ),
    (
        "sample weights of validation images as strings",
        lambda: fit(validation_data=(X, Y, ["a"] * N)),
        "sample_weight",
    ),
    (
        "validation images of another shape, nothing built",
        lambda: fresh(validation_data=(X.reshape(N, -1), Y)),
        "(36,)",
    ),
    ("pictures of 12 bits", lambda: fit(4095 * X), "as a label's pixel is 1"),
    (
        "pictures of 12 bits in a data set",
        lambda: fit(dataset(4095 * X), None),
        "as a label",
    ),
    (
        "channels before pixels, nothing built",
        lambda: fresh(np.stack(3 * [X], axis=1)),
        "np.moveaxis",
    ),
    ("pictures about 0", lambda: fit(255 * X - 120), "as a label's pixel is 1"),
    ("a sparse matrix", lambda: fit(scipy.sparse.csr_matrix(X.reshape(N, -1))), ".toarray()"),
    ("masked images", lambda: fit(np.ma.masked_less(X, 0.1)), "images, some of them masked"),
    ("masked labels", lambda: fit(y=np.ma.masked_less(Y, 1)), "y, some of them masked"),
    (
        "masked weights",
        lambda: fit(sample_weight=np.ma.masked_less(np.float32(Y), 1)),
        "sample_weight, some of them masked",
    ),
    ("a whole data set of ours", lambda: fit(ff.Data.from_arrays(X, Y), None), "x=Data"),
    ("pairs that are zipped", lambda: fit(zip(X, Y), None), "x=zip"),
    ("a block that was frozen when compiled", frozen_when_compiled, "compile again, with a new"),
    (
        "a block that was frozen under averages",
        frozen_under_averages,
        "compile again, with a new",
    ),
    (
        "blocks that were built for other images",
        lambda: ff.ForwardForward(network().blocks, num_classes=CLASSES).predict(X[:, :3, :3]),
        "built for inputs of shape (6, 6) and gets (3, 3)",
    ),
    (
        "a block that was built behind another",
        lambda: ff.ForwardForward([9, built(8)], num_classes=CLASSES).predict(X),
        "built for inputs of shape (8,) and gets (9,)",
    ),
    (
        "fields that were built for other pictures",
        lambda: reused(ff.Local(8, 3), (9, 9, 1)),
        "built for inputs of shape (9, 9, 1) and gets (6, 6, 1)",
    ),
    (
        "filters that were built for colours",
        lambda: reused(ff.Conv(8), (9, 9, 3)),
        "built for inputs of shape (9, 9, 3) and gets (6, 6, 1)",
    ),
    ("a backup of averages", swapped, "swap_on_epoch=True"),
    ("images of unknown sizes in a data set", lambda: fit(of_any_size(), None), "ensure_shape"),
    *(
        (f"live, labels {what}", lambda y=y: fit(callbacks=[_Live(X, y)]), says)
        for what, (y, says) in BAD_LABELS.items()
        if y is not None
    ),
    ("live, fewer labels than images", lambda: _Live(X, Y[:5]), "24 images and 5 labels"),
    ("live, no images", lambda: _Live(X[:0], Y[:0]), "0 images"),
    ("live, one label", lambda: _Live(X, Y[0]), "y=int64"),
    ("no callback", lambda: fit(callbacks=[3]), "callbacks"),
    ("waits for accuracy", lambda: fit(callbacks=early("accuracy")), "monitor='accuracy'"),
    ("waits for val_loss", lambda: fit(callbacks=early("val_loss")), "monitor='val_loss'"),
    ("a string as callback", lambda: fit(callbacks="early"), "callbacks"),
    ("an unknown argument", lambda: fit(epoch=3), "epoch", "theirs"),
    ("one column of given labels", lambda: fit(kind="given labels"), "(24,)"),
    (
        "given labels above the last class",
        lambda: fit(y=np.stack([Y, Y + 9], 1), kind="given labels"),
        "label 12",
    ),
    ("labels as given images", lambda: fit(kind="given images"), "(24,)"),
    ("given images of another shape", lambda: fit(y=X[:, :5], kind="given images"), "(5, 6)"),
    ("given images that are NaN", lambda: fit(y=with_value(NAN), kind="given images"), "nan"),
    ("given images up to 255", lambda: fit(y=255 * X, kind="given images"), "255"),
    ("no given images", lambda: fit(y=None, kind="given images"), "y=None"),
    ("a loss that compares under phases", lambda: phases_compared(), "PairwiseLoss"),
    (
        "not compiled",
        lambda: ff.ForwardForward([8], num_classes=CLASSES).fit(X, Y),
        "compile",
        "theirs",
    ),
    ("no block that learns", lambda: frozen(), "trainable"),
    ("a block that learns in a frozen network", lambda: frozen(True), "model.trainable = True"),
    ("no block that learns, under its label", lambda: frozen(inner=True), "no block is trainable"),
)


def given(parts):
    """`validation_data` of the arguments of `fit`."""
    return (
        parts["x"]
        if parts["y"] is None and not hasattr(parts["x"], "shape")
        else (parts["x"], parts["y"])
    )


class Unbatched(Loader):
    def __iter__(self):
        return zip(self.x, self.y)


class Nothing(Loader):
    def __iter__(self):
        return iter(())


class Empty(Batches):
    def __len__(self):
        return 0


def unknown():
    return tf.data.Dataset.from_generator(generator, output_types=(tf.float32, tf.int64))


def phases_compared():
    model = ff.ForwardForward([8], source=ff.Phases(ff.LabelInImage(CLASSES)))
    model.compile(loss=ff.PairwiseLoss(), jit_compile=False, run_eagerly=True)
    model.fit(X, Y, verbose=0)


def frozen(thawed=False, inner=False):
    model = ff.ForwardForward([8], num_classes=CLASSES)
    (model.blocks[0].block if inner else model).trainable = False
    if thawed:
        model.blocks[0].trainable = True
    model.compile(jit_compile=False, run_eagerly=True)
    model.fit(X, Y, verbose=0)


METHODS = {
    "evaluate": lambda x, y=Y: network().evaluate(x, y, verbose=0),
    "train_on_batch": lambda x, y=Y: network().train_on_batch(x, y),
    "test_on_batch": lambda x, y=Y: network().test_on_batch(x, y),
    "predict": lambda x: network().predict(x, verbose=0),
    "predict_on_batch": lambda x: network().predict_on_batch(x),
    "layer_goodness": lambda x: network().layer_goodness(x),
}
DOORS = table(
    "methods",
    *(
        (f"{name}, images {what}", lambda call=call, x=x: call(x), says)
        for what, (x, says) in BAD_IMAGES.items()
        for name, call in METHODS.items()
    ),
    *(
        (f"{name}, labels {what}", lambda call=METHODS[name], y=y: call(X, y), says)
        for what, (y, says) in BAD_LABELS.items()
        for name in ("evaluate", "train_on_batch", "test_on_batch")
    ),
    *(
        (f"{name}, {what}", lambda call=call, x=x: call(x), says)
        for name, call in METHODS.items()
        for what, x, says in (
            ("no image", X[:0], "(0, 6, 6)"),
            ("one image", X[0], "(6, 6)"),
            ("None", None, "None"),
            ("a string", "mnist", "mnist"),
        )
    ),
    *(
        (
            f"{name}, more labels than images",
            lambda call=METHODS[name]: call(X[:20], Y),
            "20 images and 24 labels",
        )
        for name in ("evaluate", "train_on_batch", "test_on_batch")
    ),
    *(
        (
            f"evaluate, labels {what}, {form}",
            lambda make=FORMS[form], y=y: network().evaluate(**make(X, y), verbose=0),
            says,
        )
        for what, (y, says) in BAD_LABELS.items()
        for form in BATCHED
    ),
    *(
        (
            f"evaluate, images {what}, {form}",
            lambda make=FORMS[form], x=x: network().evaluate(**make(x, Y), verbose=0),
            says,
        )
        for what, (x, says) in BAD_IMAGES.items()
        for form in BATCHED
    ),
    *(
        (
            f"predict, images {what}, {form}",
            lambda make=FORMS[form], x=x: network().predict(make(x, Y)["x"], verbose=0),
            says,
        )
        for what, (x, says) in BAD_IMAGES.items()
        for form in BATCHED
    ),
    *(
        (
            f"predict, batch_size={v!r}",
            lambda v=v: network().predict(X, batch_size=v),
            f"batch_size={v!r}",
        )
        for v in (0, -1, 2.5, "8")
    ),
    *(
        (
            f"evaluate, batch_size={v!r}",
            lambda v=v: network().evaluate(X, Y, batch_size=v),
            f"batch_size={v!r}",
        )
        for v in (0, -1, 2.5, "8")
    ),
    *(
        (
            f"layer_goodness, batch_size={v!r}",
            lambda v=v: network().layer_goodness(X, v),
            f"batch_size={v!r}",
        )
        for v in (0, -1, 2.5, "8", None)
    ),
    *(
        (f"predict, steps={v!r}", lambda v=v: network().predict(X, steps=v), f"steps={v!r}")
        for v in (0, -1, 1.5, "8")
    ),
    *(
        (f"evaluate, steps={v!r}", lambda v=v: network().evaluate(X, Y, steps=v), f"steps={v!r}")
        for v in (0, -1, 1.5, "8")
    ),
    (
        "predict of a source without labels to try",
        lambda: network("hybrids").predict(X),
        "HybridImages",
    ),
    (
        "layer_goodness of a source without labels to try",
        lambda: network("hybrids").layer_goodness(X),
        "HybridImages",
    ),
    (
        "evaluate, sample weights without labels",
        lambda: network("hybrids").evaluate(X, sample_weight=np.ones(N)),
        "sample_weight",
    ),
    ("an infinite data set to evaluate", lambda: network().evaluate(dataset().repeat()), "steps="),
    ("an infinite data set to predict", lambda: network().predict(dataset().repeat()), "steps="),
    ("a data set for layer_goodness", lambda: network().layer_goodness(dataset()), "x="),
    (
        "export, nothing seen",
        lambda: ff.ForwardForward([8], num_classes=4).export("served"),
        "no image",
    ),
    (
        "export onto a file",
        lambda: network().export("good.npz", verbose=False),
        "filepath=good.npz",
    ),
    (
        "export, an unknown format",
        lambda: network().export("served", format="pickle", verbose=False),
        "pickle",
        "theirs",
    ),
    ("save without an ending", lambda: network().save("model"), "model", "theirs"),
    (
        "save into a folder that is not there",
        lambda: network().save("nowhere/model.keras"),
        "nowhere",
        "theirs",
    ),
    ("save onto a folder", lambda: network().save("folder.keras"), "folder.keras", "theirs"),
    *(
        (f"one pass, {name}", lambda loss=loss: one_pass(loss=loss), "expected one of logits")
        for name, loss in (
            ("a loss of probabilities by name", "sparse_categorical_crossentropy"),
            ("a loss of probabilities", keras.losses.CategoricalCrossentropy()),
            ("a class of losses of probabilities", keras.losses.CategoricalCrossentropy),
            ("a function of probabilities", keras.losses.sparse_categorical_crossentropy),
            ("a list of losses", [keras.losses.SparseCategoricalCrossentropy()]),
        )
    ),
    (
        "one pass, an infinite data set",
        lambda: one_pass().fit(dataset().repeat()),
        "steps_per_epoch=None",
    ),
    (
        "one pass, an infinite data set to evaluate",
        lambda: one_pass().evaluate(dataset().repeat()),
        "steps=None",
    ),
    (
        "one pass, an infinite data set to predict",
        lambda: one_pass().predict(dataset().repeat()),
        "steps=None",
    ),
    ("one pass, one-hot labels", lambda: one_pass().fit(X, np.eye(4)[Y]), "one-hot"),
    ("one pass, no epochs", lambda: one_pass().fit(X, Y, epochs=0), "epochs=0"),
    ("one pass, no callback", lambda: one_pass().fit(X, Y, callbacks="early"), "callbacks"),
    ("quantize", lambda: network().quantize("int8"), "quantised"),
    ("quantize to nonsense", lambda: network().quantize("int3"), "int3", "theirs"),
    ("weights of another network", lambda: network().set_weights([np.zeros(3)]), "", "theirs"),
)

CASES = FIT + DOORS
