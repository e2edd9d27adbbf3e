"""Every parameter of every notebook, and what people type for it."""

import functools
from pathlib import Path

from ffhelpers.running import ask, sweeps

from . import table
from .files import WRONG

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))
# What no parameter of a type can be, whichever it is.
BAD = {
    int: ["-1", "1.5", "many", "", "nan", "inf", True, None, [3], "1e3", "3;4", "9" * 5000],
    float: ["-1", "nan", "inf", "much", "", True, None, [0.1], "0,1", "1e999"],
    bool: ["yes", "1", "", 1, None, [True], "truefalse"],
    str: ["nonsense", "", 3, None, ["a"], True, "x" * 100_000, "非", "a\0b"],
    list: ["", "x", "-1", "nan", "1,,2", "[[1]]", "500;500", 3, None, {"a": 1}, True],
}
# Names of recipes are looked up by the notebook itself.
OPEN = {"recipes": [3, None, {"a": 1}, True, [3], [None]]}


@functools.cache
def known(notebook):
    return ask.parameters(notebook), ask.rules(notebook)


def refused(notebook, name, value):
    """What `ask.typed_parameters` does; the notebook is read once for all cases."""
    parameters, rules = known(notebook)
    values = {name: ask.typed(notebook, parameters, name, value)}
    rules({name: parameter.default for name, parameter in parameters.items()} | values)


def _rows():
    for notebook in NOTEBOOKS:
        for name, parameter in ask.parameters(notebook).items():
            for value in OPEN.get(name, BAD[type(parameter.default)]):
                yield (
                    f"{notebook.name} {name}={str(value)[:30]!r}",
                    functools.partial(refused, notebook, name, value),
                    f"{name}=",
                )


def parse(*settings, notebook="good.ipynb", file=None):
    return ask.parse_parameters(notebook, settings, file)


def grid(*settings, notebook="good.ipynb", file=None):
    return sweeps.grid(notebook, settings, file, "runs")


NOT_NOTEBOOKS = [wrong for wrong in WRONG if wrong not in ("flipped", "unreadable")]
NOT_NOTEBOOKS += "list number object cells cell future nested".split()
CODE = ["no assignment", "a call", "an import", "an expression", "a formatted string", "two names"]
CODE += ["a dict", "a tuple", "none, not annotated", "bad syntax", "an attribute", "unpacked"]
CODE += ["augmented", "annotated alone", "a loop", "a magic"]
YAML = "code list number bad tabs latin zeros laughs folder circle none numbers".split()

CASES = [
    *table("parameters", *_rows()),
    *table(
        "notebooks",
        *(
            (f"{name}.ipynb", lambda name=name: parse(notebook=f"{name}.ipynb"), f"{name}.ipynb")
            for name in NOT_NOTEBOOKS
        ),
        *(
            (
                f"{name} as parameters",
                lambda name=name: parse(notebook=f"{name}.ipynb"),
                f"{name}.ipynb",
            )
            for name in CODE
        ),
        *((f"{name}.yaml", lambda name=name: parse(file=f"{name}.yaml"), "") for name in YAML),
        *(
            (f"a grid of {name}.yaml", lambda name=name: grid(file=f"{name}.yaml"), "")
            for name in YAML
        ),
        (
            "no parameters to set",
            lambda: parse("epochs=3", notebook="no parameters.ipynb"),
            "epochs",
        ),
        ("an unknown parameter", lambda: parse("epoch=3"), "did you mean epochs?"),
        ("an empty name", lambda: parse("=3"), "''"),
        ("a name in another alphabet", lambda: parse("эпохи=3"), "эпохи"),
        ("an enormous name", lambda: parse("e" * 100_000 + "=3"), "eee"),
        ("no equals sign", lambda: parse("epochs"), "'epochs'"),
        ("a word in Latin-1", lambda: parse("name=d\udce9"), "name='d\\udce9'"),
        ("twice", lambda: parse("epochs=3", "epochs=3"), "epochs"),
        ("a repeated name in YAML", lambda: parse(file="repeated.yaml"), "epochs"),
        ("an empty grid", lambda: grid("epochs="), "epochs"),
        ("a grid with a bad value", lambda: grid("epochs=1,2,many"), "epochs='many'"),
        (
            "a grid beyond reason",
            lambda: grid(
                *(
                    f"epochs={','.join(map(str, range(3000)))}",
                    f"rate={','.join(map(str, range(3000)))}",
                )
            ),
            "9000000",
        ),
    ),
]
