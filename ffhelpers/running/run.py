"""Running a notebook with other parameters."""

import contextlib
import json
import logging
import os
import tempfile
import textwrap
import time
from pathlib import Path

from .. import machine
from . import ask, figures, records

# papermill and nbformat take a second or two to import: only the functions that need them do.


class RunError(RuntimeError):
    """A notebook was started and did not come to its end."""


def run(notebook, parameters, output_dir, name=None, command=None, bar=None):
    """Execute a notebook with `parameters` (name → value).

    The executed notebook appears only once it is complete: a run that fails or is interrupted
    leaves an earlier one as it was. A failed run is kept beside it as `<name>.failed.ipynb`;
    one that a cell ends by `sys.exit()` counts as complete, as papermill has it.
    Cells run in the caller's working folder. Its record, for `records.read`, is in its metadata:
    command, notebook, parameters, figures, seconds, code, and where and when it ran.

    Args:
        notebook: its path.
        parameters: those that are not to be the notebook's defaults.
        output_dir: where the executed notebook belongs; made if need be.
        name: its name there, by default the notebook's own.
        command: what makes this run, for the record; by default this process's command line.
        bar: arguments of the tqdm bar that counts the cells; by default there is one where
            standard error is a terminal.

    Returns:
        The path of the executed notebook.

    Raises:
        ParameterError, ValueError, OSError: before a kernel starts, what `parse_parameters` and
            `prepared` raise.
        RunError: the run fails.

    Example:
        `run("notebooks/04_evaluation.ipynb", {"epochs": 2}, "runs")`
    """
    notebook = Path(notebook)
    parameters = ask.typed_parameters(notebook, parameters)
    complete = prepared(notebook, output_dir, name)
    failed = complete.with_suffix(".failed.ipynb")
    aside = f".unfinished-{complete.stem}-"
    with tempfile.TemporaryDirectory(prefix=aside, dir=complete.parent) as folder:
        about = _about(notebook, parameters, command)  # as it is now: it may change meanwhile
        unfinished, start = Path(folder, notebook.name), time.perf_counter()
        left = None
        try:
            _execute(notebook, unfinished, parameters, bar)
            seconds = round(time.perf_counter() - start, 1)
            _keep_record(unfinished, about, seconds)
        except Exception as error:  # a cell's, a kernel that died, a kernel that does not exist
            with contextlib.suppress(OSError, ValueError):  # a full disk leaves a part of it
                json.loads(unfinished.read_bytes())
                left = unfinished.replace(failed)
            raise RunError(_failure(notebook, error, left)) from error
        unfinished.replace(complete)
    failed.unlink(missing_ok=True)
    return complete


def prepared(notebook, folder, name=None):
    """Where an executed notebook belongs; its folder is made if need be.

    Args:
        notebook, name: as for `run`.
        folder: its `output_dir`.

    Raises:
        OSError: it cannot be made.
        ValueError: the output would replace the notebook itself, or a file that is no run; it
            would have a name that is not read as a run's, or that files in UTF-8 cannot hold.
    """
    folder = Path(folder)
    complete = folder / (name or Path(notebook).name)
    for path in (notebook, complete):
        ask.in_utf8(str(path))
    if not records.counts(Path(complete.name)):
        raise ValueError(
            f"{complete}: expected a name that ends in .ipynb, but not in .failed.ipynb, and "
            "begins without a dot"
        )
    # `Path.resolve` has an error of its own for links in a circle.
    own = {os.path.realpath(Path(notebook).parent), os.path.dirname(os.path.realpath(notebook))}
    if os.path.realpath(folder) in own:
        raise ValueError(f"the output folder {folder} is the notebook's own: expected another")
    folder.mkdir(parents=True, exist_ok=True)
    if complete.exists() and not _is_run(complete):
        raise ValueError(
            f"{complete} is there and is no run: expected another output folder, or that it is deleted"
        )
    return complete


def _is_run(path):
    """Whether `run`, or papermill, made it: then it can be made again."""
    try:
        return bool({"ffhelpers", "papermill"} & json.loads(path.read_bytes())["metadata"].keys())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _about(notebook, values, command):
    """What a record says of a run that is about to start."""
    defaults = {name: known.default for name, known in ask.parameters(notebook).items()}
    return dict(
        command=command or records.command(),
        notebook=notebook.as_posix(),
        parameters=defaults | values,
        code=records.code(notebook),
        commit=records.commit(notebook),
    )


def _keep_record(executed, about, seconds):
    import nbformat

    content = figures.read_notebook(executed)
    content.metadata["ffhelpers"] = records.line(
        records.describe(**about, figures=figures.within(content), seconds=seconds)
    )
    nbformat.write(content, executed)


def _execute(notebook, output, parameters, bar):
    import nbformat
    import papermill

    # Nothing but the bar on standard error: neither papermill's warnings nor the kernel's.
    logging.getLogger("papermill").addHandler(logging.NullHandler())
    content = figures.read_notebook(notebook)
    named = content.metadata.get("kernelspec", {}).get("name")
    ours = {} if named else {"kernel_name": "python3", "language": "python"}
    if injected := [
        c for c in content.cells if "injected-parameters" in c.metadata.get("tags", [])
    ]:
        # An executed notebook still has the parameters of its run, which papermill would leave
        # where it has none to put in their place.
        content.cells = [cell for cell in content.cells if cell not in injected]
        notebook = output.with_name(f"without-{output.name}")
        nbformat.write(content, notebook)
    for attempt in range(STARTS):
        try:
            with _hidden_from_kernels():
                papermill.execute_notebook(
                    _as_written(notebook),
                    _as_written(output),
                    parameters,
                    progress_bar=bar or False,
                    extra_arguments=["--log-level=CRITICAL"],
                    **ours,
                )
            return
        except RuntimeError as error:
            if "before replying" not in str(error) or attempt == STARTS - 1:
                raise


def _as_written(path):
    """For papermill, which puts parameters in the place of names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


# How often a kernel that dies before it is there is started: two that start at once may have picked
# the same port.
STARTS = 3

# Nobody watches these kernels. And a backend that was chosen for scripts, such as Agg, would keep
# a kernel from showing its pictures: without one it takes its own. So with what else changes what
# is shown, or which library computes it.
_HIDDEN = (*machine.SESSION_MARKS, "MPLBACKEND", "MATPLOTLIBRC", "KERAS_BACKEND")
_HIDDEN += ("TF_CPP_MIN_LOG_LEVEL", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


@contextlib.contextmanager
def _hidden_from_kernels():
    hidden = {name: os.environ.pop(name) for name in _HIDDEN if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _failure(notebook, error, failed):
    from papermill.exceptions import PapermillExecutionError

    if not isinstance(error, PapermillExecutionError):
        reason = f"{type(error).__name__}: {error}"
    elif error.ename == "ParameterError":
        return error.evalue
    else:
        reason = f"{error.ename} in cell {error.exec_count}: {error.evalue}"
    reason = textwrap.shorten(reason, 300, placeholder=" …")  # in one line
    return f"{notebook} failed, {reason}" + (f" (see {failed})" if failed else "")
