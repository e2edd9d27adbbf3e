"""Pictures in folders, as people have them: a folder for each class."""

import re
import textwrap
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from . import parameters
from .formats import DataError

SYSTEMS = re.compile(r"^(thumbs\.db|ehthumbs\.db|desktop\.ini|@eadir|__macosx)$|:zone\.", re.I)
UNREAD = (".heic", ".heif", ".avif", ".svg")  # pictures that Pillow alone does not read
LARGEST = 64  # pixels: a side up to which pictures stay as they are, if all are of one size
USUAL = (32, 32)
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
PARTS |= {"val": "val", "valid": "val", "validation": "val"}


def read(folder, size=None, color=None):
    """The pictures in `folder/CLASS/`, or in `folder/train/CLASS/`, `folder/test/CLASS/` and so on.

    Classes are numbered in the order of their folders' names. A picture may have any format that
    Pillow reads; it is turned as its camera held it, and what is transparent is white. Of several
    pictures in a file, as in an animated GIF or a TIFF of pages, the first is taken.

    Args:
        folder: its path. Where it holds nothing but folders `train`, `test` and `val` (or
            `training`, `testing`, `valid`, `validation`), these are the parts; else the parts are
            made by `Data.from_arrays`.
        size: `(height, width)` to which each picture is scaled. By default they keep their size
            if it is one for all and at most 64 pixels a side, else it is 32 by 32.
        color: True for three channels, False for grey; by default in colour if any picture is.

    Returns:
        (`{"x": …, "y": …}`, or with `x_test` …, as `Data.from_arrays` takes them; the names of
        the classes; what was done, in words).

    Raises:
        DataError: no pictures, a file that is none, classes that differ between parts; it names
            the file.
        ParameterError: an impossible size.

    Example:
        `arrays, names, _ = read("flowers", size=(28, 28), color=False)`
    """
    if size is not None:
        parameters.check(size=size)
    if color is not None and not isinstance(color, bool):
        raise DataError(f"color={color!r}: expected True, False or None")
    found = _found(Path(folder))
    names = sorted({name for part in found.values() for name in part})
    if len(names) < 2:
        raise DataError(f"{folder} holds {len(names)} folders: expected two classes or more")
    for part, classes in found.items():
        if missing := [name for name in names if name not in classes]:
            raise DataError(f"{folder}/{part} has no folder {missing[0]}: expected one a class")
    sizes, opened = set(), {}
    for path in (path for part in found.values() for paths in part.values() for path in paths):
        picture = _opened(path)
        sizes.add(picture.size)
        # A large one is not kept as it is: a thousand photographs would fill the memory.
        large = USUAL if max(picture.size) > LARGEST else picture.size[::-1]
        opened[path] = _scaled(picture, size or large, color)
    if color is None:
        color = any(picture.mode == "RGB" for picture in opened.values())
    if size is None:
        (one, *others) = sizes
        size = USUAL if others or max(one) > LARGEST else one[::-1]
    opened = {path: np.asarray(_scaled(each, size, color)) for path, each in opened.items()}
    arrays = {}
    for part, classes in found.items():
        suffix = {"": "", "train": ""}.get(part, f"_{part}")
        paths = [path for name in names for path in classes[name]]
        arrays[f"x{suffix}"] = np.stack([opened[path] for path in paths])
        counts = [len(classes[name]) for name in names]
        arrays[f"y{suffix}"] = np.repeat(np.arange(len(names)), counts)
    kind = "in colour" if color else "in grey"
    return arrays, names, f"{len(opened)} pictures {kind}, {size[0]} by {size[1]} pixels"


def _found(folder):
    """Part → class → paths, in the order of their names."""
    parts = sorted(path.name for path in _visible(folder) if path.is_dir())
    if not parts:
        raise DataError(f"{folder} holds no folder: expected one a class, with its pictures")
    named = [PARTS.get(part.lower()) for part in parts]
    if None not in named and "train" in named and len({*named}) == len(named):
        return {name: _classes(folder / part) for name, part in zip(named, parts)}
    return {"": _classes(folder)}


def _classes(folder):
    classes = {}
    for path in _visible(folder):
        if not path.is_dir():
            raise DataError(
                f"{path} is no folder: expected one a class, with its pictures; if these have no "
                "labels, give the folder of those that do"
            )
        classes[path.name] = _visible(path)
        if not classes[path.name]:
            raise DataError(f"{path} is empty: expected the pictures of a class")
        if inside := [each for each in classes[path.name] if each.is_dir()]:
            raise DataError(
                f"{inside[0]} is a folder: expected pictures in {path}; folders of classes may lie "
                "in others named train, test and val, and no deeper"
            )
    return classes


def _visible(folder):
    """What a person sees in a folder; what a system hides there is named and left out."""
    paths = sorted(folder.iterdir())
    hidden = [p for p in paths if p.name.startswith(".") or SYSTEMS.search(p.name)]
    if hidden:
        more = f" and {len(hidden) - 3} more" if len(hidden) > 3 else ""
        named = ", ".join(map(str, hidden[:3]))
        warnings.warn(f"left out, as it is hidden: {named}{more}", stacklevel=6)
    return sorted({*paths} - {*hidden})


def _opened(path):
    """A picture in grey (mode L) or in colour (RGB)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                picture = ImageOps.exif_transpose(picture)
                picture.load()
    except Exception as error:  # a damaged file can fail to be read in many ways
        reason = f"{type(error).__name__}: {error}"
        reason = textwrap.shorten(reason, 80, placeholder=" …")
        todo = "expected a picture, remove it, or copy the folder without it"
        if path.suffix.lower() in UNREAD:
            todo = "expected another format, save it as JPEG or PNG"
        raise DataError(f"{path} cannot be read ({reason}): {todo}") from error
    if picture.mode.startswith(("I", "F")):
        numbers = np.asarray(picture, np.float32)
        if picture.mode[:4] != "I;16":
            raise DataError(f"{path} has numbers of mode {picture.mode}: save it with 8 bits")
        return Image.fromarray((numbers / 257).round().astype(np.uint8))
    grey = picture.mode in ("1", "L", "LA")
    clear = picture.mode == "P" and picture.palette.mode.endswith("A")
    if clear or picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("L" if grey else "RGB")


def _scaled(picture, size, color):
    if color is not None:
        picture = picture.convert("RGB" if color else "L")
    if picture.size != size[::-1]:
        picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
    return picture
