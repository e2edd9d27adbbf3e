"""Recorded runs: what a line holds, and that lines stay whole."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ffhelpers.running import ask, records, sweeps, tables
from written import save

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_run_is_recorded_with_all_that_repeats_it(command, tmp_path):
    code = "import ffhelpers as ff\nff.record(test_error=n / 100, kind=kind)"
    parameters = "n: int = 2  # a number\nkind: str = 'a'  # a word"
    save(tmp_path / "small.ipynb", code, parameters=parameters)
    (tmp_path / "given.yaml").write_text("kind: b\n")
    for seed in (3, 4):
        arguments = ["-p", f"n={seed}", "--output", "out", "--record", "kept/runs.jsonl"]
        assert command("run", "small.ipynb", "-f", "given.yaml", *arguments)[0] == 0

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


def test_a_failed_run_leaves_no_line(command, tmp_path):
    save(tmp_path / "fails.ipynb", "1 / 0")
    assert command("run", "fails.ipynb", "--record", "runs.jsonl")[0] == 1
    assert not (tmp_path / "runs.jsonl").exists()


def test_a_run_without_figures_is_recorded_too(command, tmp_path):
    save(tmp_path / "no.ipynb", "1 + 1")
    status, out, _ = command("run", "no.ipynb", "--record", "runs.jsonl")
    assert status == 0 and "no figures recorded" in out
    assert records.read(tmp_path / "runs.jsonl")[0]["figures"] == {}


def test_a_file_that_cannot_be_written_is_refused_before_the_run(command, tmp_path):
    save(tmp_path / "n.ipynb", "open('started', 'w')")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    too_long = f"{'long' * 70}.jsonl"
    for record in ("folder", "file/runs.jsonl", too_long):
        status, _, err = command("run", "n.ipynb", "--record", record)
        assert status == 2 and record.split("/")[0] in err and len(err.splitlines()) == 1
    assert not (tmp_path / "started").exists()


def test_programs_that_start_a_file_together_take_no_line_from_each_other(tmp_path):
    def start(path, seed):
        records.check_writable(path)
        records.append(path, {"seed": seed})

    with ThreadPoolExecutor(8) as executor:
        for i in range(100):
            path = tmp_path / str(i) / "runs.jsonl"
            list(executor.map(start, [path] * 8, range(8)))
            assert sorted(record["seed"] for record in records.read(path)) == list(range(8))
            assert list(path.parent.iterdir()) == [path]


def test_new_results_do_not_make_the_code_dirty(tmp_path):
    """…while a changed notebook does, wherever it is, and a module that nobody added."""
    copy = tmp_path / "clone"
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ffhelpers", copy / "ffhelpers", ignore=no_caches)
    (copy / "ffhelpers" / "__init__.py").write_text("")  # without TensorFlow
    (copy / "notebooks").mkdir()
    (copy / "notebooks" / "n.ipynb").touch()
    (copy / "results.jsonl").touch()
    (copy / "[own].ipynb").touch()
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "All"]):
        subprocess.run(["git", *words], cwd=copy, check=True)

    def commit(notebook=None):
        code = f"import ffhelpers.running.records as r; print(r.commit({notebook!r}))"
        python = [sys.executable, "-B", "-c", code]
        here = os.environ | {"PYTHONPATH": str(copy)}
        done = subprocess.run(
            python, cwd=copy, capture_output=True, text=True, check=True, env=here
        )
        return done.stdout.strip()

    (copy / "results.jsonl").write_text("{}\n")
    clean = commit()
    assert len(clean) == 40 and commit("[own].ipynb") == commit("/own.ipynb") == clean
    (copy / "notebooks" / "runs").mkdir()
    (copy / "notebooks" / "runs" / "n.ipynb").write_text("a run")
    assert commit() == clean
    (copy / "[own].ipynb").write_text("changed")
    assert commit("[own].ipynb") == clean + "-dirty" and commit() == clean
    for name in ("notebooks/n.ipynb", "ffhelpers/untracked.py", "ffhelpers/playground.js"):
        (copy / name).write_text("changed")
        assert commit() == clean + "-dirty"
        subprocess.run(["git", *identity, "stash", "-qu", "--", name], cwd=copy, check=True)
        assert commit() == clean
    # Code that was installed within another project is no part of that one's commits.
    (copy / ".gitignore").write_text("ffhelpers")
    for words in (["rm", "-rq", "--cached", "ffhelpers"], [*identity, "commit", "-qam", "None"]):
        subprocess.run(["git", *words], cwd=copy, check=True)
    assert commit() == "None"


def test_a_program_without_a_file_has_a_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", [""])
    assert records.command() == "python"


def test_lines_written_at_once_stay_whole(tmp_path):
    path = tmp_path / "deep" / "runs.jsonl"
    with ThreadPoolExecutor(8) as pool:
        for i in range(40):
            pool.submit(records.append, path, {"figures": {"run": i}, "text": "ä\u2028" * 3000})
    assert sorted(run["figures"]["run"] for run in records.read(path)) == list(range(40))
    assert records.read(path)[0]["text"] == "ä\u2028" * 3000


@pytest.mark.parametrize(
    "name", ["06_convolutions/normalization", "07_local_receptive_fields/labels"]
)
def test_the_records_are_the_whole_grid(name):
    notebook, _ = name.split("/")
    file = ROOT / "notebooks" / "params" / f"{name}.yaml"
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    runs = sweeps.grid(path, file=file)
    kept = records.read(name)
    assert len(kept) == len(runs)
    # With the notebook's defaults otherwise, which may have learned parameters since.
    defaults = {name: p.default for name, p in ask.parameters(path).items()}
    wanted = [defaults | run.changed for run in runs]
    for asked in wanted:
        assert any(run["parameters"].items() <= asked.items() for run in kept)
    for run in kept:
        assert any(run["parameters"].items() <= asked.items() for asked in wanted)


def test_the_projects_runs_are_found_by_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(tables.results("04_evaluation/quick").epochs) == {5}
    with pytest.raises(FileNotFoundError, match="04_evaluation/none"):
        tables.results("04_evaluation/none")
    # Where the code is installed elsewhere, the project is the one around the notebook.
    monkeypatch.setattr(records, "PROJECT", tmp_path / "site-packages")
    records.append("results/own/mine.jsonl", {"n": 1})
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert records.read("own/mine") == [{"n": 1}]


def test_runs_are_found_from_the_folder_of_the_notebooks_and_by_a_tilde(tmp_path, monkeypatch):
    """…whose kernels do not work where the command line did."""
    record = {"notebook": "n.ipynb", "parameters": {"seed": 1}, "figures": {"test_error": 0.1}}
    records.append(tmp_path / "runs/mine.jsonl", record)
    with open(tmp_path / "runs/mine.jsonl", "a") as file:
        file.write("\n")  # as an editor leaves it
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert records.read("runs/mine.jsonl") == [record]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert records.read("~/runs/mine.jsonl") == [record]


def test_a_table_may_be_by_a_single_name():
    one, several = (
        tables.table("04_evaluation/choices", by, "validation_error")
        for by in ("changed", ["changed"])
    )
    assert one.equals(several)


def test_a_parameter_younger_than_a_run_has_the_value_that_was_in_force(tmp_path):
    """These were what notebook 4 did before they could be set."""
    younger = {"pull": 0.03, "hardness": 10.0, "first_layer_votes": True}
    younger |= {"adversarial": 0.0, "hardest": 1.0}
    kept = records.read("04_evaluation/choices")
    for run in kept:  # as if it had been recorded then
        given = run["parameters"].items()
        run["parameters"] = {k: v for k, v in given if v != younger.get(k)}
        records.append(tmp_path / "then.jsonl", run)
    frame = tables.results(tmp_path / "then.jsonl")
    for name, value in younger.items():
        missing = [name not in run["parameters"] for run in kept]
        assert any(missing) and set(frame[name][missing]) == {value}
    assert frame.changed[0] == "usual"
    assert "pull 0.3, hardness 30.0" in set(frame.changed)


def test_code_is_that_of_all_folders(tmp_path, monkeypatch):
    package = tmp_path / "ffhelpers"
    shutil.copytree(ROOT / "ffhelpers", package)
    (tmp_path / "n.ipynb").write_text('{"cells": []}')
    monkeypatch.setattr(records, "__file__", str(package / "running" / "records.py"))
    before = records.code(tmp_path / "n.ipynb")
    for changed in ("model.py", "running/run.py"):
        with open(package / changed, "a") as file:
            file.write("# changed")
        assert records.code(tmp_path / "n.ipynb") != before
        before = records.code(tmp_path / "n.ipynb")
