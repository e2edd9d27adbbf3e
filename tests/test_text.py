"""Texts: folded, cut, split and refused; windows, draws and roll-outs."""

import hashlib
import io
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhelpers import fetch
from ffhelpers import text as texts
from ffhelpers.text import DataError, draw, folded, load_text, one_hot, roll_out, windows

THIRTY = set(string.ascii_lowercase + " .,;")
GREEK = "Ὁ λύκος ἰδὼν ποιμένας ἐσθίοντας, ἐν σκηνῇ πρόβατον; ἔφη: ἡλίκος ἂν ἦν ὑμῖν θόρυβος! "


def file(tmp_path, content):
    path = tmp_path / "own.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


# --- Folding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("“Well!” said\r\nthe Wolf’s son.", "well. said the wolfs son."),
        ("Why?! No: 3 times -- yes ...", "why. no; times yes."),
        ("a\t\t b ,c", "a b,c"),
        ("Ελλάδα; ΝΑΙ·", "ελλάδα; ναι"),
        ("Мир, труд — май!", "мир, труд май."),
        ("soft\u00adly jo\u200bin\u2060ed می\u200cخواهم \ufeff", "softly joined میخواهم"),
        ("I\ufe0f İstanbul J\u030c", "i istanbul ǰ"),
        ("", ""),
    ],
)
def test_known_texts_are_folded_so(written, read):
    assert folded(written) == read


@given(st.text())
def test_what_is_folded_is_small_and_stays_as_it_is(written):
    once = folded(written)
    assert len(set(once)) <= texts.MOST and once == once.strip() and "  " not in once
    assert not set(once) & set("\n\t\"'!?:0123456789()")
    assert once == once.lower() or not once.isascii()  # some alphabets have no small letters


def test_letters_that_hardly_occur_are_strangers_and_an_alphabet_has_a_limit():
    assert "λ" not in folded("the λ of it. " + "plain words " * 10_000)
    many = "".join(chr(0x4E00 + i) for i in range(300))
    assert len(set(folded(many * 3))) <= texts.MOST


# --- Loading ------------------------------------------------------------------------------------


def test_the_default_text_is_prose_in_hintons_thirty_symbols():
    text = load_text()
    assert set(text.symbols) == THIRTY
    whole = np.concatenate([text.train, text.val, text.test])
    assert len(whole) > 1000 and whole.shape[1] == 100 and whole.dtype == np.int32
    spaces = (whole == text.symbols.index(" ")).mean()
    assert 0.13 < spaces < 0.2, "an English text has a word every six characters"
    assert repr(text).startswith(f"Text(python: {len(text.train)} training")


def test_no_paragraph_of_it_is_there_twice():
    content, source = texts.TEXTS["python"]()
    sentences = [s for s in re.split(r"(?<=\.) ", content) if len(s) > 200]
    assert len(sentences) > 50 and len(set(sentences)) >= 0.97 * len(sentences)
    assert source.startswith("Python 3.")


def test_strings_are_split_not_windows(tmp_path):
    words = "".join(np.random.default_rng(1).choice(list("abcde "), 20_000))
    path = file(tmp_path, words)
    text = load_text(path, length=50)
    parts = [{string for string in text.read(part)} for part in (text.train, text.val, text.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(folded(words)) // 50
    assert len(parts[1]) == len(parts[2]) == len(folded(words)) // 50 // 10
    whole = folded(words)[: len(folded(words)) // 50 * 50]
    assert set.union(*parts) == {whole[i : i + 50] for i in range(0, len(whole), 50)}
    np.testing.assert_array_equal(text.train, load_text(path, length=50).train)


@pytest.mark.parametrize("alphabet", [GREEK, "Мыла Мила раму, а рама упала; вот так! "])
def test_any_alphabet_will_do(tmp_path, alphabet):
    text = load_text(file(tmp_path, alphabet * 100))
    assert set(text.symbols) == set(folded(alphabet * 100))
    assert text.symbols == "".join(sorted(text.symbols))
    assert text.read(text.train[0]) in folded(alphabet * 100)
    assert not set(text.symbols) & set(string.ascii_letters)


def test_a_text_of_which_much_is_left_out_says_so(tmp_path):
    signs = "".join(chr(0x4E00 + i) for i in range(300))
    with pytest.warns(UserWarning, match="% of its letters are left out"):
        load_text(file(tmp_path, signs * 400))


def test_a_mark_of_byte_order_is_no_letter(tmp_path):
    text = load_text(file(tmp_path, b"\xef\xbb\xbf" + b"plain words, " * 400))
    assert "\ufeff" not in text.symbols and text.name == "own"


# --- The Fables, with a small one in their place ------------------------------------------------

FABLE = (
    "WOLF, meeting with a Lamb astray from the fold, resolved not\n"
    "to lay hands on him. He said: “Sirrah, you insulted me.”\n"
) * 40


def book(begin="\ufeffThe Project Gutenberg EBook\n*** START ***\n\n", newline="\n"):
    return (f"{begin}{FABLE}\n\nLIFE OF AESOP\n\nHe lived.".replace("\n", newline)).encode()


@pytest.fixture
def fables(monkeypatch, tmp_path):
    """The folder that is searched, and the hash of the small fable."""
    digest = hashlib.sha256(" ".join(FABLE.split()).encode()).hexdigest()
    monkeypatch.setattr(texts, "FABLES_SHA256", digest)
    monkeypatch.setattr(fetch, "KAGGLE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("FF_DATA_DIR", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["aesop_townsend.txt", "pg21.txt"])
@pytest.mark.parametrize("content", [book(), book("", "\r\n"), book("Another preface. ")])
def test_the_fables_are_found_in_a_file_of_gutenbergs(fables, monkeypatch, name, content):
    monkeypatch.setenv("FF_DATA_DIR", str(fables / "mine"))
    (fables / "mine").mkdir()
    (fables / "mine" / name).write_bytes(content)
    text = load_text("fables", length=50)
    assert "sirrah, you insulted me. wolf, meeting with a lamb" in folded(FABLE)
    assert set(text.symbols) == set(folded(FABLE)) and "mine" in text.source
    assert all(each in folded(FABLE) for each in text.read(text.test))


def test_they_are_downloaded_once_and_kept(fables, monkeypatch):
    class Response(io.BytesIO):
        length = 0  # of what is still to come

    asked = []
    monkeypatch.setattr(fetch, "opened", lambda url: asked.append(url) or Response(book()))
    first = load_text("fables", length=50)
    assert asked == list(texts.FABLES.urls) == [first.source.removesuffix(" (download)")]
    second = load_text("fables", length=50)
    assert len(asked) == 1 and "keras" in second.source
    np.testing.assert_array_equal(first.train, second.train)


def test_another_book_and_no_network_are_refused(fables, monkeypatch):
    monkeypatch.setattr(fetch, "opened", lambda url: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(DataError, match="Fables was not found:(?s:.*)no network(?s:.*)pg21.txt"):
        load_text("fables")
    monkeypatch.setenv("FF_DATA_DIR", str(fables))
    (fables / "pg21.txt").write_bytes(book().replace(b"Sirrah", b"Sir"))
    with pytest.raises(DataError, match="not as known for Aesop's Fables"):
        load_text("fables")


def test_the_command_line_says_where_a_text_is(command):
    status, out, _ = command("data", "python")
    assert status == 0 and out == f"{load_text()}\n"


def test_the_real_fables_if_they_are_here():
    try:
        text = load_text("fables")
    except DataError:
        pytest.skip("neither here nor to be had")
    assert set(text.symbols) == THIRTY and len(text.train) == 1495


# --- Windows and roll-outs ----------------------------------------------------------------------


def test_windows_slide_within_each_string():
    strings = np.arange(12).reshape(2, 6)
    assert windows(strings, 4).tolist() == [
        [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]],
        [[6, 7, 8, 9], [7, 8, 9, 10], [8, 9, 10, 11]],
    ]
    hot = one_hot(np.array([[0, 2], [1, 1]]), 3)
    assert hot.dtype == np.float32 and hot.tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]


@pytest.mark.parametrize("temperature", [0.5, 1, 3])
def test_draws_come_from_the_softmax_at_a_temperature(temperature):
    p = np.array([0.5, 0.3, 0.15, 0.05])
    drawn = draw(np.log(np.tile(p, (40_000, 1))), temperature, np.random.default_rng(1))
    expected = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 40_000, expected, atol=0.01)
    assert (draw(np.log(np.tile(p, (9, 1))), 0, None) == 0).all()


def test_a_roll_out_sees_its_starts_and_what_it_drew_and_nothing_else():
    """Held-out text cannot get into it: what the model is asked of is all that it is given."""
    rng = np.random.default_rng(0)
    starts, seen = rng.integers(0, 4, (5, 10)), []

    def predict(contexts):
        seen.append(contexts.copy())
        return np.tile(np.arange(4.0), (len(contexts), 1))

    strings = roll_out(predict, starts, 30, 1.0, np.random.default_rng(1))
    assert strings.shape == (5, 40) and (strings[:, :10] == starts).all()
    np.testing.assert_array_equal(np.stack(seen, axis=1), windows(strings[:, :-1], 10))
    again = roll_out(predict, starts, 30, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(strings, again)


def test_the_likeliest_characters_run_in_a_circle():
    """…at temperature 0: what comes next depends on the last characters alone."""
    table = np.random.default_rng(0).random((3, 3))
    strings = roll_out(lambda c: table[c[:, -1]], np.zeros((1, 2), int), 40, 0, None)[0]
    assert any((strings[10:-n] == strings[10 + n :]).all() for n in (1, 2, 3))
