"""How long a notebook takes to read, for the tests that hold it to that."""

import re


def prose(cell):
    """The words of a cell of text, without formulas, tables, code and what is folded away."""
    text = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
    return re.sub(r"\$\$.*?\$\$|^\|.*?$|^```.*?^```", "", text, flags=re.S | re.M).split()


def minutes_to_read(notebook):
    """At 200 words and 20 lines of code a minute."""
    words = sum(len(prose(c)) for c in notebook.cells if c.cell_type == "markdown")
    lines = sum(len(c.source.splitlines()) for c in notebook.cells if c.cell_type == "code")
    return words / 200 + lines / 20
