"""What tests write into a folder of theirs, and how they wait for what processes write there."""

import io
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
KERNEL = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
# The beginning of a program, or of a cell, that needs no TensorFlow, whose import takes seconds.
QUICKLY = "import sys; sys.argv, sys.orig_argv = ['-m'], ['ffhelpers']\n"


def save(path, *cells, parameters=None, metadata=KERNEL):
    """A notebook of code cells, the first of them tagged `parameters` if it is given: its path."""
    notebook = nbformat.v4.new_notebook(metadata=metadata)
    if parameters is not None:
        tags = {"tags": ["parameters"]}
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata=tags))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, path)
    return path


def copied(folder):
    """The repository's files, copied into a folder, without what Git ignores: their names."""
    if not shutil.which("git"):
        pytest.skip("no git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a clone")
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return names


def tar_of(files):
    """A packed archive of name → content, as bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def until(condition, seconds=120):
    """Wait until it holds; fail where that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)
