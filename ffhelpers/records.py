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

import numpy as np

def append(path, **record):
    """Add a run to a file of JSON lines, made if need be, with where and when it ran.

    Args:
        path: the file; its folder is made too.
        record: what was run and what came out, of JSON's types.
    """
    line = json.dumps({**record, **_circumstances()}, ensure_ascii=False)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")  # one write, so that two programs do not mix their lines


def read(path):
    """The runs recorded in a file: a list of dicts, in the order in which they ran.

    Raises `OSError` for a file that cannot be read, `ValueError` for one that holds another thing.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def mean_interval(values, confidence=0.95):
    """Mean over seeds, with Student's interval: where the mean of many more seeds would lie.

    Args:
        values: a figure of each run, at least two of them.

    Returns:
        Three floats: mean, lower and upper end.
    """
    from scipy.stats import ttest_1samp  # slow to import

    low, high = ttest_1samp(values, 0).confidence_interval(confidence)
    return float(np.mean(values)), float(low), float(high)


def command():
    """The command line of this process, as one types it in the repository."""
    if sys.argv[0].endswith("__main__.py"):
        program = ["python", "-m", Path(sys.argv[0]).parent.name]
    else:
        program = ["python", os.path.relpath(sys.argv[0])]
    return shlex.join(program + sys.argv[1:])


def _circumstances():
    versions = {"python": platform.python_version()}
    for package in ("keras", "numpy", "tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "processor": _processor(),
        "threads": len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)),
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
    """The commit of this code, with `-dirty` where files differ from it; None outside Git."""
    here = str(Path(__file__).parent)
    git = ["git", "-C", here, "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
