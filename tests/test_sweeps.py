"""Sweeps: what runs, in real processes that are killed, and what the tables say of it."""

import collections
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas
import psutil
import pytest
from click.testing import CliRunner
from scipy.stats import ttest_1samp, ttest_ind

from ffhelpers.__main__ import main
from ffhelpers.running import ask, records, sweeps, tables
from written import QUICKLY, save, until

PARAMETERS = """\
seed: int = 0
theta: float = 1.0  # where goodness is to go
widths: list = [500, 500]
wait: float = 0.0  # seconds
"""
# A notebook that has nothing to do with training; each run of it leaves a line in `log`.
RUN = f"""{QUICKLY}
import os, time
import ffhelpers as ff
with open("log", "a") as log: print(seed, theta, os.getpid(), file=log)
time.sleep(wait)
if theta == 13: raise KeyError("thirteen")
ff.record(test_error=theta / 100 + seed / 1000, cores=sorted(os.sched_getaffinity(0)))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    save("own.ipynb", RUN, parameters=PARAMETERS)
    return tmp_path


def log():
    """What was started: `(seed and theta, process)`, in that order."""
    lines = Path("log").read_text().splitlines() if Path("log").exists() else []
    return [tuple(line.rsplit(" ", 1)) for line in lines]


def alive(processes):
    return [
        p for p in processes if psutil.pid_exists(p) and psutil.Process(p).status() != "zombie"
    ]


def complete(folder="out"):
    return sorted(path.name for path in Path(folder).glob("*.ipynb"))


# Which runs


def combinations(*settings, file=None):
    return [run.changed for run in sweeps.grid("own.ipynb", settings, file)]


def test_a_grid_is_every_combination_once():
    assert combinations() == [{}]
    assert combinations("seed=1,2", "theta=3, 1e-2") == [
        {"seed": 1, "theta": 3.0},
        {"seed": 1, "theta": 0.01},
        {"seed": 2, "theta": 3.0},
        {"seed": 2, "theta": 0.01},
    ]
    assert combinations("seed=0,1,1") == [{}, {"seed": 1}]
    assert combinations("theta=1,1.0") == [{}]


def test_lists_in_a_grid():
    assert combinations("widths=20,30") == [{"widths": [20, 30]}]
    assert combinations("widths=[20,30]") == [{"widths": [20, 30]}]
    assert combinations("widths=[20],[5, 6]") == [{"widths": [20]}, {"widths": [5, 6]}]


def test_lists_of_lists_in_a_grid():
    source = Path("own.ipynb").read_text()
    Path("own.ipynb").write_text(source.replace("[500, 500]", "[[3, 3], [1, 1]]"))
    one, other = {"widths": [[1, 2], [3]]}, {"widths": [[4]]}
    assert combinations("widths=[[1,2],[3]]") == [one]
    assert combinations("widths=[[1,2],[3]],[[4]]") == [one, other]
    Path("grid.yaml").write_text("widths: [[[1, 2], [3]], [[4]]]")
    assert combinations(file="grid.yaml") == [one, other]
    (run,) = sweeps.grid("own.ipynb", ["widths=[[4]]"])
    given = [part for part in shlex.split(run.command) if "=" in part]
    assert ask.parse_parameters("own.ipynb", given) == other


def test_a_file_of_grids():
    Path("grid.yaml").write_text(
        "- {seed: [1, 2], theta: 1e-3}\n- {seed: 1, theta: [0.001, 7], widths: [[3], [4, 5]]}\n"
    )
    expected = [{"seed": 1, "theta": 0.001}, {"seed": 2, "theta": 0.001}]
    for theta in (0.001, 7.0):
        expected += [{"seed": 1, "theta": theta, "widths": w} for w in ([3], [4, 5])]
    assert combinations(file="grid.yaml") == expected
    assert combinations("theta=5", "widths=9", file="grid.yaml") == [
        {"seed": 1, "theta": 5.0, "widths": [9]},
        {"seed": 2, "theta": 5.0, "widths": [9]},
    ]


def test_a_string_in_a_file_is_one_value_on_the_command_line_several():
    Path("own.ipynb").write_text(Path("own.ipynb").read_text().replace("[500, 500]", "'c'"))
    Path("grid.yaml").write_text("widths: a,b")
    assert combinations(file="grid.yaml") == [{"widths": "a,b"}]
    Path("grid.yaml").write_text("widths: ['a,b', c]\nseed: 1,2")
    assert len(combinations(file="grid.yaml")) == 4
    assert combinations("widths=a,b") == [{"widths": "a"}, {"widths": "b"}]


def test_a_whole_number_is_the_same_float():
    Path("own.ipynb").write_text(Path("own.ipynb").read_text().replace("= 1.0", "= 1"))
    names = {run.name for run in sweeps.grid("own.ipynb", ["theta=1,1.0"])}
    assert names == {run.name for run in sweeps.grid("own.ipynb")}


def test_a_runs_name_depends_on_its_parameters_alone():
    (alone,) = sweeps.grid("own.ipynb", ["theta=2"], folder="a")
    paths = [run.path for run in sweeps.grid("own.ipynb", ["seed=0,1", "theta=1,2"], folder="a")]
    assert alone.path in paths and len(set(paths)) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-p thet=1", "did you mean theta?"),
        ("-p widths=[1],[x]", "widths=['x']: expected a list"),
        ("-p widths=[1],[2", "widths='[1],[2': expected a list"),
        ("-p seed=1 -p seed=2", "given twice"),
        ("-f empty.yaml", "empty.yaml: expected lines"),
        ("-f novalue.yaml", "seed has no value"),
        ("--dask 127.0.0.1:9", "no Dask scheduler at 127.0.0.1:9"),
    ],
)
def test_bad_input_is_one_line_and_nothing_starts(command, arguments, message):
    Path("empty.yaml").touch()
    Path("novalue.yaml").write_text("seed: []")
    Path("log").touch()
    status, out, err = command("sweep", "own.ipynb", "--output", "out", *arguments.split())
    assert (status, out) == (2, "") and message in err
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert not log() and not complete()


# Running


def test_a_sweep_that_is_called_again_reads_each_file_once(monkeypatch):
    for run in sweeps.grid("own.ipynb", ["seed=0,1,2"], folder="out"):
        run.path.parent.mkdir(exist_ok=True)
        made = record(error=0.1, **run.parameters) | {"figures": {}}
        metadata = {"ffhelpers": records.line(made)}
        run.path.write_text(json.dumps({"cells": [], "metadata": metadata}))
    reads, read = collections.Counter(), records.read
    monkeypatch.setattr(records, "read", lambda path: reads.update([str(path)]) or read(path))
    sweep = "sweep own.ipynb -p seed=0,1,2 --output out --record kept.jsonl".split()
    for _ in range(2):
        assert CliRunner().invoke(main, sweep).exit_code == 0
    assert reads.pop("kept.jsonl") == 2  # is it one of records, and which has it, as it is there
    assert len(read("kept.jsonl")) == 3 and set(reads.values()) == {2}


def test_what_a_killed_run_left_goes_whatever_its_name(monkeypatch):
    monkeypatch.setattr(sweeps.processes, "execute", lambda *_: None)
    (run,) = sweeps.grid(Path("own.ipynb").rename("[a].ipynb"), folder="out")
    left = Path("out", f".unfinished-{run.path.stem}-x")
    left.mkdir(parents=True)
    sweeps.make(run)
    assert not left.exists()


def test_a_run_has_the_defaults_that_the_sweep_began_with():
    (run,) = sweeps.grid("own.ipynb", ["seed=3"], folder="out")
    Path("own.ipynb").write_text(Path("own.ipynb").read_text().replace("= 1.0", "= 2.0"))
    sweeps.make(run)
    (record,) = records.read(run.path)
    assert record["parameters"] == {"seed": 3, "theta": 1.0, "widths": [500, 500], "wait": 0.0}
    assert record["figures"]["test_error"] == pytest.approx(0.013) and run.changed == {"seed": 3}


def test_a_default_may_be_a_list_of_several_kinds():
    source = Path("own.ipynb").read_text()
    Path("own.ipynb").write_text(source.replace("[500, 500]", "[0, 0.9, None]"))
    (run,) = sweeps.grid("own.ipynb", ["seed=3"], folder="out")
    sweeps.make(run)
    assert records.read(run.path)[0]["parameters"]["widths"] == [0, 0.9, None]


@pytest.mark.slow
def test_a_failing_run_fails_alone_and_only_what_is_missing_runs_again(command):
    sweep = ["sweep", "own.ipynb", "-p", "theta=2,13", "--output", "out"]
    status, out, err = command(*sweep, "-p", "seed=0,1", "--record", "kept.jsonl")
    assert status == 1
    assert err.count("\n") == 2 and err.count("KeyError in cell 3: 'thirteen'") == 2
    assert out.count("test error 2") == 2
    failed = sorted(Path("out").glob("*.failed.ipynb"))
    assert len(failed) == 2 and "thirteen" in failed[0].read_text()
    assert {r["command"] for r in records.read("kept.jsonl")} == {
        "python -m ffhelpers run own.ipynb -p theta=2.0",
        "python -m ffhelpers run own.ipynb -p seed=1 -p theta=2.0",
    }

    source = Path("own.ipynb").read_text()
    Path("own.ipynb").write_text(source.replace("== 13", "== 14"))
    Path("kept.jsonl").unlink()
    status, out, err = command(*sweep, "-p", "seed=0,1,2", "--record", "kept.jsonl")
    assert status == 0 and "2 of 6 runs are in out already" in out
    assert "another version of own.ipynb or of ffhelpers made 2 of them" in err
    started = collections.Counter(run for run, _ in log())
    again = {"0 13.0": 2, "1 13.0": 2}
    assert started == {f"{s} {t}": 1 for s in range(3) for t in (2.0, 13.0)} | again
    assert len(complete()) == 6 == len(records.read("kept.jsonl"))  # the earlier ones too
    assert not list(Path("out").glob("*.failed.ipynb"))

    status, out, err = command(*sweep, "-p", "seed=0,1", "--dry-run")
    assert (status, out.count("made  own-"), out.count("\n")) == (0, 4, 4)
    assert command(*sweep[:-1], "new", "--dry-run", "--record", "new.jsonl")[0] == 0
    assert not Path("new").exists() and not Path("new.jsonl").exists()
    status, out, err = command(*sweep, "-p", "seed=8", "--dry-run")
    assert out.count("missing  own-") == 2 and "(seed=8 theta=2.0)" in out
    assert len(log()) == 8


@pytest.mark.slow
def test_runs_at_once_share_the_cores(command):
    have = os.sched_getaffinity(0)
    sweep = ["sweep", "own.ipynb", "-p", "seed=0,1,2", "--output"]
    for jobs in (1, 2):
        assert command(*sweep, f"out{jobs}", "--jobs", f"{jobs}")[0] == 0
        frame = tables.results(f"out{jobs}")
        assert set().union(*frame.cores) == have
        assert set(map(len, frame.cores)) <= {len(have) // jobs, -(-len(have) // jobs), 1}
        assert set(frame.run_threads) == set(map(len, frame.cores))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_sweep_takes_its_runs_along_and_goes_on_when_called_again(command, how):
    sweep = ["sweep", "own.ipynb", "-p", "seed=0,1,2", "-p", "theta=1,2", "--output", "out"]
    process = command.start(*sweep, "-p", "wait=1")
    until(lambda: len(complete()) >= 2 and len(log()) > len(complete()))
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    assert "Traceback" not in process.communicate(timeout=120)[1]
    assert process.returncode != 0
    until(lambda: not alive(p.pid for p in family))
    before = {name: Path("out", name).read_bytes() for name in complete()}
    assert 2 <= len(before) < 6

    status, out, err = command(*sweep, "-p", "wait=0,1")
    assert status == 0 and f"{len(before)} of 12 runs are in out already" in out
    assert len(complete()) == 12
    assert all(Path("out", name).read_bytes() == content for name, content in before.items())
    assert {path.name for path in Path("out").iterdir()} == {".locks", *complete()}


def test_a_run_whose_caller_is_gone_does_not_fail_it_ends(folder):
    run = sweeps.grid("own.ipynb", ["wait=0.5"], folder="out")[0]
    task = {"run": run._asdict(), "limit_seconds": None, "cores": None}
    command = [sys.executable, "-m", "ffhelpers.running.processes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.close()  # as when the caller is killed
        process.stdin.write(json.dumps(task).encode())
    assert process.returncode == -signal.SIGPIPE
    assert not complete()


@pytest.mark.slow
def test_two_sweeps_share_a_folder(command):
    sweep = ["sweep", "own.ipynb", "-p", "seed=0,1,2,3", "-p", "wait=0.5", "--output", "out"]
    sweep += ["--record", "kept.jsonl"]
    both = [command.start(*sweep), command.start(*sweep, "--jobs", "1")]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    assert len(complete()) == 4 == len(log())
    assert sorted(tables.results("out").seed) == [0, 1, 2, 3]
    assert sorted(r["parameters"]["seed"] for r in records.read("kept.jsonl")) == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_run_that_takes_too_long_fails_and_leaves_no_process(command):
    arguments = ["-p", "wait=0,900", "--limit-seconds", "60", "--output", "out"]
    status, _, err = command("sweep", "own.ipynb", *arguments)
    assert status == 1 and "TimeoutError: it took longer than 60 s, the limit" in err
    assert len(complete()) == 2 and len(list(Path("out").glob("*.failed.ipynb"))) == 1
    until(lambda: not alive(int(process) for _, process in log()))


def test_a_run_whose_process_dies_fails_alone(command):
    process = command.start("sweep", "own.ipynb", "-p", "wait=0,60", "--output", "out")
    until(lambda: len(log()) == 2 and complete())
    for child in psutil.Process(process.pid).children():
        child.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "its process ended (-9)" in err
    assert len(complete()) == 1


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_makes_each_run_once(command, folder):
    pytest.importorskip("distributed")
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    command.start(
        "scheduler", *local, "--port", "0", "--scheduler-file", "cluster.json", module="dask"
    )
    until(Path("cluster.json").exists)
    join = ["worker", "--scheduler-file", "cluster.json", "--nthreads", "1", "--no-nanny", *local]
    workers = [command.start(*join, module="dask") for _ in range(2)]
    address = json.loads(Path("cluster.json").read_text())["address"]

    arguments = ["-p", "seed=0,1,2,3,4,5", "-p", "wait=4", "--output", "out", "--dask", address]
    sweep = command.start("sweep", "own.ipynb", *arguments)
    until(lambda: len(complete()) >= 1 and len(log()) > len(complete()) + 1)  # both at work
    workers[0].kill()
    out, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert out.count("test error") == 6 == len(complete())
    assert tables.results("out").seed.sort_values().tolist() == list(range(6))
    started = collections.Counter(run for run, _ in log())
    assert len(started) == 6 and sum(started.values()) <= 8  # what the lost one had begun, again


# What came out


def record(**parameters):
    figures = {"test_error": parameters.pop("error"), "note": "text"}
    return {"notebook": "a.ipynb", "parameters": parameters, "figures": figures, "seconds": 1.5}


@pytest.fixture
def kept():
    for theta, error, widths in [(1.0, 0.02, [5, 6]), (2.0, 0.05, [7])]:
        for seed in range(4):
            made = record(seed=seed, theta=theta, widths=widths, error=error + seed / 1000)
            records.append("kept.jsonl", made)
    records.append("kept.jsonl", record(seed=0, theta=9.0, widths=[7], error=0.5))
    return "kept.jsonl"


def test_a_table_is_mean_spread_interval_and_number(kept):
    table = tables.table(kept, ["theta"])
    errors = 0.05 + np.arange(4) / 1000
    interval = ttest_1samp(errors, 0).confidence_interval()
    expected = [2.0, errors.mean(), errors.std(ddof=1), interval.low, interval.high, 4]
    assert table.loc[1].tolist() == pytest.approx(expected)
    assert list(table) == ["theta", "mean", "std", "low", "high", "n"]
    assert table["mean"][2] == 0.5 and table.n[2] == 1 and table.loc[2].isna().sum() == 3
    assert list(tables.table(kept)) == ["theta", "widths", *table.columns[1:]]
    assert tables.table(kept, ["notebook"]).n.tolist() == [9]


def away(table, **where):
    """The difference from the reference, its interval and the pairs, in that row of a table."""
    (row,) = [row for row in table.to_dict("records") if where.items() <= row.items()]
    return [row[name] for name in ("difference", "difference_low", "difference_high", "pairs")]


def test_a_difference_is_taken_seed_by_seed_where_seeds_are_shared(kept):
    for seed, theta, error in [(0, 5.0, 0.021), (1, 5.0, 0.024), (3, 5.0, 0.03), (9, 5.0, 0.9)]:
        records.append(kept, record(seed=seed, theta=theta, widths=[7], error=error))
    table = tables.table(kept, ["theta"], against="1")
    shared = np.array([0.021 - 0.020, 0.024 - 0.021, 0.03 - 0.023])
    interval = ttest_1samp(shared, 0).confidence_interval()
    expected = [shared.mean(), interval.low, interval.high, 3]
    assert away(table, theta=5.0) == pytest.approx(expected)
    assert away(table, theta=2.0) == pytest.approx([0.03, 0.03, 0.03, 4])  # the same for each
    assert np.isnan(away(table, theta=1.0)[0])  # itself
    assert list(table)[:7] == ["theta", "mean", "std", "low", "high", "n", "difference"]


def test_a_difference_without_shared_seeds_is_welchs():
    one, other = [0.01, 0.012, 0.02], [0.03, 0.05]
    for i, error in enumerate(one + other):
        theta = 1.0 if i < 3 else 2.0
        records.append("own.jsonl", record(seed=i, theta=theta, error=error))
    records.append("own.jsonl", record(seed=7, theta=3.0, error=0.5))
    table = tables.table("own.jsonl", against="theta=1.0")
    interval = ttest_ind(other, one, equal_var=False).confidence_interval()
    expected = [np.mean(other) - np.mean(one), interval.low, interval.high, 0]
    assert away(table, theta=2.0) == pytest.approx(expected)
    alone = away(table, theta=3.0)
    assert alone[0] == pytest.approx(0.5 - np.mean(one)) and np.isnan(alone[1])


def test_a_reference_leaves_the_other_parameters_as_they_are():
    for seed in range(2):
        for theta in (1.0, 2.0):
            for widths in ([5], [6, 7]):
                error = theta * len(widths) / 100 + seed / 1000
                records.append(
                    "own.jsonl", record(seed=seed, theta=theta, widths=widths, error=error)
                )
    for against in ("6,7", "widths=[6, 7]", "widths=6,7"):
        table = tables.table("own.jsonl", against=against)
        for theta in (1.0, 2.0):
            expected = [-theta / 100] * 3 + [2]
            assert away(table, theta=theta, widths=(5,)) == pytest.approx(expected)
    records.append("own.jsonl", record(seed=0, theta=5.0, widths=[5], error=0.5))
    with pytest.raises(
        ValueError, match="5 is a value of more than one of theta, widths: expected NAME="
    ):
        tables.table("own.jsonl", against="5")
    frame = tables.results("own.jsonl")
    assert away(tables.table(frame[frame.theta == 1], against="5"), widths=(6, 7))[0] > 0


def test_seeds_within_a_run_count_too(command):
    for names, seeds in ((["ours", "one"], 2), (["two"], 2), (["one"], 1)):  # one of one again
        errors = {name: [0.01 * len(name), 0.01 * len(name) + 0.002][:seeds] for name in names}
        parameters = {"seed": 4, "seeds": seeds, "recipes": names}
        made = {"parameters": parameters, "notebook": "a.ipynb"}
        made["figures"] = {"errors": errors, "test_error": 0.5}
        records.append("own.jsonl", made)
    table = tables.table("own.jsonl", figure="errors", against="ours")
    assert table.recipe.tolist() == ["one", "ours", "two"] and table.n.tolist() == [2] * 3
    assert away(table, recipe="two") == pytest.approx([-0.01, -0.01, -0.01, 2])
    assert tables.results("own.jsonl", "errors").seed.tolist() == [4, 5] * 3 + [4]
    status, out, _ = command("table", "own.jsonl", "--figure", "errors", "--against", "ours")
    assert status == 0 and out.splitlines()[0].split()[-2:] == ["difference", "pairs"]
    assert out.splitlines()[3].split()[-5:] == ["-1.00", "(-1.00", "to", "-1.00)", "2"]
    with pytest.raises(ValueError, match="test_error is another thing"):
        tables.results("own.jsonl", "test_error")


def test_identical_runs_have_no_spread(kept, recwarn):
    records.append("same.jsonl", record(seed=0, error=0.1))
    records.append("same.jsonl", record(seed=1, error=0.1))
    assert tables.table("same.jsonl").loc[0].tolist() == pytest.approx([0.1, 0, 0.1, 0.1, 2])
    assert not recwarn.list


def test_a_run_that_is_repeated_counts_once(kept):
    once = tables.table(kept, ["theta"])
    for seed in range(4):
        records.append(kept, record(seed=seed, theta=2.0, widths=[7], error=0.05 + seed / 1000))
    pandas.testing.assert_frame_equal(tables.table(kept, ["theta"]), once)


def test_what_is_compared_is_no_repetition():
    for commit, more in (("old", 0), ("new", 0.3)):
        for seed in range(3):
            records.append("own.jsonl", record(seed=seed, error=0.1 + more) | {"commit": commit})
    table = tables.table("own.jsonl", "run_commit", against="old")
    assert table.n.tolist() == [3, 3] and table["mean"].tolist() == pytest.approx([0.4, 0.1])
    assert away(table, run_commit="new") == pytest.approx([0.3, 0.3, 0.3, 3])
    assert tables.table("own.jsonl")["mean"].tolist() == pytest.approx([0.25])


def test_a_parameter_is_not_replaced_by_a_figure_of_its_name():
    for theta in (1.0, 2.0):
        made = record(seed=0, theta=theta, error=theta / 10)
        made["figures"]["theta"] = 7.0
        records.append("own.jsonl", made)
    assert tables.table("own.jsonl", "theta").theta.tolist() == [1.0, 2.0]


def test_a_parameter_may_be_a_list_in_some_runs_alone():
    for seed in range(2):
        for widths in ([5, 6], 7):
            records.append("own.jsonl", record(seed=seed, widths=widths, error=0.1))
    table = tables.table("own.jsonl")
    assert table.widths.tolist() == [(5, 6), 7] and table.n.tolist() == [2, 2]


def test_several_notebooks_are_not_averaged(kept):
    other = record(seed=0, theta=1.0, widths=[5, 6], error=0.9) | {"notebook": "b.ipynb"}
    records.append(kept, other)
    table = tables.table(kept)
    assert list(table)[:3] == ["notebook", "theta", "widths"] and 0.9 in table["mean"].tolist()


def test_runs_that_do_not_say_what_varies_have_to_be_told(kept):
    """…as pandas drops it where it joins frames that differ."""
    frame = pandas.DataFrame(tables.results(kept).to_dict("list"))
    with pytest.raises(ValueError, match=r"what varies: expected by=\[…\]"):
        tables.table(frame, figure="test_error")
    assert len(tables.table(frame, ["theta"], "test_error")) == 3


@pytest.mark.parametrize("against", ["none", "looks=None"])
def test_a_parameter_that_is_none_is_a_reference_as_any(against):
    for looks in (None, 2):
        for seed in range(3):
            made = record(seed=seed, looks=looks, scale=1, error=0.1 + (looks or 0) / 10)
            records.append("looks.jsonl", made)
            made = record(seed=seed, looks=looks, scale=2, error=0.5)
            records.append("looks.jsonl", made)
    table = tables.table("looks.jsonl", against=against)
    assert table.difference.tolist()[:2] == pytest.approx([0.2, 0.0])
    away = tables.table("looks.jsonl", against="scale=1").difference.dropna()
    assert sorted(away) == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("against", [(5, 6), "(5, 6)", "5,6", [5, 6]])
def test_a_list_is_a_reference_however_it_is_written(kept, against):
    assert tables.table(kept, ["widths"], against=against).pairs.tolist() == [0, 4]


def test_figures_over_other_recipes_are_refused():
    made = record(seed=0, error=0.1)
    made["figures"] |= {"errors": {"a": [0.1], "b": [0.2]}, "times": {"a": [1.0]}}
    records.append("uneven.jsonl", made)
    with pytest.raises(ValueError, match="times and errors differ in b: expected the same"):
        tables.results("uneven.jsonl", ["errors", "times"])


def test_results_are_a_data_frame(kept):
    frame = tables.results(kept)
    assert len(frame) == 9 and frame.run_seconds.tolist() == [1.5] * 9
    assert set(frame.widths) == {(5, 6), (7,)} and set(frame.note) == {"text"}
    assert isinstance(frame, pandas.DataFrame)


def test_the_forms_of_a_table(kept, command):
    status, out, _ = command("table", kept, "--by", "theta")
    lines = [line.split() for line in out.splitlines()]
    assert status == 0 and lines[0] == "theta test error std low high n".split()
    assert lines[1][:3] == ["1.0", "2.15", "%"] and lines[3] == ["9.0", "50", "%", "1"]
    _, out, _ = command("table", kept, "--by", "theta", "--format", "markdown")
    assert out.splitlines()[0].replace(" ", "") == "|theta|testerror|std|low|high|n|"
    _, out, _ = command("table", kept, "--by", "theta", "--by", "widths", "--format", "csv")
    Path("table.csv").write_text(out)
    again = pandas.read_csv("table.csv")
    assert again["mean"].tolist() == pytest.approx([0.0215, 0.0515, 0.5])
    assert again.widths.tolist() == ["(5, 6)", "(7,)", "(7,)"]


@pytest.mark.slow
def test_a_notebook_of_ones_own_is_read_after_a_plain_run_too(command):
    for seed in ("1", "2"):
        assert (
            command("run", "own.ipynb", "-p", f"seed={seed}", "--output", f"runs/{seed}")[0] == 0
        )
    frame = tables.results("runs")
    assert frame.test_error.tolist() == [0.011, 0.012]
    assert "--output runs/1" in records.read("runs/1/own.ipynb")[0]["command"]


def test_a_record_that_another_program_left_in_its_run_does_not_count():
    papermill = pytest.importorskip("papermill")
    (run,) = sweeps.grid("own.ipynb", folder="out")
    sweeps.make(run)
    papermill.execute_notebook(run.path, "out/again.ipynb", {"theta": 3}, progress_bar=False)
    with pytest.warns(UserWarning, match="out/again.ipynb is left out"):
        assert tables.results("out").test_error.tolist() == [0.01]


def test_a_run_without_its_outputs_has_its_record_still():
    (run,) = sweeps.grid("own.ipynb", folder="out")
    sweeps.make(run)
    executed = nbformat.read(run.path, 4)
    for cell in executed.cells:
        cell["outputs"] = []
    nbformat.write(executed, run.path)
    assert tables.results("out").test_error.tolist() == [0.01]


def test_nothing_of_a_failed_or_unfinished_run_counts():
    for name in ("a.failed.ipynb", ".unfinished-a/a.ipynb", ".ipynb_checkpoints/a.ipynb"):
        path = Path("out", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no notebook")
    with pytest.raises(ValueError, match="no recorded runs"):
        tables.results("out")


def test_a_runs_command_gives_its_parameters_back():
    settings = ["seed=7", "theta=1e-07", "widths=[3,4]", "wait=2"]
    (run,) = sweeps.grid("own.ipynb", settings)
    given = [part for part in run.command.split() if "=" in part]
    assert ask.parse_parameters("own.ipynb", given) == run.changed


@pytest.mark.parametrize("value", [["a, b", "c"], ['say "hi"'], [], ["a"]])
def test_a_list_of_words_comes_back_as_it_was(value):
    save("words.ipynb", parameters="names: list = ['x']")
    given = [f"names={ask.as_text(value)}"]
    assert ask.parse_parameters("words.ipynb", given) == {"names": value}
    (run,) = sweeps.grid("words.ipynb", given)
    assert run.changed == {"names": value}
