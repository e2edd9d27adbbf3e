"""Recorded runs, with all that is needed to run them again, and the tables made of them.

A record is a dict of JSON's types. An executed notebook carries its own; files of JSON lines
collect them.
"""

import datetime
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from . import machine
from .evaluation import mean_interval


def describe(**record):
    """A record of what just ran, `record`, with where and when: versions, processor, commit."""
    return {**record, **_circumstances()}


def line(record):
    """A record as it is written: JSON, without a line break."""
    return json.dumps(record, ensure_ascii=False)


def append(path, record):
    """Add a record to a file of JSON lines; the file and its folder are made if need be."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as file:
        file.write(
            f"{line(record)}\n".encode()
        )  # one write, so that two programs do not mix their lines


def check_writable(path):
    """Raise the `OSError` that `append` would raise, before the work that is to be recorded."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        open(path, "ab").close()
        return
    try:
        # Beside it: made and removed, the file itself could take another program's record along.
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name).close()
    except OSError as error:
        error.filename = str(path)
        raise


def read(path):
    """The recorded runs of a file of JSON lines, of an executed notebook, or of all in a folder.

    A list of records, those of a folder in the order of the notebooks' names. Notebooks that
    failed, or that `ffhelpers` did not run, have none. Raises `OSError` for what cannot be read,
    `ValueError` for a file that holds another thing.
    """
    path = Path(path)
    if path.is_dir():
        executed = [p for p in sorted(path.rglob("*.ipynb")) if _counts(p.relative_to(path))]
        return [record for notebook in executed for record in read(notebook)]
    try:
        with open(path, encoding="utf-8") as file:
            if path.suffix == ".ipynb":
                # A line too, because a notebook is saved with the keys of objects sorted.
                file = filter(None, [json.load(file)["metadata"].get("ffhelpers")])
            return [json.loads(one) for one in file]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no records: {error!r}") from None


def _counts(path):
    hidden = any(part.startswith(".") for part in path.parts)  # unfinished, or a checkpoint
    return not hidden and not path.name.endswith(".failed.ipynb")


def results(path):
    """Recorded runs as a pandas DataFrame, a row each.

    Its columns are the parameters and the figures under their own names, then `notebook` and
    `run_seconds`, `run_threads`, `run_processor`, `run_commit`, `run_date`. A list, such as
    `widths`, becomes a tuple, so that one can group by it.

    Args:
        path: what `read` takes: a sweep's folder, or a file of JSON lines.

    Raises:
        OSError, ValueError: as `read`; and where nothing is recorded.
    """
    return _frame(_runs(path))


def _runs(path):
    found = [record for record in read(path) if "figures" in record]
    if not found:
        raise ValueError(f"{path} holds no recorded runs")
    return found


def _frame(recorded):
    import pandas  # slow to import

    about = ("seconds", "threads", "processor", "commit", "date")
    return pandas.DataFrame(
        {name: _grouped(value) for name, value in (r["parameters"] | r["figures"]).items()}
        | {"notebook": r["notebook"]}
        | {f"run_{name}": r.get(name) for name in about}
        for r in recorded
    )


def _grouped(value):
    return tuple(map(_grouped, value)) if isinstance(value, list) else value


def table(path, by=(), figure=None):
    """What recorded runs say of a figure: its mean over the seeds, how sure it is, n.

    Args:
        path: what `read` takes.
        by: names of parameters (or of other columns of `results`), a row for each combination of
            their values; by default all that vary but `seed`.
        figure: name of a recorded number; by default `test_error`, or the first one.

    Returns:
        pandas DataFrame with the columns `by`, `mean`, `std` (of one run, n - 1 degrees of
        freedom), `low` and `high` (Student's 95 % interval of the mean) and `n`. What one run
        cannot tell is NaN.

    Raises:
        ValueError: no such name, a figure that is no number, or the errors of `results`.
    """
    import pandas

    recorded = _runs(path)
    frame = _frame(recorded)
    numbers = _names(recorded, "figures", lambda v: type(v) in (int, float))
    if not numbers:
        raise ValueError(f"{path} has no figure that is a number")
    figure = figure or ("test_error" if "test_error" in numbers else numbers[0])
    if figure not in numbers:
        raise ValueError(f"no figure {figure} in {path}, only {', '.join(numbers)}")
    for name in by:
        if name not in frame:
            raise ValueError(f"nothing named {name} in {path}, only {', '.join(frame)}")
    parameters = _names(recorded, "parameters")
    by = list(by) or [p for p in parameters if p != "seed" and frame[p].nunique(dropna=False) > 1]
    rows = []
    # Without a parameter there is one group, of all runs.
    groups = frame.groupby(by, dropna=False) if by else [((), frame)]
    for values, group in groups:
        found = group[figure].dropna()
        low, high = mean_interval(found)[1:] if len(found) > 1 else (float("nan"),) * 2
        stated = dict(zip(by, values, strict=True))
        spread = dict(mean=found.mean(), std=found.std(), low=low, high=high, n=len(found))
        rows.append(stated | spread)
    summary = pandas.DataFrame(rows)
    summary.attrs["figure"] = figure
    return summary


def _names(recorded, part, kind=lambda value: True):
    """The names in that part of the records, each once, in the order of the notebook."""
    values = [item for record in recorded for item in record[part].items()]
    return list(dict.fromkeys(name for name, value in values if kind(value)))


def code(notebook):
    """What a notebook's outcome rests on, as a hash: its cells, and the code of `ffhelpers`."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8")).get("cells", [])
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    sources += [path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def command():
    """The command line of this process, as one types it in the repository."""
    if sys.argv[0].endswith("__main__.py"):
        program = ["python", "-m", Path(sys.argv[0]).parent.name]
    else:
        program = ["python", os.path.relpath(sys.argv[0])]
    return shlex.join(program + sys.argv[1:])


def _circumstances():
    return {
        "processor": machine.processor(),
        "threads": len(machine.cores()),
        "versions": machine.versions(),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


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
