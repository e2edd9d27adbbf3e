"""Bad input, a table for each area: what is handed in, the call, and what its refusal says.

A case is a line. `tests/test_refusals.py` holds all of them to the same: an error of ours, in one
line, before any work.
"""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """Bad input.

    Attributes:
        what: what is wrong with it.
        call: without arguments; it has to raise. Its working folder is that of `places.fill`.
        says: part of the message that names the value, or its shape or type.
        form: "ours", one line that says what was expected; "shown" where it has other words, as a
            notebook shows it; "theirs" where Keras, NumPy or click
            say enough; "tried" where the places that were looked at are listed, with advice; "any"
            where Keras alone reads a file: it may raise what it likes, if nothing is executed.
    """

    what: str
    call: Any
    says: str
    form: str = "ours"


def table(area, *rows):
    """Cases of an area, from rows `(what, call, says)` or `(what, call, says, form)`."""
    whats = [what for what, *_ in rows]
    again = (
        f" ({whats[:i].count(what) + 1})" * (what in whats[:i]) for i, what in enumerate(whats)
    )
    return [Case(f"{area}: {what}{nth}", *rest) for (what, *rest), nth in zip(rows, again)]


def all_cases():
    """Every case of every table."""
    from . import commands, files, fitting, functions, notebooks, parts

    return [
        case
        for area in (parts, fitting, functions, files, notebooks, commands)
        for case in area.CASES
    ]
