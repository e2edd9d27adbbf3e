"""The recorded ablations: all that is said of them follows from `results/05_ablations`."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from ffhelpers import evaluation
from ffhelpers.running import records

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "05_ablations.ipynb"
FILE = ROOT / "notebooks" / "params" / "05_ablations" / "ablations.yaml"
GRID = yaml.safe_load(FILE.read_text())
KEPT = records.read("05_ablations/ablations")
RECIPES = [name for (name,) in GRID["recipes"]]


def points(figure):
    """Recipe → percentages in the order of the seeds."""
    found = {}
    for run in KEPT:
        (name,) = run["parameters"]["recipes"]
        found[name] = 100 * np.array(run["figures"][figure][name])
    return found


VALIDATION, TEST = points("errors"), points("test_errors")


def away(name):
    """Mean difference from ours in points, seed by seed, and its interval."""
    return evaluation.mean_interval(VALIDATION[name] - VALIDATION["ours"])


def test_they_are_the_whole_grid_and_were_run_as_it_says():
    assert sorted(VALIDATION) == sorted(RECIPES) and len(KEPT) == len(RECIPES) >= 40
    (widths,) = GRID["widths"]
    fixed = {k: v for k, v in GRID.items() if k != "recipes"} | {"widths": widths}
    for run in KEPT:
        assert fixed.items() <= run["parameters"].items()
        assert run["threads"] == 1
    for errors in [*VALIDATION.values(), *TEST.values()]:
        assert len(errors) == GRID["seeds"] >= 5


def test_the_grid_has_every_recipe_of_the_notebook(tmp_path):
    command = [sys.executable, "-m", "ffhelpers", "run", NOTEBOOK, "-p", "recipes=none such"]
    done = subprocess.run([*command, "--output", tmp_path], capture_output=True, text=True)
    assert done.returncode != 0
    (known,) = re.findall("no recipe 'none such', only (.*)", done.stderr)
    assert sorted(known.split(", ")) == sorted(RECIPES)


# *recipe* (+0.12), or *recipe* (+0.12, within the noise)
PATTERN = r"\*([^*]+)\* \(([+-]\d+\.\d\d)(, within the noise)?\)"
FINDINGS = [
    finding
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells
    if cell.cell_type == "markdown"
    for finding in re.findall(PATTERN, " ".join(cell.source.split()))
]


def test_there_are_findings():
    assert len(FINDINGS) >= 20


@pytest.mark.parametrize("name, difference, noise", FINDINGS)
def test_the_notebooks_findings(name, difference, noise):
    mean, low, high = away(name)
    assert f"{mean:+.2f}" == difference
    assert bool(noise) == (low <= 0 <= high)


def test_the_findings_on_notebook_4s_choices():
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOK, 4).cells}
    rows = re.findall(
        r"^(.+?)  .*? ([+-]\d\.\d\d)   .*?  (better|worse|within the noise)$",
        cells["05-52"].outputs[0].text,
        flags=re.M,
    )
    prose = cells["05-50"].source
    found = re.findall(r"`([^`]+)`\s\(([+-]\d\.\d\d)(, within the noise)?\)", prose)
    assert found[0] == (*rows[0][:2], ""), "named as the largest gain"
    for name, difference, noise in found:
        (verdict,) = [row[2] for row in rows if row[:2] == (name, difference)]
        assert bool(noise) == (verdict == "within the noise"), name
