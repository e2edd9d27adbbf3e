"""The first notebook speaks for the others: its map, its figures, and the words of its glossary."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from reading import minutes_to_read

from ffhelpers import drawings
from ffhelpers.running import figures, records, tables

ROOT = Path(__file__).parent.parent
START, *LESSONS = sorted((ROOT / "notebooks").glob("[01]*.ipynb"))
GLOSSARY = "00_start_here.ipynb#Glossary"


def texts(path):
    """The markdown cells of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


START_TEXT = "\n\n".join(texts(START))


def rows(heading):
    """Of the table below a line of headings, one list of cells a row."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|.*\n((?:\|.*(?:\n|$))+)", START_TEXT, re.M)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()]


# --- The map ---------------------------------------------------------------------------------


MAP = {row[0].strip("[")[:2]: row for row in rows("lesson")}


@pytest.mark.parametrize("number", MAP)
def test_the_map_is_that_of_the_stored_notebooks(number):
    """Change the row in 00_start_here.ipynb, under "The lessons", where this fails."""
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    lesson, _, to_read, to_run, came_out = MAP[number]
    if path != START:
        assert f"]({path.name})" in lesson
    (seconds,) = re.findall(r"^\*Takes (\d+ s) on two CPU cores", "\n".join(texts(path)), re.M)
    assert to_run == seconds, f"{path.stem} says that it takes {seconds}"
    assert int(seconds.removesuffix(" s")) <= 60
    minutes = minutes_to_read(nbformat.read(path, as_version=4))
    said = int(to_read.removesuffix(" min"))
    assert abs(said - minutes) <= 2, f"{path.stem} is read in {minutes:.0f} min, not {said}"

    recorded = figures.figures(path)
    known = {figures.as_text({name: value}) for name, value in recorded.items()}
    for figure in re.findall(r"\d[\d.]*(?: %)?", came_out):
        assert any(text.endswith(f" {figure}") for text in known), (
            f"{figure} is no figure of {path.stem}: {', '.join(sorted(known))}"
        )


def test_the_map_and_its_picture_have_the_same_lessons():
    assert list(MAP) == [f"{i:02}" for i in range(len(drawings._LESSONS))]


def test_costs_are_those_of_the_recorded_measurements():
    measured = {r["measurement"]: r["rows"] for r in records.read(ROOT / "results/bench.jsonl")}

    def each(measurement, name, pattern, **wanted):
        kept = [r[name] for r in measured[measurement] if wanted.items() <= r.items()]
        return [format(value, pattern) for value in kept]

    for training in ("forward-forward", "backprop"):
        wanted = {"training": training, "network": "blocks", "xla": False}
        memory = ", ".join(each("memory", "peak_megabytes", ".0f", **wanted))
        assert f"{memory} MB" in " ".join(START_TEXT.split())
    wanted = {"training": "forward-forward", "network": "blocks", "xla": True}
    compiled = ", ".join(each("memory", "peak_megabytes", ".0f", **wanted))
    assert f"(Compiled by XLA: {compiled} MB.)" in " ".join(START_TEXT.split())
    (training,) = (path for path in LESSONS if path.name.startswith("03"))
    assert f"{compiled} MB for Forward-Forward" in " ".join(" ".join(texts(training)).split())
    ours, backprop = each("against_backprop", "epoch_seconds", ".2f")
    assert f"takes {ours} s, one of backprop {backprop} s" in START_TEXT
    _, shared, edited = each("prediction", "cost", ".1f")
    assert f"as {shared} passes" in START_TEXT and f"and {edited} if" in START_TEXT


def test_bits_are_those_of_the_recorded_runs():
    said = []
    for text in ("fables", "python"):
        kept = [run["figures"] for run in records.read(f"10_sequences/{text}")]
        ours = ("test_bits", "swapped_test_bits", "rolled_out_test_bits")
        means = [np.mean([run[name] for run in kept]) for name in (*ours, "backprop_test_bits")]
        said.append((f"{min(means[:-1]):.2f}", f"{means[-1]:.2f}"))
    (fables, fables_backprop), (python, python_backprop) = said
    words = " ".join(START_TEXT.split())
    assert f"needs {fables} bits for a character of Aesop's Fables" in words
    assert f"backprop needs {fables_backprop}, and {python} against {python_backprop}" in words


def test_how_far_backprop_is_ahead():
    found = tables.table("05_ablations/ablations", ["recipe"], "errors", "ours").set_index(
        "recipe"
    )
    text = " ".join(START_TEXT.split())
    (said,) = re.findall(r"two layers of 200 units err ([0-9.]+) points more", text)
    assert float(said) == round(-100 * found.difference["backprop"], 2)
    assert found.difference_high["backprop"] < 0


# --- The glossary ----------------------------------------------------------------------------

WORDS = {row[0]: re.match(r"\[(\d\d)\]", row[2])[1] for row in rows("word")}

# How a word is found in prose. By default it is the word itself and its plural.
PATTERNS = {
    "normalise": r"normalis(?:e|es|ed)",
    "threshold (θ)": r"thresholds?",
    "greedy": r"greed(?:y|ily)",
    "vote": r"vot(?:e|es|ed|ing)",
    "adversarial image": r"adversarial(?: images?)?",
    "logits": r"logits?",
    "peer normalisation": r"peer[- ]normali[sz]ation",
    "roll-out": r"roll(?:ed|ing)?[- ]outs?",
    "stop_gradient": r"`?stop_gradient`?",
    "block": r"(?<!building )blocks?",
}
# These are common English, too ("a field of research", "a large-scale study", "the source code").
# Where they stand before their lesson nobody but a reader can say in which sense; so it is only
# asked that their own lesson introduces them, not that it is their first use.
COMMON = set("scale pull normalise source field mask window bits phase recipe".split())

# One name for one thing.
BANNED = {
    r"seed of (?:this|the) (?:project|notebook)": "the public Kaggle notebook, with its link",
    r"(?:positive|negative) samples?": "positives, negatives, or positive and negative images",
    r"fake (?:data|images?)": "negatives",
    r"hard(?:est)? labels?": "hard negatives",
    r"layer-?wise loss(?:es)?": "a loss of its own",
    r"let us|let's": "the imperative",
    r"anew": "again",
    r"shall": "should",
}


def test_the_glossary_says_which_lesson_each_word_is_from():
    names = {path.name for path in LESSONS}
    for word, meaning, lesson in rows("word"):
        number, name = re.fullmatch(r"\[(\d\d)\]\((.*)\)", lesson).groups()
        assert name in names and name.startswith(number), word
        assert meaning and not meaning.endswith("."), "one sentence, without its full stop"
    assert sorted(WORDS.values()) == list(WORDS.values()), "in the order of the lessons"
    assert COMMON | PATTERNS.keys() <= WORDS.keys()


def pattern(word):
    return re.compile(rf"(?<![\w-])(?:{PATTERNS.get(word, word + 's?')})(?![\w-])", re.I)


def prose(path):
    """What a notebook says: no code (but `stop_gradient`), formulas, links, headings, title cell.

    So the text of a link may hold a word of the glossary, if it leads to a notebook.
    """
    text = "\n\n".join(texts(path)[1:])
    text = re.sub(r"^```.*?^```|^#.*?$|\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.S | re.M)
    text = re.sub(r"`[^`]*`", lambda m: m[0] if m[0] == "`stop_gradient`" else "…", text)
    text = re.sub(r"\[[^]]*\]\((?:\d\d_\w+\.ipynb)?(?:#[\w-]+)?\)", "…", text)
    text = re.sub(r"\]\([^)]*\)|https?://\S+", "]", text)
    return re.sub(r"\s+", " ", text)


def looked_up(path):
    """The text of a notebook's links to the glossary: who followed them knows the words."""
    return " ".join(
        re.findall(r"\[([^]]*)\]\(00_start_here\.ipynb#Glossary\)", " ".join(texts(path)))
    )


def around(text, found):
    return text[max(found.start() - 50, 0) : found.end() + 50]


def emphasised(text):
    """Where italics and bold are, as pairs of places."""
    return [m.span() for m in re.finditer(r"(\*{1,2})(?![\s*]).*?[^\s*]\1(?!\*)", text)]


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param.name[:2], prose(request.param), looked_up(request.param)


def test_no_word_is_used_before_its_lesson(lesson):
    number, text, links = lesson
    early = []
    for word, introduced in WORDS.items():
        found = not pattern(word).search(links) and pattern(word).search(text)
        if found and introduced > number and word not in COMMON:
            early.append(f"{word} (lesson {introduced}) in: …{around(text, found)}…")
    assert not early, f"say it without the word, or link it as [word]({GLOSSARY}):\n" + "\n".join(
        early
    )


def test_each_word_is_introduced_in_italics(lesson):
    number, text, _ = lesson
    spans, missing = emphasised(text), []
    for word in (word for word, introduced in WORDS.items() if introduced == number):
        uses = list(pattern(word).finditer(text))
        in_italics = [any(a < u.start() and u.end() < b for a, b in spans) for u in uses]
        if not uses:
            missing.append(f"{word}: is not used at all")
        elif not any(in_italics):
            missing.append(f"{word}: nowhere in italics")
        elif word not in COMMON and not in_italics[0]:
            missing.append(f"{word}: not in italics at first, in: …{around(text, uses[0])}…")
    assert not missing, "write *word* with its meaning where it first stands:\n" + "\n".join(
        missing
    )


def test_no_other_name_for_the_same_thing(lesson):
    _, text, _ = lesson
    other = []
    for name, better in BANNED.items():
        for found in re.finditer(rf"(?<![\w-])(?:{name})(?![\w-])", text, re.I):
            other.append(f"say {better}, in: …{around(text, found)}…")
    assert not other, "\n".join(other)


def test_rules_of_words_on_an_example():
    text = "A *stream* has two streams. An adversarial one is **greedy**, says [greedily]."
    spans = emphasised(text)
    assert [text[a:b] for a, b in spans] == ["*stream*", "**greedy**"]
    assert len(pattern("stream").findall(text)) == 2
    assert pattern("greedy").findall("greedily greed") == ["greedily"]
    assert not pattern("hybrid").search("hybrid-free") and pattern("hybrid").search("Hybrids.")
    assert not pattern("block").search("a building block") and pattern("block").search("blocks")
