"""Recorded runs, with all that is needed to run them again, and the tables made of them.

A record is a dict of JSON's types. An executed notebook carries its own; files of JSON lines
collect them. The project's own are in `results`, named as the notebooks are.
"""

import contextlib
import datetime
import hashlib
import json
import statistics
import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
import warnings
from pathlib import Path

from .. import machine
from ..evaluation import mean_interval
from ..parameters import shown
from . import ask
from .figures import within

PROJECT = Path(__file__).parents[2]


def describe(**record):
    """A record of what just ran, `record`, with where and when: versions, processor, date.

    So with the commit, if it does not say which it was when it started.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    if "commit" not in record:
        record["commit"] = commit()
    return {
        **record,
        "processor": machine.processor(),
        "threads": len(machine.cores()),
        "versions": machine.versions(),
        "date": now.isoformat(timespec="seconds"),
    }


def line(record):
    """A record as it is written: JSON, without a line break."""
    return json.dumps(record, ensure_ascii=False)


def append(path, record):
    """Add a record to a file of JSON lines; the file and its folder are made if need be.

    All of it is added or nothing, whatever other programs add at the same time. What one that was
    killed left of a line makes room.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b", buffering=0) as file, _alone(file):
        file.seek(0)
        content = file.read()
        kept = _finished(content)
        file.truncate(len(kept))
        rest = f"{line(record)}\n".encode()
        if kept and not kept.endswith(b"\n"):
            rest = b"\n" + rest
        try:
            while rest:  # a disk that gets full takes a part, then raises
                rest = rest[file.write(rest) :]
        except OSError as error:
            file.truncate(len(kept))
            error.filename = str(path)
            raise


@contextlib.contextmanager
def _alone(file):
    """While no other program adds to this file, where the system knows such locks."""
    with contextlib.suppress(ImportError, OSError):
        from fcntl import LOCK_EX, flock  # the dead hold none; closing the file gives it up

        flock(file, LOCK_EX)
    yield


def _finished(content):
    """JSON lines, as bytes, without what is there of a last one that breaks off."""
    end = content.rfind(b"\n") + 1
    if not content.startswith(b"{", end):
        return content
    try:
        json.loads(content[end:])
    except ValueError:
        return content[:end]
    return content


def check_writable(path):
    """Refuse a file that `append` cannot add to, or should not, before the work to be recorded.

    Raises:
        OSError: as `append`.
        ValueError: a file that holds another thing.
    """
    path = Path(path)
    if path.suffix == ".ipynb":  # perhaps one that is about to run
        raise ValueError(f"record={path}: expected a file of JSON lines, not a notebook")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        open(path, "ab").close()
        read(path)  # a line is never added to a file of another kind
        return
    try:
        # Beside it: made and removed, the file itself could take another program's record along.
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name).close()
    except OSError as error:
        error.filename = str(path)
        raise


def read(path):
    """The recorded runs of a file of JSON lines, of an executed notebook, or of all in a folder.

    Args:
        path: of the file or folder, from here or from the folder above, as in a notebook in
            `notebooks`; or, where there is no such path, the name of runs that the project keeps
            in `results`, such as `04_evaluation/quick`.

    Returns:
        A list of records, those of a folder in the order of the notebooks' names. Notebooks that
        failed, or that `ffhelpers` did not run, have none; of one that another program ran again
        it warns.

    Raises:
        OSError: what cannot be read.
        ValueError: a file that holds another thing.

    Example:
        `read("bench")` gives the records in `results/bench.jsonl`.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path={shown(path)}: expected that of recorded runs")
    path = _found(path)
    if path.is_dir():
        executed = [p for p in sorted(path.rglob("*.ipynb")) if counts(p.relative_to(path))]
        return [record for notebook in executed for record in read(notebook)]
    try:
        content = path.read_bytes()
        if path.suffix == ".ipynb":
            # A line too, because a notebook is saved with the keys of objects sorted.
            notebook = json.loads(content)
            made = notebook["metadata"].get("ffhelpers")
            found = [json.loads(made)] if made else []
            if found and within(notebook) != found[0]["figures"]:
                # Another program ran it again, and left the record of the earlier run in it.
                warnings.warn(
                    f"{path} is left out: its figures are not the recorded", stacklevel=2
                )
                found = []
        else:
            found = [json.loads(one) for one in _finished(content).splitlines() if one.strip()]
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {str(error)[:60]}"
        raise ValueError(f"{path} holds no records ({reason}): expected JSON lines") from None
    for record in found:
        _check(path, record)
    return found


def _check(path, record):
    """Refuse what is no record: another program's JSON, or a line that was damaged."""
    parts = {"parameters": dict, "figures": dict, "notebook": str}
    known = isinstance(record, dict) and all(
        isinstance(record.get(part, kind()), kind) for part, kind in parts.items()
    )
    if not known:
        raise ValueError(
            f"{path} holds {shown(record)}: expected records, with a notebook's name and dicts of "
            "parameters and figures"
        )


def _found(path):
    """The path, from here or from the folder above, or where the project keeps runs so named."""
    path = Path(os.path.expanduser(path))
    if path.exists():
        return path
    if (beside := Path.cwd().parent / path).exists():  # the folder of notebooks is one of several
        return beside
    # The project that this code belongs to, or, where the code was installed, the one around.
    places = (PROJECT, Path.cwd(), *Path.cwd().parents)
    for kept in (place / "results" / f"{path}.jsonl" for place in places):
        if kept.is_file():
            return kept
    raise FileNotFoundError(
        f"{path}: no such file or folder, and no recorded runs of that name, expected one of them; "
        "the project's own lie in its repository, in `results`: call this in a folder there"
    )


def counts(path):
    """Whether a file that lies there in a folder of runs may be one of them."""
    hidden = any(part.startswith(".") for part in path.parts)  # unfinished, or a checkpoint
    return not hidden and path.suffix == ".ipynb" and not path.name.endswith(".failed.ipynb")


def results(path, each=()):
    """Recorded runs as a pandas DataFrame, a row each.

    Its columns are the parameters and the figures under their own names (of a name that both
    have, the parameter), then `notebook`;
    `changed`, what a run sets otherwise than most of these, in words, or `usual`; and
    `run_seconds`, `run_threads`, `run_processor`, `run_commit`, `run_date`. A list, such as
    `widths`, becomes a tuple, so that one can group by it. A parameter younger than a run has the
    notebook's default there: whoever adds one gives it the default that keeps what was before.

    Args:
        path: what `read` takes: a sweep's folder, a file of JSON lines, or a name of the
            project's, such as `04_evaluation/quick`.
        each: names of figures that are dicts of lists, recipe → its value for each seed, as
            notebook 5 records them. There is a row for each `recipe` and `seed` then, with these
            figures alone.

    Raises:
        OSError, ValueError: as `read`; where nothing is recorded; for a figure in `each` that is
            no such dict.

    Example:
        `ff.results("04_evaluation/quick").test_error.mean()`
    """
    return _frame(_runs(path), [each] if isinstance(each, str) else list(each))


def _runs(path):
    found = [record for record in read(path) if "figures" in record]
    for record in found:
        if missing := {"notebook", "parameters"} - record.keys():
            raise ValueError(
                f"{path} has a record without {', '.join(missing)}: expected it there"
            )
    if not found:
        raise ValueError(f"{path} holds no recorded runs: expected some, as `run` makes them")
    defaults = {notebook: _defaults(notebook) for notebook in {r["notebook"] for r in found}}
    return [r | {"parameters": defaults[r["notebook"]] | r["parameters"]} for r in found]


def _defaults(notebook):
    """The defaults of a notebook as it is now; none where it is not there any more."""
    with contextlib.suppress(ValueError):
        for path in filter(Path.is_file, (Path(notebook), PROJECT / notebook)):
            return {name: known.default for name, known in ask.parameters(path).items()}
    return {}


def _frame(recorded, each):
    import pandas  # slow to import

    about = ("seconds", "threads", "processor", "commit", "date")
    rows = [
        {name: _grouped(value) for name, value in (parameters | figures | parameters).items()}
        | {"notebook": run["notebook"], "changed": changed}
        | {f"run_{name}": run.get(name) for name in about}
        for run, changed in zip(recorded, _changed(recorded), strict=True)
        for parameters, figures in _rows(run, each)
    ]
    frame = pandas.DataFrame(rows)
    names = _names(recorded, "parameters")
    frame.attrs["parameters"] = ["recipe", *names] if each else names
    figures = each or _names(recorded, "figures", lambda value: type(value) in (int, float))
    frame.attrs["figures"] = [name for name in figures if name not in names]
    return frame


def _rows(run, each):
    """Parameters and figures of a run, or for each recipe and seed of one that compares some."""
    if not each:
        yield run["parameters"], run["figures"]
        return
    found = [run["figures"].get(name) for name in each]
    for name, figure in zip(each, found, strict=True):
        if not isinstance(figure, dict) or not all(isinstance(v, list) for v in figure.values()):
            raise ValueError(
                f"the figure {name} is another thing: expected a dict of lists over seeds"
            )
    # Which recipes, and how many seeds: here that is what the rows are.
    counted = ("recipes", "seeds")
    given = {name: value for name, value in run["parameters"].items() if name not in counted}
    for name, figure in zip(each, found, strict=True):
        if figure.keys() != found[0].keys():
            differ = ", ".join(map(str, figure.keys() ^ found[0].keys()))
            raise ValueError(f"{name} and {each[0]} differ in {differ}: expected the same recipes")
    for recipe in found[0]:
        for i, values in enumerate(zip(*(figure[recipe] for figure in found), strict=True)):
            seed = given.get("seed", 0) + i
            yield given | {"recipe": recipe, "seed": seed}, dict(zip(each, values, strict=True))


def _changed(recorded):
    """What each run sets otherwise than most, in words."""
    names = [name for name in _names(recorded, "parameters") if name != "seed"]
    values = {name: [r["parameters"].get(name) for r in recorded] for name in names}
    usual = {name: statistics.mode(map(_grouped, found)) for name, found in values.items()}
    for i in range(len(recorded)):
        others = [name for name in names if _grouped(values[name][i]) != usual[name]]
        yield ", ".join(f"{name} {values[name][i]}" for name in others) or "usual"


def _grouped(value):
    return tuple(map(_grouped, value)) if isinstance(value, list) else value


def _names(recorded, part, kind=lambda value: True):
    """The names in that part of the records, each once, in the order of the notebook."""
    values = [item for record in recorded for item in record[part].items()]
    return list(dict.fromkeys(name for name, value in values if kind(value)))


def table(runs, by=(), figure=None, against=None):
    """What recorded runs say of a figure: its mean over the seeds, how sure it is, n.

    Args:
        runs: what `results` takes or gives.
        by: names of parameters (or of other columns of `results`), or one name; a row for each
            combination of their values. By default all that vary but `seed`, and `notebook` where
            there are several.
        figure: name of a recorded number, or of a dict of lists over seeds as in `results`; by
            default `test_error`, or the first number.
        against: a value of a parameter in `by`, or `name=value`. Each row is compared with the
            one that has this value and otherwise its own.

    Returns:
        pandas DataFrame with the columns `by`, `mean`, `std` (of one run, n - 1 degrees of
        freedom), `low` and `high` (Student's 95 % interval of the mean) and `n`, the number of
        runs; those with the same parameters and seed count as one. With `against`
        also `difference`, `difference_low` and `difference_high` (its 95 % interval) and `pairs`.
        Seeds that both have are compared each with itself, Student's interval; if there are not
        two of them, `pairs` is 0 and the interval is Welch's. What one run cannot tell is NaN.

    Raises:
        ValueError: no such name or value, a figure that is no number, a name in `by` that is a
            column of the table's own, or the errors of `results`.

    Example:
        `ff.table("04_evaluation/choices", ["changed"], "validation_error", against="usual")`
    """
    by = [by] if isinstance(by, str) else list(by)
    frame, source = _given(runs, figure)
    numbers = frame.attrs.get("figures", [])
    figure = figure or ("test_error" if "test_error" in numbers else next(iter(numbers), None))
    if figure is None or not frame.attrs.get("figures", True):
        raise ValueError(f"{source} has no figure that is a number: expected one")
    if figure not in (numbers or frame):
        raise ValueError(f"no figure {figure} in {source}: expected {', '.join(numbers)}")
    for value in frame[figure]:
        if not isinstance(value, (int, float)):
            raise ValueError(f"the figure {figure} is {shown(value)} in a run: expected numbers")
    for name in by:
        if name not in frame:
            names = textwrap.shorten(", ".join(frame), 100, placeholder=" …")
            raise ValueError(f"nothing named {name} in {source}: expected {names}")
        if dict in set(map(type, frame[name])):
            raise ValueError(f"{name} is a dict for each recipe: expected figure={name}")
    if not by:
        if "parameters" not in frame.attrs:  # which pandas drops in a merge, for one
            raise ValueError("these runs do not say any more what varies: expected by=[…]")
        by = [name for name in ("notebook", *frame.attrs["parameters"]) if _varies(frame, name)]
    groups = _groups(_each_once(frame, figure, by), by)
    rows = [_joined(dict(zip(by, v, strict=True)), _spread(g[figure])) for v, g in groups.items()]
    if against is not None:
        place, value = _reference(groups, by, against)
        for i, (values, group) in enumerate(groups.items()):
            other = groups.get((*values[:place], value, *values[place + 1 :]))
            away = _difference(figure, group, None if other is group else other)
            rows[i] = _joined(rows[i], away)
    import pandas

    summary = pandas.DataFrame(rows)
    summary.attrs["figure"] = figure
    return summary


def _given(runs, figure):
    """The runs that `table` is given as a DataFrame, and what to call them."""
    import pandas

    if isinstance(runs, pandas.DataFrame):
        return runs, "these runs"
    recorded = _runs(runs)
    by_recipe = any(isinstance(run["figures"].get(figure), dict) for run in recorded)
    return _frame(recorded, [figure] if by_recipe else []), runs


def _varies(frame, name):
    return name != "seed" and name in frame and frame[name].nunique(dropna=False) > 1


def _each_once(frame, figure, by):
    """The same without runs that were repeated: a seed tells no more when it is run again."""
    known = [name for name in ("notebook", *frame.attrs.get("parameters", ())) if name in frame]
    if "seed" not in known:
        return frame
    known += set(by) - set(known)  # such as the commit: what is compared is no repetition
    mean = frame.groupby(known, dropna=False, sort=False)[figure].transform("mean")
    return frame.assign(**{figure: mean}).drop_duplicates(known)


def _groups(frame, by):
    """The runs with the same values of `by`, as values → DataFrame."""
    if not by:
        return {(): frame}
    try:
        groups = list(frame.groupby(by, dropna=False))
    except TypeError:  # a number in some runs and a list in others: there is no order
        groups = list(frame.groupby(by, dropna=False, sort=False))
    return {tuple(None if v != v else v for v in key): group for key, group in groups}


def _joined(row, columns):
    """A row with more columns, of which it must have none."""
    if both := row.keys() & columns.keys():
        raise ValueError(
            f"{min(both)} is a column of the table's own: expected a parameter of another name"
        )
    return row | columns


def _spread(values):
    found = values.dropna()
    low, high = mean_interval(found)[1:] if len(found) > 1 else (float("nan"),) * 2
    return dict(mean=found.mean(), std=found.std(), low=low, high=high, n=len(found))


def _reference(groups, by, against):
    """Where in a group's key the reference differs from the others, and its value there."""
    name, equals, value = str(against).partition("=")
    places = [by.index(name)] if equals and name in by else range(len(by))
    wanted = value if equals and name in by else str(against)
    there = {(place, key[place]) for key in groups for place in places}
    found = [each for each in there if _is_written(each[1], wanted)]
    if len(found) != 1:
        names = ", ".join(by) or "nothing: no parameter varies"
        wrong = "no value of" if not found else "a value of more than one of"
        raise ValueError(f"{against} is {wrong} {names}: expected NAME=VALUE with one of them")
    return found[0]


def _is_written(value, text):
    """Whether a person who writes this text means this value."""
    with contextlib.suppress(TypeError, ValueError):
        if float(text) == value:
            return True
    plain = list(value) if isinstance(value, tuple) else value
    return text.lower() in (each.lower() for each in (ask.as_text(plain), str(plain), str(value)))


def _difference(figure, group, other):
    """Columns of `table` that compare a group of runs with another, if there is one."""
    pairs, found = 0, (float("nan"),) * 3
    if other is not None:
        away = _by_seed(group, figure) - _by_seed(other, figure)
        away = away.dropna()
        pairs = len(away) if len(away) > 1 else 0
        found = mean_interval(away) if pairs else _welch(group[figure], other[figure])
    names = ("difference", "difference_low", "difference_high")
    return dict(zip(names, found, strict=True)) | {"pairs": pairs}


def _by_seed(group, figure):
    return group.groupby("seed")[figure].mean() if "seed" in group else group[figure][:0]


def _welch(one, two):
    from scipy.stats import ttest_ind  # slow to import

    one, two = one.dropna(), two.dropna()
    away = one.mean() - two.mean()
    if min(len(one), len(two)) < 2:
        return away, float("nan"), float("nan")
    if one.std() == two.std() == 0:  # SciPy gives up
        return away, away, away
    return (away, *ttest_ind(one, two, equal_var=False).confidence_interval())


def code(notebook):
    """What a notebook's outcome rests on, as a hash: its cells, and the code of `ffhelpers`."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8")).get("cells", [])
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    package = Path(__file__).parents[1]
    sources += [path.read_text("utf-8") for path in sorted(package.rglob("*.py"))]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def command():
    """The command line of this process, as one types it in the repository.

    Raises:
        ValueError: no file in UTF-8 can hold it.
    """
    if sys.argv[0].endswith("__main__.py"):
        program = ["python", "-m", Path(sys.argv[0]).parent.name]
    else:
        program = ["python", *(os.path.relpath(name) for name in sys.argv[:1] if name)]
    return shlex.join(map(ask.in_utf8, program + sys.argv[1:]))


def commit(notebook=None):
    """The commit of this code, with `-dirty` where code differs from it; None outside Git.

    Args:
        notebook: path of one that counts as code too, besides those in `notebooks`.
    """
    # Not the results themselves, which each record changes.
    code = ["ffhelpers/*.py", "notebooks/*.ipynb", "benchmarks"]
    if notebook and Path(notebook).resolve().is_relative_to(PROJECT.resolve()):
        code.append(f":(literal){Path(notebook).resolve()}")
    try:
        # Installed within somebody else's project, this code is no part of its commits.
        _git("ls-files", "--error-unmatch", "ffhelpers/__init__.py")
        dirty = _git("--no-optional-locks", "status", "--porcelain", "--", *code)
        return _git("rev-parse", "HEAD").strip() + "-dirty" * bool(dirty)
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments):
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, capture_output=True, errors="replace", check=True).stdout
