"""Recorded runs as tables: all of them, or means over seeds, compared with each other.

The intervals are Student's, or Welch's where two settings share no seeds.
"""

import contextlib
import statistics
import textwrap
from pathlib import Path

from ..evaluation import mean_interval
from ..parameters import shown
from . import ask, records


def results(path, each=()):
    """Recorded runs as a pandas DataFrame, a row each.

    Its columns are the parameters and the figures under their own names (of a name that both
    have, the parameter), then `notebook`; `changed`, what a run sets otherwise than most of these,
    in words, or `usual`; and `run_seconds`, `run_threads`, `run_processor`, `run_commit`,
    `run_date`. A list, such as `widths`, becomes a tuple, so that one can group by it. A parameter
    younger than a run has the notebook's default there: whoever adds one gives it the default that
    keeps what was before.

    Args:
        path: what `records.read` takes: a sweep's folder, a file of JSON lines, or a name of the
            project's, such as `04_evaluation/quick`.
        each: names of figures that are dicts of lists, recipe → its value for each seed, as
            notebook 5 records them. There is a row for each `recipe` and `seed` then, with these
            figures alone, and without the parameters `recipes` and `seeds`.

    Raises:
        OSError, ValueError: as `records.read`; where nothing is recorded; for a figure in `each`
            that is no such dict.

    Example:
        `ff.results("04_evaluation/quick").test_error.mean()`
    """
    return _frame(_runs(path), [each] if isinstance(each, str) else list(each))


def _runs(path):
    found = [record for record in records.read(path) if "figures" in record]
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
        for path in filter(Path.is_file, (Path(notebook), records.PROJECT / notebook)):
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
            f"{min(both)} is a column of the table's own: expected another name, or by=['changed']"
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
