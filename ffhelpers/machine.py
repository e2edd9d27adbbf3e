"""Facts of this process and its machine, without TensorFlow: who watches, cores, versions."""

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path

from tqdm import tqdm

# Set in the kernels that Jupyter's servers, VS Code and Colab start for people. Colab's better
# known COLAB_RELEASE_TAG and COLAB_GPU will not do: Kaggle's image, which runs notebooks with
# nobody watching, is built from Colab's.
SESSION_MARKS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_JUPYTER_IP")


def watched():
    """Whether a person sees this process's output as it appears, so that a progress bar helps.

    False under papermill, nbval, cron and in pipes, where outputs must not vary from run to run.
    """
    terminal = sys.stdout is not None and sys.stdout.isatty()  # None where it is closed
    return any(mark in os.environ for mark in SESSION_MARKS) or terminal


def bar(things, name=None):
    """The things one by one, with a bar that counts them where somebody watches, else silently.

    Example:
        `for epoch in ff.bar(range(epochs), "training"): ...`
    """
    things = list(things)
    return tqdm(things, name, file=sys.stdout, leave=False, disable=not watched())


def return_memory():
    """Give the system back what glibc keeps of freed memory, which is for it to reuse.

    Compiling a training step leaves some 150 MB of it, of the 2 GB that Binder gives.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def share_memory():
    """Let threads share a pool of freed memory for each core, where glibc has up to eight.

    It saves a tenth of lesson 03's memory. A MALLOC_ARENA_MAX that somebody set stays.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
            ctypes.CDLL(None).mallopt(-8, len(cores()))  # M_ARENA_MAX


def cores():
    """The numbers of the cores that this process may use, not all that the machine has."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return sorted(usable(0))


def processor():
    """The processor's name."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        return found[1]
    except (OSError, TypeError):  # not Linux, or a processor that is not named there
        return platform.processor() or platform.machine()


def versions():
    """Versions of Python and of what computes, as a dict."""
    found = {"python": platform.python_version()}
    for package in ("keras", "numpy", "tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found
