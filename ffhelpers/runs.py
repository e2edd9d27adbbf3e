"""Running notebooks with other parameters, and the figures that a run leaves behind.

Inside a notebook: `record`. Outside: `parameters` and
`parse_parameters` say what may be set, `run` executes, `figures` reads back what was recorded.
"""

import ast
import contextlib
import difflib
import logging
import math
import os
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import records
from .machine import SESSION_MARKS
from .parameters import ParameterError, check, has_rule

# papermill and nbformat take a second or two to import: only the functions that need them do.

FIGURES_MIME = "application/vnd.ffhelpers.figures+json"


class RunError(RuntimeError):
    """A notebook was started and did not come to its end."""


def record(**figures):
    """Show `figures` and keep them with the run, in the output of the notebook's cell.

    Values are finite numbers (NumPy's scalars too), bools, strings, and lists and dicts of these.
    Errors and other fractions are given as fractions: 0.021 is kept and shown as 2.1 %.
    Outside IPython the figures are only printed.

    Raises `TypeError` for any other value and `ValueError` for one that is not finite: a NaN
    has no place in JSON nor among figures, and usually says that the training diverged.
    """
    from IPython import get_ipython
    from IPython.display import display

    figures = {name: _plain(name, value) for name, value in figures.items()}
    text = figures_text(figures)
    if get_ipython() is None:
        print(text)
    else:  # in pairs, because notebooks are saved with the keys of objects sorted
        display({FIGURES_MIME: list(figures.items()), "text/plain": text}, raw=True)


def figures(path):
    """The figures that an executed notebook recorded, as a dict in the order of the notebook.

    It does not matter who ran it (papermill, JupyterLab, Kaggle). Where a name was recorded more
    than once, the last value counts. Raises `OSError` for a file that cannot be read, `ValueError`
    for one that is not a notebook or holds no figures.
    """
    found = _figures(_read(path))
    if not found:
        raise ValueError(
            f"{path} holds no figures: run it first, and see that it calls ffhelpers.record"
        )
    return found


def _figures(notebook):
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found.update(output.get("data", {}).get(FIGURES_MIME, []))
    return found


def figures_text(figures):
    """`figures` for people, a line each: `test error 2.1 %`."""
    return "\n".join(
        f"{name.replace('_', ' ')} {shown(name, value)}" for name, value in figures.items()
    )


def _plain(name, value):
    """`value` in the types that JSON knows."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"figure {name} is {value}, not a finite number")
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(f"{name}[{i}]", element) for i, element in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(f"{name}[{key!r}]", element) for key, element in value.items()}
    raise TypeError(
        f"figure {name} is of type {type(value).__name__}: give a number, a bool, a string, "
        "or a list or dict (with strings as keys) of these; float(x) or x.tolist() may help"
    )


def shown(name, value):
    """The value of a figure for people: `2.1 %` for an error of 0.021."""
    if isinstance(value, list):
        return ", ".join(shown(name, element) for element in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {shown(name, element)}" for key, element in value.items())
    if isinstance(value, bool | str):
        return str(value)
    if name.endswith(("error", "errors", "accuracy", "fraction")):
        return f"{round(100 * value, 2):.5g} %"
    if name.endswith("_seconds"):
        return f"{value:.1f} s"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def _unwatched():
    """Hide the marks of a person's session from the kernels that are started meanwhile."""
    hidden = {mark: os.environ.pop(mark) for mark in SESSION_MARKS if mark in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


class Parameter(NamedTuple):
    """What a notebook's `parameters` cell says of one name."""

    default: Any
    help: str


def parameters(notebook):
    """The parameters that `notebook` takes: name → `Parameter(default, help)`.

    They are the assignments in its cell tagged `parameters`, the comment behind each its help:
    `epochs: int = 10  # passes over the training images`. Raises `OSError` for a file that cannot
    be read, `ValueError` for what is not a notebook or such a cell that holds anything else.
    """
    cells = [c for c in _read(notebook).cells if "parameters" in c.metadata.get("tags", [])]
    source = cells[0].source if cells else ""
    try:
        return dict(_parameter(node, source) for node in ast.parse(source).body)
    except (SyntaxError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{notebook}: the parameters cell must hold nothing but lines such as "
            f"`epochs: int = 10  # help`, with a plain value ({error})"
        ) from None


def _parameter(node, source):
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    last_line = source.splitlines()[node.end_lineno - 1]
    comment = last_line.encode()[node.end_col_offset :].decode()  # ast counts in UTF-8
    return target.id, Parameter(ast.literal_eval(node.value), comment.strip(" #"))


def parse_parameters(notebook, settings=(), file=None):
    """Parameters for `notebook` from a person: checked, and typed as the notebook's defaults are.

    `settings` are `name=value` strings, `file` is a YAML file of names and values; settings win.
    A list is written `500,500` or `[500, 500]`. Raises `ParameterError` for an unknown or repeated
    name and for a value of the wrong type, `ValueError` or `OSError` for a file it cannot read.
    """
    values = read_yaml(file) if file else {}
    if not isinstance(values, dict):
        raise ValueError(f"{file} must hold lines such as `epochs: 10`")
    return typed_parameters(notebook, values | split_settings(settings))


def split_settings(settings):
    """`name=value` strings as a dict; `ParameterError` for another form and a repeated name."""
    given = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ParameterError(f"{setting!r} is not of the form name=value")
        if name in given:
            raise ParameterError(f"{name} is given twice")
        given[name] = value
    return given


def read_yaml(path):
    """What a YAML file holds; `ValueError` or `OSError` for one that cannot be read."""
    import yaml

    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is not a YAML file: {reason}") from None


def typed_parameters(notebook, values, known=None):
    """`values` (name → value), checked, and typed as the notebook's defaults are.

    `known` is what `parameters(notebook)` gave, where it was read before. Raises `ParameterError`
    for an unknown name and for a value of the wrong type.
    """
    known = parameters(notebook) if known is None else known
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            hint = f", did you mean {close[0]}?" if close else "."
            names = ", ".join(known) or "none"
            raise ParameterError(f"unknown parameter {name}{hint} {notebook} takes: {names}")
    typed = {name: _typed(name, value, known[name].default) for name, value in values.items()}
    if "check_parameters" in Path(notebook).read_text(encoding="utf-8"):
        # It would refuse them itself, but only after a kernel and TensorFlow have started.
        check(**{name: value for name, value in typed.items() if has_rule(name)})
    return typed


_FROM_TEXT = {
    int: int,
    float: float,
    str: str,
    bool: lambda text: {"true": True, "false": False}[text.lower()],
}
_TYPE_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "a bool"}


def _typed(name, value, default):
    try:
        return _as_type_of(default, value)
    except (ValueError, KeyError, OverflowError):
        kind = _TYPE_NAMES.get(type(default), f"a {type(default).__name__}")
        message = f"{name}={value!r}: expected {kind} such as {default!r}"
        raise ParameterError(message) from None


def _as_type_of(default, value):
    kind = type(default)
    if kind is list:
        if isinstance(value, str):
            text = value.strip().removeprefix("[").removesuffix("]").strip()
            value = [element.strip() for element in text.split(",")] if text else []
        if type(value) is list:
            return [_as_type_of(default[0] if default else "", element) for element in value]
    if isinstance(value, str):  # also in a YAML file, which takes 1e-3 for a string
        return _FROM_TEXT[kind](value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError
    return value


def run(notebook, parameters, output_dir, name=None, command=None):
    """Execute `notebook` with `parameters` (name → value); the path of the executed notebook.

    It appears in `output_dir` (made if need be) under `name`, by default the notebook's own, and
    only once it is complete: a run that fails or is interrupted leaves an earlier one as it was.
    A failed run is kept beside it as `<name>.failed.ipynb`. Cells run in the caller's working
    folder. Where standard error is a terminal, a progress bar counts the cells.

    Its record, for `records.read`, is in its metadata: `command` (by default that of this
    process), notebook, parameters, figures, seconds, code, and where and when it ran.

    Raises, before a kernel starts, what `parse_parameters` raises, and `ValueError` where the
    output would replace the notebook itself; `RunError` if the run fails.
    """
    notebook, folder = Path(notebook), Path(output_dir)
    parameters = typed_parameters(notebook, parameters)
    if folder.resolve() == notebook.parent.resolve():
        raise ValueError(f"the output folder {folder} is the notebook's own, choose another")
    folder.mkdir(parents=True, exist_ok=True)
    complete = folder / (name or notebook.name)
    failed = complete.with_suffix(".failed.ipynb")

    with tempfile.TemporaryDirectory(prefix=f".unfinished-{complete.stem}-", dir=folder) as aside:
        unfinished, start = Path(aside, notebook.name), time.perf_counter()
        code = records.code(notebook)  # as it is now: it may change meanwhile
        try:
            _execute(notebook, unfinished, parameters)
            seconds = round(time.perf_counter() - start, 1)
            _keep_record(notebook, unfinished, parameters, command, seconds, code)
        except Exception as error:  # a cell's, a kernel that died, a kernel that does not exist
            if unfinished.exists():
                unfinished.replace(failed)
            raise RunError(_failure(notebook, error, failed)) from error
        unfinished.replace(complete)
    failed.unlink(missing_ok=True)
    return complete


def _keep_record(notebook, executed, values, command, seconds, code):
    import nbformat

    defaults = {name: known.default for name, known in parameters(notebook).items()}
    content = _read(executed)
    content.metadata["ffhelpers"] = records.line(
        records.describe(
            command=command or records.command(),
            notebook=notebook.as_posix(),
            parameters=defaults | values,
            figures=_figures(content),
            seconds=seconds,
            code=code,
        )
    )
    nbformat.write(content, executed)


def _execute(notebook, output, parameters):
    import papermill

    # Nothing but the bar on standard error: neither papermill's warnings nor the kernel's.
    logging.getLogger("papermill").addHandler(logging.NullHandler())
    with _unwatched():
        papermill.execute_notebook(
            notebook,
            output,
            parameters,
            progress_bar={"desc": notebook.name} if sys.stderr.isatty() else False,
            extra_arguments=["--log-level=CRITICAL"],
        )


def _failure(notebook, error, failed):
    from papermill.exceptions import PapermillExecutionError

    if not isinstance(error, PapermillExecutionError):
        reason = f"{type(error).__name__}: {error}"
    elif error.ename == "ParameterError":
        return error.evalue
    else:
        reason = f"{error.ename} in cell {error.exec_count}: {error.evalue}"
    reason = textwrap.shorten(reason, 300, placeholder=" …")  # in one line
    return f"{notebook} failed, {reason}" + (f" (see {failed})" if failed.exists() else "")


def _read(path):
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells  # noqa: B018 -- JSON of another kind has none
    except OSError:
        raise
    except Exception:
        raise ValueError(f"{path} is not a notebook") from None
    return notebook
