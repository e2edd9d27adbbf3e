"""Sweeps on a cluster whose scheduler restarts, or that does not share the folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ffhelpers.running import tables
from written import QUICKLY, save, until

pytest.importorskip("distributed")
LOCAL = ["--host", "127.0.0.1", "--no-dashboard"]


@pytest.fixture
def cluster(tmp_path, monkeypatch, command):
    """Start a scheduler, and workers of it, each with what comes before its command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    code = f"""{QUICKLY}
import time
import ffhelpers as ff
open(f"begun-{{seed}}", "w"); time.sleep(wait); ff.record(test_error=seed / 10)
"""
    save("own.ipynb", code, parameters="seed: int = 0\nwait: float = 0.0")
    started = []

    def scheduler():
        Path("cluster.json").unlink(missing_ok=True)
        arguments = ["--port", "0", "--scheduler-file", "cluster.json", *LOCAL]
        process = command.start("scheduler", *arguments, module="dask")
        until(Path("cluster.json").exists)
        return process

    def worker(*before):
        join = ["worker", "--scheduler-file", "cluster.json", "--no-nanny", "--nthreads", "1"]
        full = [*before, sys.executable, "-m", "dask", *join, *LOCAL]
        started.append(subprocess.Popen(full, stderr=subprocess.PIPE, text=True))
        while "Starting established connection" not in started[-1].stderr.readline():
            assert started[-1].poll() is None

    yield scheduler, worker
    for process in started:
        process.kill()
        process.communicate()


SWEEP = ["sweep", "own.ipynb", "--output", "out", "--dask", "cluster.json"]


@pytest.mark.slow
def test_a_scheduler_that_restarts_costs_what_was_not_complete(cluster, command):
    scheduler, worker = cluster
    first = scheduler()
    worker()
    sweep = command.start(*SWEEP, "-p", "seed=0,1,2", "-p", "wait=3")
    until(lambda: len(list(Path("out").glob("*.ipynb"))) == 1 and Path("begun-1").exists())
    first.kill()
    out, err = sweep.communicate(timeout=300)
    assert sweep.returncode == 1 and out.count("test error") == 1
    (lost,) = {line.split("): ")[1] for line in err.splitlines()}
    assert lost == "its scheduler is gone: start it, and call this again for what is missing"

    scheduler()
    worker()
    status, out, err = command(*SWEEP, "-p", "seed=0,1,2", "-p", "wait=3")
    assert (status, err) == (0, "") and " of 3 runs are in out already" in out
    assert sorted(tables.results("out").seed) == [0, 1, 2]


@pytest.mark.slow
def test_a_folder_that_a_worker_does_not_see_is_refused_before_anything_runs(cluster, command):
    scheduler, worker = cluster
    scheduler()
    worker()
    Path("out").mkdir()
    blind = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs out && exec "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*blind, "true"]).returncode:
        pytest.skip("only root may hide a folder from a process")
    worker(*blind)
    status, out, err = command(*SWEEP, "-p", "seed=0,1")
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert err.startswith("Error: out is not shared with tcp://127.0.0.1:") and "," not in err[:60]
    assert not os.listdir("out") and not list(Path().glob("begun-*"))
