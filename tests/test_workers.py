"""Several processes on the loopback interface that share each batch."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sharing

import ffhelpers as ff

TESTS = Path(__file__).parent
COUNTS = [2, 3]  # of processes that together give what one gives
# As docs/using.md has it.
COMMAND = """TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}' .venv/bin/python train.py"""  # noqa: E501


def ports(count):
    """Ports that nobody has."""
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        chosen = [first, second, third][:count]
        for each in chosen:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in chosen]


@pytest.fixture
def workers(tmp_path):
    """Starts so many by the page's command, whose program is `sharing.py`."""

    def start(count, *arguments):
        hosts = json.dumps([f"127.0.0.1:{port}" for port in ports(count)])
        processes = []
        for index in range(count):
            command = re.sub(r'(?<="worker": )\[.*?\]', hosts, COMMAND)
            command = re.sub(r'(?<="index": )0', str(index), command)
            processes.append(
                subprocess.Popen(
                    f"exec env {command} {' '.join(map(str, arguments))}",
                    shell=True,
                    cwd=tmp_path,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        started.extend(processes)
        return processes

    (tmp_path / "train.py").symlink_to(TESTS / "sharing.py")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    started = []
    yield start
    for process in started:
        process.kill()
        process.communicate()


def results(processes):
    found = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        summary, *_, result = out.splitlines()
        assert f"{len(processes)} workers" in summary
        found.append(json.loads(result))
    return found


def test_the_page_has_the_command():
    assert f"\n{COMMAND}\n" in (TESTS.parent / "docs" / "using.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
def test_workers_give_what_one_process_gives(workers, count):
    """With dense, convolutional and local blocks, also where a batch is shared unevenly.

    No image is seen by two of them: all count as many as one process alone.
    """
    processes = workers(count)
    alone = {name: sharing.trained(name) for name in sharing.NETWORKS}
    for shared in results(processes):
        for name, expected in alone.items():
            for figure, losses in expected["history"].items():
                np.testing.assert_allclose(shared[name]["history"][figure], losses, rtol=1e-4)
            np.testing.assert_allclose(shared[name]["weights"], expected["weights"], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "victim"), [(2, 1), (2, 0), (3, 1)])
def test_a_killed_worker_ends_the_others_and_a_restart_goes_on(workers, count, victim, tmp_path):
    processes = workers(count, tmp_path / "backup")
    for line in processes[victim].stdout:
        if line == "epoch 3\n":
            break
    processes.pop(victim).kill()
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        last = err.strip().splitlines()[-1]
        assert re.match(r"ffhelpers\.workers\.WorkerLostError: worker \d does not answer", last)
    assert os.listdir(tmp_path / "backup")

    processes = workers(count, tmp_path / "backup")
    first = next(line for line in processes[0].stdout if line.startswith("epoch"))
    assert int(first.split()[1]) >= 3
    unbroken = sharing.backed_up(None)
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        np.testing.assert_allclose(json.loads(out.splitlines()[-1]), unbroken, atol=1e-4)
    assert not (tmp_path / "backup").exists()


GOOD = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (None, 1),
        ("", 1),
        ("{}", 1),
        ({"environment": "cloud"}, 1),
        ({"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}, 1),
        (GOOD, 2),
        ({**GOOD, "cluster": {**GOOD["cluster"], "chief": ["c:1"]}}, 3),
    ],
)
def test_workers_are_counted(monkeypatch, config, count):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)
    assert ff.workers.count() == count


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        "3",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": 3, "task": {"type": "worker", "index": 0}}',
        json.dumps({**GOOD, "task": {"type": "worker", "index": 2}}),
        json.dumps({**GOOD, "task": {"type": "chief", "index": 0}}),
    ],
)
def test_another_form_is_refused(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=r"TF_CONFIG='.*: expected \{\"cluster\""):
        ff.setup(1)


def test_other_tasks_and_workers_that_would_shuffle_apart_are_refused(monkeypatch):
    with_ps = {**GOOD, "cluster": {**GOOD["cluster"], "ps": ["c:1"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(with_ps))
    with pytest.raises(ValueError, match="TF_CONFIG names worker, ps: expected workers"):
        ff.setup(1)
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    with pytest.raises(ValueError, match="seed=None with 2 workers: expected the same number"):
        ff.setup()
    assert "workers" not in ff.setup(1, strategy=None)


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_a_generator_cannot_be_shared(monkeypatch, call):
    """Each process would have one of its own, and some of its batches would be left out."""
    monkeypatch.setattr(ff.workers, "_cluster", lambda _: {"worker": ["a:1", "b:1"]})
    monkeypatch.setattr(ff.workers, "_writes", lambda _: True)
    x, y = sharing.images()
    model = sharing.made("dense")
    generator = (batch for batch in ([x] if call == "predict" else [(x, y)]))
    with pytest.raises(ValueError, match="x=generator over several processes: expected arrays"):
        getattr(model, call)(generator)
    assert model.optimizer.iterations == 0


def test_what_comes_too_late_is_said(monkeypatch):
    """TensorFlow has computed something in this process already."""
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    import keras

    keras.ops.ones(1)
    with pytest.raises(RuntimeError, match=r"call ff.setup\(\) first"):
        ff.setup(1)
