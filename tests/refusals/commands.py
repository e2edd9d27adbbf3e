"""What is typed after `python -m ffhelpers`: refused with one line and exit status 2."""

import sys
from unittest import mock

from click.testing import CliRunner

from ffhelpers import __main__ as commands
from ffhelpers.running import processes, records

from . import places, table
from .files import data_dir
from .notebooks import NOTEBOOKS


class Accepted(Exception):
    """A command went on to work."""


def command(*arguments):
    """The refusal of a command, as the error that it stands for; nothing is ever run."""
    before = processes.execute, processes.local
    processes.execute = processes.local = _would_run
    try:
        result = CliRunner().invoke(commands.main, [str(a) for a in arguments])
    finally:
        processes.execute, processes.local = before
    if result.exit_code != 2:
        raise Accepted(f"exit status {result.exit_code}: {result.output} {result.exception!r}")
    assert not result.stdout
    said = result.stderr.strip()
    if said.startswith("Usage:"):
        said = said.splitlines()[-1]
    raise ValueError(said.removeprefix("Error: "))


def _would_run(*args, **kwargs):
    raise Accepted("it would run")


def typed(*arguments):
    """What a record would say was typed."""
    with mock.patch.object(sys, "argv", ["", *arguments]):
        return records.command()


def without_dask():
    with mock.patch.dict(sys.modules, distributed=None):
        return command("sweep", GOOD, "--output", "empty", "--dask", "tcp://here:8786")


def data(folder, name):
    with data_dir(folder):
        return command("data", name)


GOOD = "good.ipynb"
CASES = table(
    "commands",
    ("none", lambda: command("nonsense"), "nonsense", "theirs"),
    ("an unknown option", lambda: command("run", GOOD, "--paralel", "2"), "--paralel", "theirs"),
    ("run, no notebook", lambda: command("run"), "NOTEBOOK", "theirs"),
    *(
        (f"run, {name}", lambda name=name: command("run", f"{name}.ipynb"), f"{name}.ipynb")
        for name in (
            "none",
            "folder",
            "circle",
            "words",
            "pickle",
            "truncated",
            "list",
            "a call",
            "nested",
        )
    ),
    *(
        (
            f"run, {notebook.name} with epochs of another kind",
            lambda n=notebook: command("run", n, "-p", "seed=one"),
            "seed='one'",
        )
        for notebook in NOTEBOOKS
    ),
    *(
        (f"run, {name!r}", lambda name=name: command("run", name), f"{name!r}"[1:-1])
        for name in places.NAMES
    ),
    ("run, output in Latin-1", lambda: command("run", GOOD, "--output", "d\udce9"), "d\\udce9"),
    ("a command in Latin-1", lambda: typed("-f", "d\udce9.yaml"), "d\\udce9.yaml"),
    ("run, one notebook twice", lambda: command("run", GOOD, GOOD), GOOD),
    ("run, an unknown parameter", lambda: command("run", GOOD, "-p", "epoch=3"), "epoch"),
    ("run, no equals sign", lambda: command("run", GOOD, "-p", "epochs"), "epochs"),
    ("run, a bad value", lambda: command("run", GOOD, "-p", "epochs=many"), "epochs='many'"),
    ("run, one good and one bad", lambda: command("run", GOOD, "none.ipynb"), "none.ipynb"),
    *(
        (
            f"run -f, {name}.yaml",
            lambda name=name: command("run", GOOD, "-f", f"{name}.yaml"),
            f"{name}.yaml",
        )
        for name in ("none", "code", "bad", "list", "latin", "folder", "circle")
    ),
    ("run, output into a file", lambda: command("run", GOOD, "--output", "a file"), "a file"),
    ("run, output over what is no run", lambda: command("run", GOOD, "--output", "own"), "no run"),
    ("run, output over the notebook", lambda: command("run", GOOD, "--output", "."), "own"),
    (
        "run, output through a circle",
        lambda: command("run", GOOD, "--output", "circle.yaml"),
        "circle.yaml",
    ),
    ("run, an enormous output", lambda: command("run", GOOD, "--output", "x" * 5000), "xxx"),
    (
        "run, record into a folder",
        lambda: command("run", GOOD, "--output", "empty", "--record", "empty"),
        "empty",
    ),
    (
        "run, record below a file",
        lambda: command("run", GOOD, "--output", "empty", "--record", "a file/r.jsonl"),
        "a file",
    ),
    (
        "run, record into a notebook",
        lambda: command("run", GOOD, "--output", "empty", "--record", GOOD),
        GOOD,
    ),
    (
        "run, record into the notebook to come",
        lambda: command("run", GOOD, "--output", "empty", "--record", "empty/good.ipynb"),
        "empty/good.ipynb",
    ),
    *(
        (f"run --jobs {v}", lambda v=v: command("run", GOOD, "--jobs", v), f"{v}", "theirs")
        for v in (0, -1, "two", 1.5)
    ),
    ("sweep, no output", lambda: command("sweep", GOOD), "--output", "theirs"),
    (
        "sweep, no notebook",
        lambda: command("sweep", "none.ipynb", "--output", "empty"),
        "none.ipynb",
    ),
    (
        "sweep, a bad value",
        lambda: command("sweep", GOOD, "-p", "epochs=1,many", "--output", "empty"),
        "epochs='many'",
    ),
    (
        "sweep, an empty value",
        lambda: command("sweep", GOOD, "-p", "epochs=", "--output", "empty"),
        "epochs",
    ),
    (
        "sweep, a bad combination",
        lambda: command("sweep", NOTEBOOKS[9], "-p", "iterations=[1],[3]", "--output", "empty"),
        "iterations=[1]",
    ),
    ("sweep, output of the notebook", lambda: command("sweep", GOOD, "--output", "."), "own"),
    (
        "sweep, output in Latin-1",
        lambda: command("sweep", GOOD, "--output", "d\udce9"),
        "d\\udce9",
    ),
    ("sweep, output into a file", lambda: command("sweep", GOOD, "--output", "a file"), "a file"),
    (
        "sweep, record into a folder",
        lambda: command("sweep", GOOD, "--output", "empty", "--record", "empty"),
        "empty",
    ),
    *(
        (
            f"sweep --jobs {v}",
            lambda v=v: command("sweep", GOOD, "--output", "empty", "--jobs", v),
            f"{v}",
            "theirs",
        )
        for v in (0, -1, "two")
    ),
    *(
        (
            f"sweep --limit-seconds {v}",
            lambda v=v: command("sweep", GOOD, "--output", "empty", "--limit-seconds", v),
            f"{v}",
            "theirs",
        )
        for v in (0, -1, "soon", "nan")
    ),
    ("sweep --dask, not installed", without_dask, "tcp://here:8786"),
    (
        "sweep --dask, no address",
        lambda: command("sweep", GOOD, "--output", "empty", "--dask", "nowhere"),
        "nowhere",
    ),
    *(
        (f"table, {name}", lambda name=name: command("table", name), name)
        for name in (
            "none",
            "empty",
            "a file",
            "words.jsonl",
            "lists.jsonl",
            "half.jsonl",
            "circle.jsonl",
            "no notebook.jsonl",
            "metadata.ipynb",
        )
    ),
    *(
        (f"table, {name}", lambda a=(f"{name}.jsonl", *given): command("table", *a), says)
        for name, given, says in (
            ("text", (), "test_error is 'low'"),
            ("statistics", (), "n is a column"),
            ("statistics", ("--by", "n"), "n is a column"),
            ("namesakes", ("--figure", "accuracy"), "no figure accuracy"),
            ("dicts", ("--by", "errors"), "errors is a dict"),
        )
    ),
    (
        "table, an unknown figure",
        lambda: command("table", "good.jsonl", "--figure", "tset_error"),
        "tset_error",
    ),
    (
        "table, an unknown parameter",
        lambda: command("table", "good.jsonl", "--by", "sead"),
        "sead",
    ),
    ("table, an unknown reference", lambda: command("table", "good.jsonl", "--against", "9"), "9"),
    (
        "table, an unknown format",
        lambda: command("table", "good.jsonl", "--format", "html"),
        "html",
        "theirs",
    ),
    *(
        (f"figures, {name}", lambda name=name: command("figures", name), name)
        for name in ("none.ipynb", "good.ipynb", "words.ipynb", "a file", "empty", "circle.ipynb")
    ),
    ("data, an unknown name", lambda: command("data", "minst"), "minst"),
    ("data, an empty name", lambda: command("data", ""), "''"),
    ("data, an enormous name", lambda: command("data", "x" * 5000), "xxx"),
    *(
        (f"data, {name}", lambda name=name: command("data", name), name)
        for name in (
            "truncated.npz",
            "pickle.npz",
            "bomb.npz",
            "vast.npz",
            "circle.npz",
            "pictures/words",
        )
    ),
    (
        "data, a folder that holds it not",
        lambda: data("published/words", "mnist"),
        "To do",
        "theirs",
    ),
    *(
        (f"kaggle, {name!r}", lambda name=name: command("kaggle", name), "owner=")
        for name in ("", "a", "Me", "../me", "me me", "me;rm", "x" * 5000)
    ),
    (
        "kaggle, output into a folder of another kind",
        lambda: command("kaggle", "me-2", "--output", "pictures"),
        "pictures",
    ),
    (
        "kaggle, output into a file",
        lambda: command("kaggle", "me-2", "--output", "a file"),
        "a file",
    ),
    ("kaggle, no clone", lambda: command("kaggle", "me-2", "--output", "empty/kaggle"), "clone"),
)
