"""The benchmarks: how they compare, and that a small one comes to its end. No times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ffhelpers.running import records

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_turns_alternate_and_ratios_are_those_of_neighbours(monkeypatch):
    """On a clock that the machine's other work stretches: threefold in the second repeat."""
    import turns

    now, stretch, order = [0.0], iter([1, 1, 3, 3, 1, 1]), []
    monkeypatch.setattr(turns.time, "perf_counter", lambda: now[0])

    def work(name, seconds):
        order.append(name)
        factor = next(stretch)

        def call():
            now[0] += factor * seconds

        return turns.seconds(call, calls=4)

    measures = {name: lambda n=name, s=s: work(n, s) for name, s in {"a": 1, "b": 2}.items()}
    times = turns.in_turns(measures, 3)
    assert order == list("ababab")
    assert times == {"a": [1, 3, 1], "b": [2, 6, 2]}
    assert turns.ratios(times["b"], times["a"]) == [2, 2, 2]
    assert turns.spread("ms", times["b"]) == {"ms": 2, "ms_low": 2, "ms_high": 6}


def test_a_share_is_the_median_of_the_repeats_shares():
    import speed

    row = speed.share(flops=4e9, steps=10, alone=[1.0, 2.0, 4.0], whole=[20.0, 80.0, 50.0])
    assert row["ceiling_share"] == 0.5  # of 0.5, 0.25 and 0.8; that of the medians is 0.4
    assert (row["ceiling_share_low"], row["ceiling_share_high"]) == (0.25, 0.8)
    assert (row["ms"], row["ms_low"], row["ms_high"]) == (5e3, 2e3, 8e3)
    assert (row["ceiling_gflops"], row["ceiling_gflops_high"]) == (2, 4)


def test_rows_are_shown_with_their_spread():
    import bench

    row = {"widths": [500, 500], "images_per_second": 1234.5, "ms": 2.0, "ms_low": 1.0}
    shown = bench.shown({**row, "ms_high": 3.0, "reached": None})
    assert shown == (
        "widths [500, 500]  images per second 1,234.50  ms 2.00 (1.00 to 3.00)  reached None"
    )


@pytest.fixture
def checkout(tmp_path):
    """Makes one whose worker says each time the next of these times."""

    def make(name, times, **row):
        program = tmp_path / name / "benchmarks" / "bench.py"
        program.parent.mkdir(parents=True)
        program.write_text(
            "import json, os, sys\n"
            f"open({str(tmp_path / 'log')!r}, 'a').write({name!r})\n"
            f"assert os.getcwd() == {str(program.parent.parent)!r}\n"
            f"assert os.environ['PYTHONPATH'].split(os.pathsep)[0] == os.getcwd()\n"
            "assert sys.argv[1:] == ['step', '--worker']\n"
            f"times = {times}[os.path.exists('once'):]\n"
            "open('once', 'w').close()\n"
            f"print(json.dumps({{'batch': 250, 'ms': times[0], **{row}}}))\n"
        )
        return tmp_path / name

    return make


def test_two_checkouts_are_compared_in_turns(checkout, monkeypatch, tmp_path):
    import bench

    other = checkout("old", [2.0, 8.0], share=None)
    monkeypatch.setattr(bench, "ROOT", checkout("new", [1.0, 2.0], share=0.5, more=1.0))
    done = CliRunner().invoke(bench.main, ["step", "--against", str(other), "--turns", "2"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "log").read_text() == "oldnew" * 2
    assert done.output.splitlines()[-1] == "  batch 250  ms 0.38 (0.25 to 0.50)"


def test_a_small_one_comes_to_its_end_and_says_so(tmp_path):
    command = [sys.executable, BENCHMARKS / "bench.py", "prediction", "--small"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (record,) = records.read(tmp_path / "runs" / "bench-small.jsonl")
    assert record["measurement"] == "prediction"
    assert len(record["rows"]) == 3 and all(row["small"] for row in record["rows"])


def test_a_worker_prints_its_rows_alone():
    command = [sys.executable, BENCHMARKS / "bench.py", "prediction", "--small", "--worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 3
