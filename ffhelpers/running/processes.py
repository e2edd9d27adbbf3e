"""Runs in processes of their own, several at once, each with its share of the cores."""

import contextlib
import functools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from .. import machine
from .run import RunError, run


class Run(NamedTuple):
    """One run: all that a process, here or on another machine, has to know."""

    notebook: str
    parameters: dict  # those that it is given
    folder: str  # where the executed notebook belongs
    name: str  # of the executed notebook
    command: str  # what makes this run, for its record
    started_in: str  # the working folder of its cells
    changed: dict = {}  # in a sweep, which gives all: those that are not the notebook's defaults

    @property
    def path(self):
        """The executed notebook."""
        return Path(self.started_in, self.folder, self.name)


# The cores of a thread's runs, where `local` shared them out, and the processes at work.
_worker = threading.local()
_at_work = set()


@contextlib.contextmanager
def local(jobs):
    """An executor for `each` on this machine: `jobs` runs at once, each with its own cores.

    Leaving it by an exception, such as Ctrl-C, stops the runs that it has begun.
    """
    shares, cores = queue.SimpleQueue(), machine.cores()
    for i in range(jobs):
        shares.put(cores[i::jobs] or [cores[i % len(cores)]])

    def take_a_share():
        _worker.cores = shares.get()

    executor = ThreadPoolExecutor(jobs, initializer=take_a_share)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in list(_at_work):
            process.send_signal(signal.SIGINT)
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def each(executor, make, todo):
    """Have an executor call `make(run)` for each run.

    Args:
        executor: a `concurrent.futures.Executor` whose workers share this file system, such as
            `local(2)` or `dask.distributed.Client.get_executor()`.
        make: a function, such as `execute`.
        todo: list of `Run`.

    Yields:
        Pairs of a `Run`, as it is done, and the exception that it ended with or None.
    """
    futures = {executor.submit(make, run): run for run in todo}
    try:
        for future in as_completed(futures):
            yield futures[future], _error(future)
    finally:  # also when the caller has enough
        for future in futures:
            future.cancel()


def _error(future):
    try:
        return future.exception()
    except CancelledError:  # of a cluster, when it loses its scheduler
        return RunError("its scheduler is gone: start it, and call this again for what is missing")


def execute(run, limit_seconds=None, watch=None):
    """Make one run in a new process.

    Args:
        run: a `Run`.
        limit_seconds: a run that takes longer fails.
        watch: called as `watch(done, of)` with the number of its cells as they are done.

    Raises:
        RunError: it fails.
    """
    task = {
        "run": run._asdict(),
        "limit_seconds": limit_seconds,
        "cores": getattr(_worker, "cores", None),
    }
    text = {"encoding": "utf-8", "errors": "replace"}  # a cell's programs may print what is none
    with tempfile.TemporaryFile("w+", **text) as errors:
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", __name__],
            cwd=run.started_in,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            **text,
            start_new_session=True,  # a terminal's Ctrl-C is for us, who then stop it once
        )
        with process:
            _at_work.add(process)
            try:
                with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                    json.dump(task, stdin)
                for line in process.stdout:  # "3/12", cell by cell, and what else is printed there
                    if watch and (counted := re.fullmatch(r"(\d+)/(\d+)\n", line)):
                        watch(*map(int, counted.groups()))
            finally:
                _at_work.discard(process)
        if process.returncode:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            raise RunError(said[-1] if said else f"its process ended ({process.returncode})")


def _in_new_process(task):
    """What `execute` starts."""
    from ipykernel.parentpoller import ParentPollerUnix

    poller = ParentPollerUnix()  # nobody waits for a run whose caller was killed
    poller.parent_pid = os.getppid()  # before ipykernel 7 it is no argument, and init is meant
    poller.start()
    if hasattr(signal, "SIGPIPE"):  # nor does it fail, as nobody counts its cells
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may ignore it
    if task["cores"]:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(len(task["cores"])))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, task["cores"])
    if task["limit_seconds"]:
        signal.signal(signal.SIGALRM, functools.partial(_out_of_time, task["limit_seconds"]))
        signal.setitimer(signal.ITIMER_REAL, task["limit_seconds"])
    wanted = Run(**task["run"])
    bar = {"file": sys.stdout, "bar_format": "{n_fmt}/{total_fmt}\n", "mininterval": 0}
    try:
        run(wanted.notebook, wanted.parameters, wanted.folder, wanted.name, wanted.command, bar)
    except (RunError, ValueError, OSError) as error:
        raise SystemExit(str(error)) from None


def _out_of_time(limit, *_):
    raise TimeoutError(f"it took longer than {limit:g} s, the limit")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _in_new_process(json.load(sys.stdin))
