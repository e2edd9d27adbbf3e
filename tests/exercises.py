"""Exercises as the notebooks have them, for the tests that solve them.

Each begins with a heading `### Exercise N: …`. Its gap, if it has one, is a code cell with the tag
`exercise`, and the cell after it checks the answer. Hint and solution are folded below, each a
`<details>`. The solution's first block of Python fills the gap where there is one; the others
are run as cells of their own, after it. Its `sh` blocks are commands that run the notebook.
"""

import copy
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import nbformat

FOLDER = Path(__file__).parent.parent / "notebooks"


class Exercise(NamedTuple):
    number: int
    gap: int | None  # the place of its cell in the notebook
    place: int  # of the cell that holds the solution
    solution: str

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```", self.solution, re.S | re.M)


def exercises(notebook):
    """Those of a notebook, in order."""
    found = []
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            numbers = re.findall(r"^### Exercise (\d+): ", cell.source, re.M)
            assert len(numbers) <= 1, "one exercise a cell"
            found += [Exercise(int(number), None, place, "") for number in numbers]
            folded = r"<details>\s*<summary>Solution</summary>\n\n(.*?)\n\n</details>"
            for solution in re.findall(folded, cell.source, re.S):
                found[-1] = found[-1]._replace(place=place, solution=solution)
        elif "exercise" in cell.metadata.get("tags", []):
            assert found[-1].gap is None, "one gap an exercise"
            found[-1] = found[-1]._replace(gap=place)
    assert [exercise.number for exercise in found] == list(range(1, len(found) + 1))
    return found


def solved(notebook):
    """A copy of the notebook with every solution filled in, and its further code run."""
    notebook = copy.deepcopy(notebook)
    for exercise in reversed(exercises(notebook)):
        further = exercise.blocks("python")
        if exercise.gap is not None:
            notebook.cells[exercise.gap].source = further.pop(0)
        cells = [nbformat.v4.new_code_cell(source) for source in further]
        notebook.cells[exercise.place + 1 : exercise.place + 1] = cells
    return notebook


def commands(path):
    """Settings of each command in the notebook's solutions, such as `["epochs=2", "seed=3"]`."""
    notebook = nbformat.read(path, as_version=4)
    for exercise in exercises(notebook):
        for line in "".join(exercise.blocks("sh")).splitlines():
            start = f"python -m ffhelpers run notebooks/{path.name} "
            assert line.startswith(start), line
            words = shlex.split(line.removeprefix(start))
            assert words[::2] == ["-p"] * (len(words) // 2), line
            yield words[1::2]


COMMANDS = {path: list(commands(path)) for path in sorted(FOLDER.glob("*.ipynb"))}
