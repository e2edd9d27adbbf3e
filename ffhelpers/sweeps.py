"""Sweeps: one notebook under every combination of some parameters.

Each run is a process of its own and a notebook of its own in the sweep's folder, named after
its parameters; it appears there once it is complete. What is there is not run again, so a sweep
that was stopped, however roughly, goes on when it is called again.
"""

import contextlib
import functools
import hashlib
import itertools
import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from . import machine, records, runs


class Run(NamedTuple):
    """One run of a sweep: all that a worker, here or on another machine, has to know."""

    notebook: str
    parameters: dict  # all that the notebook takes
    changed: dict  # those that are not its defaults
    folder: str  # where the executed notebook belongs
    started_in: str  # the working folder of its cells

    @property
    def path(self):
        """The executed notebook; its name depends on the notebook and all parameters."""
        stem = Path(self.notebook).stem
        content = json.dumps([stem, self.parameters], sort_keys=True)
        identity = hashlib.sha256(content.encode()).hexdigest()[:10]
        return Path(self.started_in, self.folder, f"{stem}-{identity}.ipynb")

    @property
    def command(self):
        settings = [f"{name}={_as_text(value)}" for name, value in self.changed.items()]
        options = [part for setting in settings for part in ("-p", setting)]
        return shlex.join(["python", "-m", "ffhelpers", "run", self.notebook, *options])


def _as_text(value):
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def grid(notebook, settings=(), file=None, folder="runs"):
    """The runs that a person asks for, each combination of parameters once.

    Args:
        notebook: path of the notebook.
        settings: strings `name=value,value,...`. A parameter that is a list takes one list as
            `widths=500,500` and several as `widths=[500,500],[1000]`.
        file: YAML file of names with a value or a list of values each; or a list of such grids,
            whose runs are joined. `settings` win over it.
        folder: where the executed notebooks go.

    Returns:
        List of `Run`; the last parameter varies fastest.

    Raises:
        ParameterError, ValueError, OSError: as `runs.parse_parameters`; before anything runs.
    """
    grids = runs.read_yaml(file) if file else {}
    grids = grids if isinstance(grids, list) else [grids]
    if not grids or not all(isinstance(one, dict) for one in grids):
        raise ValueError(f"{file} must hold lines such as `seed: [0, 1, 2]`, or a list of grids")
    known = runs.parameters(notebook)
    defaults = {name: parameter.default for name, parameter in known.items()}
    found = {}
    for one in grids:
        axes = {}
        for name, given in (one | runs.split_settings(settings)).items():
            values = _values(given, isinstance(defaults.get(name), list))
            if not values:
                raise runs.ParameterError(f"{name} has no value")
            axes[name] = [runs.typed_parameters(notebook, {name: v}, known)[name] for v in values]
        for values in itertools.product(*axes.values()):
            combined = defaults | dict(zip(axes, values, strict=True))
            changed = {name: v for name, v in combined.items() if v != defaults[name]}
            run = Run(str(notebook), combined, changed, str(folder), os.getcwd())
            found.setdefault(run.path, run)
    return list(found.values())


def _values(given, is_list):
    """The values that are given for one parameter, of whatever type."""
    if isinstance(given, str) and is_list and "]" in given:
        import yaml

        with contextlib.suppress(yaml.YAMLError):  # whatever it is, it is no list
            given = yaml.safe_load(f"[{given}]")
    elif isinstance(given, str):
        return [given] if is_list else [part.strip() for part in given.split(",")]
    several = isinstance(given, list) and (not is_list or isinstance((given or [0])[0], list))
    return given if several else [given]


# The cores of a thread's runs, where `local` shared them out.
_worker = threading.local()


def local(jobs):
    """An executor for `sweep` on this machine: `jobs` runs at once, each with its own cores."""
    shares, cores = queue.SimpleQueue(), machine.cores()
    for i in range(jobs):
        shares.put(cores[i::jobs] or [cores[i % len(cores)]])

    def take_a_share():
        _worker.cores = shares.get()

    return ThreadPoolExecutor(jobs, initializer=take_a_share)


def sweep(todo, executor, limit_seconds=None):
    """Have an executor make runs; each as it is done, with what went wrong, or None.

    Args:
        todo: list of `Run`.
        executor: a `concurrent.futures.Executor` whose workers share this file system, such as
            `local(2)` or `dask.distributed.Client.get_executor()`.
        limit_seconds: a run that takes longer fails.

    Yields:
        Pairs of a `Run` and an exception or None.
    """
    futures = {executor.submit(execute, run, limit_seconds): run for run in todo}
    try:
        for future in as_completed(futures):
            yield futures[future], future.exception()
    finally:  # also when the caller has enough
        for future in futures:
            future.cancel()


@contextlib.contextmanager
def locked(folder, name):
    """Hold a lock, while another process that asks for it waits. The dead hold none."""
    from filelock import FileLock

    locks = Path(folder, ".locks")
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{name}.lock"):
        yield


def execute(run, limit_seconds=None):
    """Make one run in a new process, unless it is complete. Raises `RunError` if it fails.

    It waits for another sweep that is making the same run.
    """
    with locked(run.path.parent, run.path.stem):
        if run.path.exists():
            return
        for left in run.path.parent.glob(f".unfinished-{run.path.stem}-*"):
            shutil.rmtree(left)  # of a process that was killed
        task = {
            "run": run._asdict(),
            "limit_seconds": limit_seconds,
            "cores": getattr(_worker, "cores", None),
        }
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(task),
            cwd=run.started_in,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"its process ended ({done.returncode})"]
        raise runs.RunError(said[-1])


def _in_new_process(task):
    """What `execute` starts."""
    from ipykernel.parentpoller import ParentPollerUnix

    ParentPollerUnix(os.getppid()).start()  # nobody waits for a run whose sweep was killed
    if task["cores"]:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(len(task["cores"])))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, task["cores"])
    if task["limit_seconds"]:
        signal.signal(signal.SIGALRM, functools.partial(_out_of_time, task["limit_seconds"]))
        signal.setitimer(signal.ITIMER_REAL, task["limit_seconds"])
    run = Run(**task["run"])
    try:
        runs.run(run.notebook, run.changed, run.folder, run.path.name, run.command)
    except runs.RunError as error:
        raise SystemExit(str(error)) from None


def _out_of_time(limit, *_):
    raise TimeoutError(f"it took longer than {limit:g} s, the limit")


def made_by_other_code(complete):
    """Those of the complete runs that another version of the notebook or of ffhelpers made."""
    now = {}
    for run in complete:
        code = now.setdefault(run.notebook, records.code(run.notebook))
        if any(record.get("code") != code for record in records.read(run.path)):
            yield run


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _in_new_process(json.load(sys.stdin))
