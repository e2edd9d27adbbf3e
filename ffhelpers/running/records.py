"""Recorded runs, with all that is needed to run them again.

A record is a dict of JSON's types. An executed notebook carries its own; files of JSON lines
collect them. The project's own are in `results`, named as the notebooks are.
"""

import contextlib
import datetime
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from .. import machine
from ..parameters import shown
from . import ask
from .figures import within

PROJECT = Path(__file__).parents[2]


def describe(**record):
    """A record of what just ran, `record`, with where and when: versions, processor, date."""
    now = datetime.datetime.now(datetime.timezone.utc)
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
            if found and within(notebook) not in ({}, found[0]["figures"]):
                # Another program ran it again, and left the record of the earlier run in it.
                warnings.warn(
                    f"{path} is left out: its figures are not those of its record", stacklevel=2
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
    code = [":(glob)ffhelpers/**/*.py", "ffhelpers/*.js", ":(glob)notebooks/*.ipynb", "benchmarks"]
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
