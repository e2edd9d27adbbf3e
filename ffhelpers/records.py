"""Recorded runs: one JSON line each, with all that is needed to run it again."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path


def append(path, **record):
    """Add a run to a file of JSON lines, made if need be, with where and when it ran.

    Args:
        path: the file; its folder is made too.
        record: what was run and what came out, of JSON's types.
    """
    line = json.dumps({**record, **_circumstances()}, ensure_ascii=False) + "\n"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as file:
        file.write(line.encode())  # one write, so that two programs do not mix their lines


def check_writable(path):
    """Raise the `OSError` that `append` would raise, before the work that is to be recorded."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    new = not Path(path).exists()
    open(path, "ab").close()
    if new:
        os.unlink(path)


def read(path):
    """The runs recorded in a file: a list of dicts, in the order in which they ran.

    Raises `OSError` for a file that cannot be read, `ValueError` for one that holds another thing.
    """
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def command():
    """The command line of this process, as one types it in the repository."""
    if sys.argv[0].endswith("__main__.py"):
        program = ["python", "-m", Path(sys.argv[0]).parent.name]
    else:
        program = ["python", os.path.relpath(sys.argv[0])]
    return shlex.join(program + sys.argv[1:])


def cores():
    """The number of cores that this process may use, not all that the machine has."""
    count = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return len(count(0))


def _circumstances():
    versions = {"python": platform.python_version()}
    for package in ("keras", "numpy", "tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "processor": _processor(),
        "threads": cores(),
        "versions": versions,
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def _processor():
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        return found[1]
    except (OSError, TypeError):  # not Linux, or a processor that is not named there
        return platform.processor() or platform.machine()


def _commit():
    """The commit of this code, with `-dirty` where code differs from it; None outside Git."""
    git = ["git", "-C", str(Path(__file__).parent.parent)]
    head, changed = [*git, "rev-parse", "HEAD"], [*git, "diff", "--quiet", "HEAD", "--"]
    try:
        commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    # Not the results themselves, which each record changes.
    code = subprocess.run([*changed, "ffhelpers", "notebooks", "benchmarks"])
    return commit + "-dirty" * bool(code.returncode)
