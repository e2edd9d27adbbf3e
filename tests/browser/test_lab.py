"""The notebooks in JupyterLab, run by its menus in Chromium."""

import ast
import copy
import os
import re

import nbformat
import pytest
from exercises import FOLDER, exercises

from ffhelpers.exercises import UNFILLED
from ffhelpers.running import ask

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SCREENSHOTS = FOLDER.parent / "runs" / "screenshots"
FULL = bool(os.environ.get("FULL"))  # with the notebooks' own parameters
SECONDS = 900  # at most, for a notebook: other work may go on beside


def headings(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)


def plain(text):
    return re.sub(r"\W", "", text)


def pictures(cells):
    """How many each cell shows."""
    outputs = {i: cell.outputs for i, cell in enumerate(cells) if cell.cell_type == "code"}
    counts = {i: sum("image/png" in o.get("data", {}) for o in os) for i, os in outputs.items()}
    return {i: count for i, count in counts.items() if count}


def redrawn(drawn):
    """(place of a cell, number of its output) → the pictures that it showed, if more than one."""
    found = {}
    for place, number, picture in drawn:
        found.setdefault((place, number), []).append(picture)
    return {where: seen for where, seen in found.items() if len(seen) > 1}


def bars(text):
    """Steps made and steps to make of each of Keras's and tqdm's bars in a text."""
    text = re.sub(r"\x1b\[\d*m", "", text)
    return [(int(done), int(of)) for done, of in re.findall(r"(\d+)/(\d+) (?:━|\[)", text)]


def source(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def shows_bars(notebook):
    """Whether it trains with Keras's `fit` and not in silence, or has a bar of its own."""
    code = source(notebook)
    if "ff.bar(" in code or "ablations.run(" in code:
        return True
    calls = re.findall(r"\.fit\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", code)
    return any("verbose=0" not in call for call in calls)


def no_answer(solution):
    """A solution whose names mean something else in the end."""
    names = []
    for node in ast.parse(solution).body:
        names += [node.name] if hasattr(node, "name") else []
        names += [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
    assert names, f"defines no name: {solution}"
    return "\n".join([solution, *(f"{name} = lambda *_, **__: -1e9" for name in names)])


def set_parameters(opened, stored, values):
    (place,) = [
        i for i, c in enumerate(stored.cells) if "parameters" in c.metadata.get("tags", [])
    ]
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    opened.write(place, "\n".join([stored.cells[place].source, *lines]))


def take_screenshots(opened, stored, folder):
    """Of all cells with pictures, as they are stored, in both themes."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("dark", "light"):
        opened.theme(theme)
        for place in pictures(stored.cells):
            opened.screenshot(place, folder / f"cell {place:02} {theme}.png")


def try_exercises(opened, stored):
    """Fill each gap with something wrong and with its solution, and see what its check says."""
    for exercise in exercises(stored):
        if exercise.gap is None:
            continue
        solution = exercise.blocks("python")[0]
        for source, says in ((no_answer(solution), "wrong: "), (solution, "right\n")):
            opened.write(exercise.gap, source)
            opened.run(exercise.gap)
            said = opened.run(exercise.gap + 1).splitlines(keepends=True)
            assert said and all(line.startswith(says) for line in said), f"{says}, not {said}"


def check_outputs(stored, cells, shown, drawn, same):
    """See that a run left everything that a person should see.

    Args:
        cells: of the notebook after its run.
        shown, drawn: the texts and the pictures in between, as of `run_all`.
        same: whether there should be as many pictures as stored, or only in the same cells.
    """
    for cell in cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", "\n".join(output.traceback)
            assert output.get("name") != "stderr", output.text
    live = redrawn(drawn)
    assert bool(live) == ("plots.live(" in source(stored)), "a live picture"
    for (place, number), seen in live.items():
        left = cells[place].outputs[number].data["image/png"]
        assert seen[0] != seen[-1] and seen[-1] == left, "a live picture stops half-way"
        cells[place].outputs[number].data = {}
    found, wanted = pictures(cells), pictures(stored.cells)
    for i, cell in enumerate(stored.cells):
        if "playground.show(" in cell.source:  # where a person watches, it shows a sheet of paper
            wanted.pop(i, None)
    assert set(found) == set(wanted), "pictures"
    assert found == wanted or not same, "pictures"
    for exercise in exercises(stored):
        if exercise.gap is not None:
            (said,) = cells[exercise.gap + 1].outputs
            assert said.text == UNFILLED + "\n"
    moving = []
    for place in {place for place, _ in shown}:
        states = [bars(text) for at, text in shown if at == place]
        assert all(done == of for done, of in states[-1]), "a bar stops half-way"
        moving += [state for state in states if state and state != states[-1]]
    assert bool(moving) == shows_bars(stored), "bars"


@pytest.mark.slow(one_in=3)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_in_jupyterlab(path, open_notebook, few_digits, own_text):
    stored = nbformat.read(path, as_version=4)
    opened = open_notebook(path)
    take_screenshots(opened, stored, SCREENSHOTS / path.stem)
    assert list(map(plain, opened.headings())) == list(map(plain, headings(stored)))
    values = {}
    if not FULL:
        reads = any("\ntext: str" in f"\n{cell.source}" for cell in stored.cells)
        own = {"text": str(own_text)} if reads else {"dataset": str(few_digits)}
        small = {**own, "seed": 11, **stored.metadata["tests"]["small"]}
        values = ask.parse_parameters(path, [f"{name}={value}" for name, value in small.items()])
    set_parameters(opened, stored, values)
    check_outputs(stored, *opened.run_all(SECONDS), same=FULL)
    try_exercises(opened, stored)


def test_a_link_to_a_page_beside_the_lessons_opens_it(open_notebook):
    opened = open_notebook(FOLDER / "02_loss.ipynb")
    page = opened.page
    page.get_by_role("link", name="results", exact=True).first.click()
    at = "name => jupyterapp.shell.currentWidget?.title.label === name"
    page.wait_for_function(at, arg="results.md")
    page.evaluate("jupyterapp.shell.currentWidget.close()")
    page.wait_for_function(at, arg=opened.name)
    page.wait_for_timeout(3000)  # JupyterLab asks the kernel again what its debugger does


# --- Whether these tests would notice --------------------------------------------------------

TINY = """\
# Tiny

## A bar and `code`

%%
seed: int = 1  # of the weights
%%
from ffhelpers import exercises, style
import matplotlib.pyplot as plt
import numpy as np
import keras
%%
figure, ax = plt.subplots(figsize=(2, 1))
ax.plot([seed, 2])
style.show(figure)
%%
keras.utils.set_random_seed(seed)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(np.ones((400, 3)), np.ones(400), batch_size=1, verbose=1);
%%
### Exercise 1: twice `x`

%%
def twice(x):
    return ...
%%
exercises.check(lambda: twice(2), 4)
%%
<details>
<summary>Solution</summary>

```python
# Not a heading.
def twice(x):
    return 2 * x
```

</details>
"""


def tiny():
    """That text as a notebook, with the outputs that it should have."""
    cells = []
    for part in TINY.split("\n%%\n"):
        markdown = re.match("[#<]", part)
        new = nbformat.v4.new_markdown_cell if markdown else nbformat.v4.new_code_cell
        cells.append(new(part.strip()))
    picture = {"image/png": ""}
    cells[1].metadata["tags"], cells[6].metadata["tags"] = ["parameters"], ["exercise"]
    cells[3].outputs = [nbformat.v4.new_output("display_data", picture)]
    cells[7].outputs = [nbformat.v4.new_output("stream", text=UNFILLED + "\n")]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def test_a_tiny_notebook_passes_and_wrong_checks_do_not(tmp_path, open_notebook):
    stored = tiny()
    nbformat.write(stored, tmp_path / "tiny.ipynb")
    opened = open_notebook(tmp_path / "tiny.ipynb")
    assert opened.headings() == ["Tiny", "A bar and code", "Exercise 1: twice x"]
    set_parameters(opened, stored, {"seed": 3})
    cells, shown, drawn = opened.run_all(SECONDS)
    check_outputs(stored, cells, shown, drawn, same=True)
    try_exercises(opened, stored)
    for blind in ("exercises.check(lambda: 4, 4)", "exercises.check(lambda: twice(2), 5)"):
        opened.write(7, blind)
        with pytest.raises(AssertionError, match="right|wrong"):
            try_exercises(opened, stored)
    assert_notices(stored, cells, shown, drawn)


def assert_notices(stored, cells, shown, drawn):
    """Each thing that is wrong with outputs that are right otherwise."""
    stderr = nbformat.v4.new_output("stream", name="stderr", text="oh")
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=["oh"])
    for wrong, says in ((stderr, "oh"), (error, "oh"), (cells[3].outputs[0], "pictures")):
        changed = copy.deepcopy(cells)
        changed[2].outputs.append(wrong)
        with pytest.raises(AssertionError, match=says):
            check_outputs(stored, changed, shown, drawn, same=False)
    last = [pair for pair in shown if pair[0] == 4][-1]
    for states, says in (([last], "bars"), ([*shown, [4, "3/400 ━━"]], "half-way")):
        with pytest.raises(AssertionError, match=says):
            check_outputs(stored, cells, states, drawn, same=True)
    (place, number, picture) = drawn[0]
    watched = copy.deepcopy(stored)
    watched.cells[place].source += "\nplots.live(x, y)"
    later = [place, number, "another"]
    for asked, seen in (
        (stored, [*drawn, drawn[0]]),
        (watched, drawn),
        (watched, [*drawn, later]),
    ):
        with pytest.raises(AssertionError, match="a live picture"):
            check_outputs(asked, copy.deepcopy(cells), shown, seen, same=True)
