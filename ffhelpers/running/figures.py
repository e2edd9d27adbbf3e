"""Figures that a run leaves behind: kept in the notebook, read back from it, shown to people."""

import math
import os

import numpy as np

# nbformat takes half a second to import: only the functions that need it do.

MIME = "application/vnd.ffhelpers.figures+json"


def record(**figures):
    """Show `figures` and keep them with the run, in the output of the notebook's cell.

    Outside IPython they are only printed.

    Args:
        figures: finite numbers (NumPy's scalars too), bools, strings, and lists and dicts of
            these. Errors and other fractions are given as fractions: 0.021 is kept and shown as
            2.1 %.

    Raises:
        TypeError: a value of another type.
        ValueError: one that is not finite: a NaN has no place in JSON nor among figures, and
            usually says that the training diverged.

    Example:
        `ff.record(test_error=0.021, train_seconds=18.6)`
    """
    from IPython import get_ipython
    from IPython.display import display

    figures = {name: _plain(name, value) for name, value in figures.items()}
    text = as_text(figures)
    if get_ipython() is None:
        print(text)
    else:  # in pairs, because notebooks are saved with the keys of objects sorted
        display({MIME: list(figures.items()), "text/plain": text}, raw=True)


def figures(path):
    """The figures that an executed notebook recorded, as a dict in the order of the notebook.

    It does not matter who ran it (papermill, JupyterLab, Kaggle). Where a name was recorded more
    than once, the last value counts.

    Raises:
        OSError: a file that cannot be read.
        ValueError: one that is not a notebook or holds no figures.

    Example:
        `ff.figures("runs/04_evaluation.ipynb")["test_error"]`
    """
    found = within(read_notebook(path))
    if not found:
        raise ValueError(
            f"{path} holds no figures: expected a notebook that was run and calls ffhelpers.record"
        )
    return found


def within(notebook):
    """The figures in a notebook that was read already; an empty dict if there are none.

    Args:
        notebook: nbformat's object, or the JSON of one as Python reads it.
    """
    found = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            found.update(output.get("data", {}).get(MIME, []))
    return found


def read_notebook(path):
    """A notebook as nbformat's object; `ValueError` for a file that is none."""
    import nbformat

    try:
        notebook = nbformat.read(os.path.expanduser(path), as_version=4)
        notebook.cells  # noqa: B018 -- JSON of another kind has none
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    except Exception:
        raise ValueError(
            f"{path} is not a notebook: expected a file as Jupyter writes it"
        ) from None
    return notebook


def as_text(figures):
    """`figures` for people, a line each: `test error 2.1 %`."""
    return "\n".join(
        f"{name.replace('_', ' ')} {shown(name, value)}" for name, value in figures.items()
    )


def is_fraction(name):
    """Whether a figure of this name is a fraction, which people read in percent."""
    return name.endswith(("error", "errors", "accuracy", "fraction"))


def shown(name, value):
    """The value of a figure for people: `2.1 %` for an error of 0.021."""
    if isinstance(value, list):
        return ", ".join(shown(name, element) for element in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {shown(name, element)}" for key, element in value.items())
    if isinstance(value, bool | str):
        return str(value)
    if is_fraction(name):
        return f"{round(100 * value, 2):.5g} %"
    if name.endswith("_seconds"):
        return f"{value:.1f} s"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(name, value):
    """`value` in the types that JSON knows."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"figure {name}={value}: expected a finite number")
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(f"{name}[{i}]", element) for i, element in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(f"{name}[{key!r}]", element) for key, element in value.items()}
    raise TypeError(
        f"figure {name} of type {type(value).__name__}: expected a number, a bool, a string, "
        "or a list or dict (with strings as keys) of these; float(x) or x.tolist() may help"
    )


def away(figure, mean, low, high):
    """A difference and its interval in words; an error's in points."""
    points = is_fraction(figure)
    mean, low, high = (f"{100 * v:+.2f}" if points else f"{v:+.4g}" for v in (mean, low, high))
    if mean == "+nan":
        return ""
    return mean if low == "+nan" else f"{mean} ({low} to {high})"
