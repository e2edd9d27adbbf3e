"""A text as strings of characters: found, folded to a small alphabet, cut and split."""

import hashlib
import os
import platform
import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import fetch, parameters
from .arrays import codes as codes_of
from .arrays import numbers
from .data import is_path
from .datasets import USUAL, Published
from .formats import DataError

MARKS = {" ": " ", ".": ".", ",": ",", ";": ";", ":": ";", "!": ".", "?": "."}
MARKS |= {"。": ".", "、": ",", "؟": ".", "،": ",", "؛": ";", "।": "."}  # where others are used
MOST = 64  # symbols in an alphabet
RARE = 1 / 20_000  # part of a text below which a letter is a stranger there
LEAST = 30  # strings in a text


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """Strings of characters as numbers, int32 `(strings, length)`, in three parts."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    symbols: str  # the character behind each number
    source: str  # where it was found
    name: str

    def __repr__(self):
        return (
            f"Text({self.name}: {len(self.train)} training, {len(self.val)} validation and "
            f"{len(self.test)} test strings of {self.train.shape[1]} characters in "
            f"{len(self.symbols)} symbols, from {self.source})"
        )

    def read(self, codes):
        """What numbers say, int `(..., length)`: a string, or a list of them for each axis."""
        codes = np.asarray(codes)
        if codes.ndim > 1:
            return [self.read(each) for each in codes]
        return "".join(self.symbols[code] for code in codes)


def load_text(text="python", length=100):
    """A text as `Text`: folded (see `folded`), cut into strings and split.

    A tenth of the strings, drawn at random, is for validation and another tenth for the test; no
    string is in two parts, so neither is a window of one. The split is the same every time, so
    that runs can be compared.

    Args:
        text: `"python"`, the prose in Python's own help (`pydoc_data.topics`), which is on every
            machine and differs a little with Python's version; `"fables"`, Aesop's Fables in
            Townsend's translation, which Hinton's draft `FFA13.pdf` learns from, from Project
            Gutenberg, found as `load` finds its data sets; or the path of a file in UTF-8, in any
            alphabet.
        length: characters in a string.

    Raises:
        DataError: what is not to be had, is no text, or is too short; it says what to do.

    Example:
        `load_text("my letters.txt").symbols`
    """
    parameters.check(length=length)
    if not is_path(text):
        raise DataError(
            f"text={parameters.shown(text)}: expected {', '.join(TEXTS)} or the path of a file"
        )
    content, source = TEXTS[text]() if text in TEXTS else _own(text)
    whole, content = unicodedata.normalize("NFC", content), folded(content)
    symbols = "".join(sorted(set(content)))
    if len(symbols.strip()) < 2:
        raise DataError(
            f"{text}: {'only one symbol' if symbols.strip() else 'no letter'} in it, so that "
            "there is nothing to predict: expected a text"
        )
    letters = [sum(map(str.isalpha, each)) for each in (whole, content)]
    if letters[1] < 0.9 * letters[0]:
        warnings.warn(
            f"{text}: {1 - letters[1] / letters[0]:.0%} of its letters are left out, as only the "
            f"{MOST} commonest symbols are kept",
            stacklevel=2,
        )
    count = len(content) // length
    if count < LEAST:
        raise DataError(
            f"{text}: {len(content)} characters after folding, expected at least "
            f"{LEAST * length}, {LEAST} strings of {length}: give a longer text"
        )
    place = {symbol: code for code, symbol in enumerate(symbols)}
    codes = np.array([place[symbol] for symbol in content[: count * length]], np.int32)
    strings = np.random.default_rng(0).permutation(codes.reshape(count, length))
    held_out = count // 10
    val, test, train = np.split(strings, [held_out, 2 * held_out])
    return Text(train, val, test, symbols, source, Path(text).stem)


def folded(text):
    """A text in few symbols: small letters, space, comma, semicolon and full stop.

    Those are Hinton's thirty for an English text. Another alphabet keeps its own letters, at most
    60 of them, without those that hardly occur. Colons become semicolons, question and exclamation
    marks full stops; what is left, and every white space, is one space, but apostrophes vanish,
    and so does what cannot be seen.

    Args:
        text: a string.

    Returns:
        A string.

    Example:
        `folded("“Well!” said\\nthe Wolf’s son.")` is `"well. said the wolfs son."`
    """
    if not isinstance(text, str):
        raise TypeError(f"text={parameters.shown(text)}: expected a string")
    # What cannot be seen, such as a soft hyphen, is no letter, and parts no word.
    unseen = {ord(c): None for c in set(text) if _is_unseen(c)}
    # A small i has its dot, which that of a Turkish capital comes on top of.
    text = text.translate(unseen).lower().replace("i\u0307", "i")
    text = unicodedata.normalize("NFC", text)  # after lower(), which may leave an accent alone
    counts = Counter(text)
    letters = {c: n for c, n in counts.items() if unicodedata.category(c)[0] in "LM"}
    common = sorted(letters, key=lambda c: (-letters[c], c))[: MOST - len(set(MARKS.values()))]
    kept = {c: c for c in common if letters[c] >= RARE * len(text)} | MARKS
    table = {ord(c): kept.get(c, "" if c in "'’ʼ" else " ") for c in counts}
    text = " ".join(text.translate(table).split())
    return re.sub(r" ?([.,;])(?: ?[.,;])*", r"\1", text).strip()


def _is_unseen(character):
    """Whether it says how others are to be written: a joiner, a mark of order, a variant."""
    variant = "VARIATION SELECTOR" in unicodedata.name(character, "")
    return variant or unicodedata.category(character) == "Cf"


def windows(strings, length):
    """All windows of so many characters, in the order of the strings and within each.

    Args:
        strings: int `(strings, characters)`.
        length: characters in a window, at most those of a string.

    Returns:
        int `(strings, windows, length)`.

    Example:
        `windows(np.array([[1, 2, 3, 4]]), 3)` is `[[[1, 2, 3], [2, 3, 4]]]`.
    """
    parameters.check(length=length)
    strings = codes_of("strings", strings, None, "strings", "characters")
    if length > strings.shape[1]:
        raise ValueError(
            f"length={length}: expected at most {strings.shape[1]}, as the strings have"
        )
    return np.lib.stride_tricks.sliding_window_view(strings, length, axis=1)


def one_hot(codes, count):
    """Characters as a network reads them: float32 `(n, length * count)`, a 1 for each.

    Args:
        codes: int `(n, length)`.
        count: symbols there are.
    """
    parameters.check(count=count)
    codes = codes_of("codes", codes, count, "n", "length")
    return np.eye(count, dtype=np.float32)[codes].reshape(len(codes), -1)


def draw(logits, temperature, rng):
    """Characters drawn from softmax(logits / temperature); at temperature 0 the likeliest ones.

    Args:
        logits: float `(n, symbols)`.
        temperature: 0 or more.
        rng: a NumPy `Generator`.

    Returns:
        int64 `(n,)`.
    """
    parameters.check(temperature=temperature)
    logits = numbers("logits", logits, "n", "symbols")
    if temperature == 0:
        return np.argmax(logits, axis=-1)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng={parameters.shown(rng)}: expected a NumPy Generator")
    # The largest of logit + Gumbel noise is a draw from the softmax.
    return np.argmax(logits / temperature + rng.gumbel(size=logits.shape), axis=-1)


def roll_out(predict, starts, steps, temperature, rng):
    """Strings that go on with what a model itself predicts (Hinton's draft `FFA13.pdf`).

    Of a text the model sees its starts, and nothing else.

    Args:
        predict: a function from the last characters, int `(n, length)`, to logits of the next
            one, `(n, symbols)`.
        starts: the first characters, int `(n, length)`.
        steps: how many to add to each.
        temperature, rng: see `draw`.

    Returns:
        int `(n, length + steps)`.
    """
    parameters.check(steps=steps)
    starts = codes_of("starts", starts, None, "n", "length")
    if not callable(predict):
        raise TypeError(f"predict={type(predict).__name__}: expected a function of characters")
    strings = np.concatenate([starts, np.zeros((len(starts), steps), starts.dtype)], axis=1)
    length = starts.shape[1]
    for step in range(steps):
        logits = predict(strings[:, step : step + length])
        strings[:, step + length] = draw(logits, temperature, rng)
    return strings


# --- Where texts come from -------------------------------------------------------------------


def _python():
    """The prose among the topics of Python's help: its paragraphs, each of them once.

    Several topics hold the same paragraph, which would be in the training strings and in those
    held out.
    """
    from pydoc_data.topics import topics  # half a megabyte

    paragraphs = {}
    for name in sorted(topics):
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            paragraph = " ".join(paragraph.split())
            prose = sum(c.isalpha() or c in " .,;" for c in paragraph) > 0.95 * len(paragraph)
            if prose and len(paragraph) > 80 and paragraph[-1] in ".:":
                paragraphs[paragraph] = None
    return " ".join(paragraphs), f"Python {platform.python_version()}"


# Of the fables alone, each run of white space being one space.
FABLES_SHA256 = "7baa3e3ff70f482f2870e86382d6e31f45e80ffca7e04d11295c512209aac1e6"


def _verified_fables(files):
    """The fables in the file of Project Gutenberg's, without what stands before and after them."""
    (content,) = files.values()
    text = content.decode("utf-8-sig")
    found = re.search(r"WOLF, meeting with a Lamb.*?(?=LIFE OF AESOP)", text, re.DOTALL)
    fables = " ".join(found[0].split()) if found else ""
    if hashlib.sha256(fables.encode()).hexdigest() != FABLES_SHA256:
        raise DataError("not as known for Aesop's Fables in Townsend's translation (SHA-256)")
    return fables


FABLES = Published(
    title="Aesop's Fables",
    files=("aesop_townsend.txt",),
    urls=("https://www.gutenberg.org/cache/epub/21/pg21.txt",),
    sources=USUAL,
    verify=_verified_fables,
)


def _own(path):
    try:
        content = Path(os.path.expanduser(path)).read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror or error}; expected {', '.join(TEXTS)} or the path of a "
            "file in UTF-8"
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; expected a text, saved as UTF-8"
        ) from error
    if "\0" in text:
        raise DataError(f"{path}: holds zero bytes, so it is no text: expected a file in UTF-8")
    return text, os.fspath(path)


TEXTS = {"python": _python, "fables": lambda: fetch.find(FABLES)}
