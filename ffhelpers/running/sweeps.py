"""Sweeps: one notebook under every combination of some parameters.

Each run is a process of its own and a notebook of its own in the sweep's folder, named after
its parameters; it appears there once it is complete. What is there is not run again, so a sweep
that was stopped, however roughly, goes on when it is called again.
"""

import contextlib
import functools
import glob
import hashlib
import itertools
import json
import math
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from ..parameters import ParameterError
from . import ask, processes, records
from .processes import Run


MOST = 100_000  # runs of a grid: more are a slip


def grid(notebook, settings=(), file=None, folder="runs"):
    """The runs that a person asks for, each combination of parameters once.

    Args:
        notebook: path of the notebook.
        settings: strings `name=value,value,...`. A parameter that is a list takes one list as
            `widths=500,500` and several as `widths=[500,500],[1000]`.
        file: YAML file of names with a value or a list of values each; or a list of such grids,
            whose runs are joined. `settings` win over it. A string is one value there, commas
            or not.
        folder: where the executed notebooks go.

    Returns:
        List of `Run`; the last parameter varies fastest.

    Raises:
        ParameterError: as `ask.parse_parameters`, of any combination; before anything runs.
        ValueError, OSError: a file that it cannot read.

    Example:
        `grid("notebooks/04_evaluation.ipynb", ["seed=0,1", "scale=5,10"])` has four runs.
    """
    grids = ask.read_yaml(file) if file else {}
    grids = grids if isinstance(grids, list) else [grids]
    if not grids or not all(isinstance(one, dict) for one in grids):
        raise ValueError(f"{file}: expected lines such as `seed: [0, 1, 2]`, or a list of grids")
    known, given = ask.parameters(notebook), ask.split_settings(settings)
    grids = [{name: _whole(known, name, value) for name, value in one.items()} for one in grids]
    combinations = [c for one in grids for c in _combinations(notebook, known, one | given)]
    refuse_wrong = ask.rules(notebook)
    runs = {}
    for combined in combinations:
        refuse_wrong(combined)
        run = _run(notebook, known, combined, folder)
        runs.setdefault(run.name, run)
    return list(runs.values())


def _combinations(notebook, known, one):
    """All parameters of the notebook, for each combination of one grid's values."""
    axes = {}
    for name, given in one.items():
        values = _values(given, ask.depth(known[name].like) if name in known else 0)
        if not values:
            raise ParameterError(f"{name} has no value: expected one or more")
        axes[name] = [ask.typed(notebook, known, name, value) for value in values]
    defaults = {name: parameter.default for name, parameter in known.items()}
    count = math.prod(map(len, axes.values()))
    if count > MOST:
        raise ParameterError(f"a grid of {count} runs: expected at most {MOST}")
    for values in itertools.product(*axes.values()):
        yield defaults | dict(zip(axes, values, strict=True))


def _whole(known, name, value):
    """A string in a file as the one value that it is; on the command line commas part several."""
    string = isinstance(value, str) and name in known and isinstance(known[name].like, str)
    return [value] if string else value


def _values(given, levels):
    """The values that are given for one parameter, itself a list of so many levels, or 0."""
    if isinstance(given, str) and levels and "]" in given:
        with contextlib.suppress(ValueError):  # whatever it is, it is no list
            given = ask.read_lists(given)
    elif isinstance(given, str):
        return [given] if levels else [part.strip() for part in given.split(",")]
    return given if isinstance(given, list) and ask.depth(given) > levels else [given]


def _run(notebook, known, combined, folder):
    """The run with these parameters; its name depends on the notebook and all of them."""
    changed = {name: v for name, v in combined.items() if v != known[name].default}
    stem = Path(notebook).stem
    content = json.dumps([stem, combined], sort_keys=True)
    identity = hashlib.sha256(content.encode()).hexdigest()[:10]
    settings = [f"{name}={ask.as_text(value)}" for name, value in changed.items()]
    options = [part for setting in settings for part in ("-p", setting)]
    command = shlex.join(["python", "-m", "ffhelpers", "run", str(notebook), *options])
    name = f"{stem}-{identity}.ipynb"
    # All of them: the notebook, and with it its defaults, may change before the run's turn.
    return Run(str(notebook), combined, str(folder), name, command, os.getcwd(), changed)


def make(run, limit_seconds=None):
    """Make one run in a new process, unless it is complete. Raises `RunError` if it fails.

    It waits for another sweep that is making the same run.
    """
    with locked(run.path.parent, run.path.stem):
        if run.path.exists():
            return
        for left in run.path.parent.glob(f".unfinished-{glob.escape(run.path.stem)}-*"):
            shutil.rmtree(left, ignore_errors=True)  # a killed one's, whose kernel may yet write
        processes.execute(run, limit_seconds)


def check_shared(client, folder):
    """Refuse a Dask cluster with workers that do not see this folder.

    Args:
        client: a `dask.distributed.Client`.
        folder: of this machine, where the executed notebooks are to go.

    Raises:
        ValueError: it names such workers.
        OSError: the folder cannot be written, or a worker does not answer.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".seen-") as mark:
        seen = client.run(os.path.exists, os.path.abspath(mark.name))
    if blind := [worker for worker, sees in seen.items() if not sees]:
        raise ValueError(
            f"{folder} is not shared with {', '.join(blind)}: expected a folder that all workers "
            "see under the same path, such as one on a network file system"
        )


@contextlib.contextmanager
def locked(folder, name):
    """Hold a lock, while another process that asks for it waits. The dead hold none."""
    from filelock import FileLock

    locks = Path(folder, ".locks")
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{name}.lock"):
        yield


def made_by_other_code(complete):
    """Those of the complete runs that another version of the notebook or of ffhelpers made.

    Args:
        complete: pairs of a `Run` and its record.
    """
    code = functools.cache(records.code)
    return (run for run, record in complete if record.get("code") != code(run.notebook))
