"""Recorded runs: what a line holds, that lines stay whole, and the interval over seeds."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import numpy as np
import pytest

from ffhelpers import records

PYTHON = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def test_a_run_is_recorded_with_all_that_repeats_it(tmp_path):
    notebook = nbformat.v4.new_notebook(metadata=PYTHON)
    parameters = nbformat.v4.new_code_cell("n: int = 2  # a number\nkind: str = 'a'  # a word")
    parameters.metadata.tags = ["parameters"]
    code = "import ffhelpers as ff\nff.record(test_error=n / 100, kind=kind)"
    notebook.cells = [parameters, nbformat.v4.new_code_cell(code)]
    nbformat.write(notebook, tmp_path / "small.ipynb")
    (tmp_path / "given.yaml").write_text("kind: b\n")
    command = [sys.executable, "-m", "ffhelpers", "run", "small.ipynb", "-f", "given.yaml"]
    for seed in (3, 4):
        arguments = ["-p", f"n={seed}", "--output", "out", "--record", "kept/runs.jsonl"]
        subprocess.run([*command, *arguments], cwd=tmp_path, check=True, capture_output=True)

    first, second = records.read(tmp_path / "kept" / "runs.jsonl")
    assert first["parameters"] == {"n": 3, "kind": "b"}
    assert second["figures"] == {"test_error": 0.04, "kind": "b"}
    assert first["notebook"] == "small.ipynb"
    assert first["command"] == (
        "python -m ffhelpers run small.ipynb -f given.yaml -p n=3 --output out "
        "--record kept/runs.jsonl"
    )
    assert first["seconds"] > 0 and first["threads"] >= 1 and first["processor"]
    assert {"python", "keras", "numpy"} < first["versions"].keys()  # and a TensorFlow


def test_a_failed_run_leaves_no_line(tmp_path):
    cells = [nbformat.v4.new_code_cell("1 / 0")]
    notebook = nbformat.v4.new_notebook(metadata=PYTHON, cells=cells)
    nbformat.write(notebook, tmp_path / "fails.ipynb")
    command = [sys.executable, "-m", "ffhelpers", "run", "fails.ipynb", "--record", "runs.jsonl"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1
    assert not (tmp_path / "runs.jsonl").exists()


def test_lines_written_at_once_stay_whole(tmp_path):
    path = tmp_path / "deep" / "runs.jsonl"
    with ThreadPoolExecutor(8) as pool:
        append = lambda i: records.append(path, figures={"run": i}, text="ä" * 3000)  # noqa: E731
        list(pool.map(append, range(40)))
    assert sorted(run["figures"]["run"] for run in records.read(path)) == list(range(40))
    assert json.loads(path.read_text().splitlines()[0])["text"] == "ä" * 3000


def test_the_interval_is_students():
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    mean, low, high = records.mean_interval(values)
    half = 2.776445 * np.std(values, ddof=1) / np.sqrt(5)  # the table's t for 4 degrees of freedom
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-5)


def test_the_interval_holds_the_mean_as_often_as_it_says():
    runs = np.random.default_rng(0).normal(size=(2000, 5))
    held = [low <= 0 <= high for _, low, high in map(records.mean_interval, runs)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
