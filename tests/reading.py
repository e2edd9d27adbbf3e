"""What a notebook says to its reader, and how long that takes to read."""

import re


def prose(cell):
    """The words of a cell of text, without formulas, tables, code, badges and what is folded."""
    text = re.sub(r"<details>.*?</details>|\[!\[.*?\)\]\(.*?\)", "", cell.source, flags=re.S)
    return re.sub(r"\$\$.*?\$\$|^\|.*?$|^```.*?^```", "", text, flags=re.S | re.M).split()


def minutes_to_read(notebook):
    """At 200 words and 20 lines of code a minute, but for the cell that finds the package."""
    words = sum(len(prose(c)) for c in notebook.cells if c.cell_type == "markdown")
    read = (c.source for c in notebook.cells if c.cell_type == "code")
    lines = sum(len(source.splitlines()) for source in read if "find_spec" not in source)
    return words / 200 + lines / 20


def deprecations(notebook):
    """What an executed notebook was told not to call any more, or otherwise soon."""
    said = (
        o.text for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"
    )
    return [text for text in said if re.search("(Deprecation|Future)Warning|deprecated", text)]


def rendered(notebook):
    """What a browser takes for its own language among the outputs of an executed notebook."""
    data = [o.get("data", {}) for c in notebook.cells for o in c.get("outputs", [])]
    return [
        d[kind] for d in data for kind in ("text/html", "text/markdown", "text/latex") if kind in d
    ]
