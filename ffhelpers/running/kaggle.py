"""The notebooks as Kaggle's own command line uploads them, https://github.com/Kaggle/kaggle-api."""

import json
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..parameters import shown
from . import ask

MNIST = "hojjatk/mnist-dataset"  # whose files Kaggle unpacks into folders of their names


def write(folder, owner, root="."):
    """Write a folder that is ready for Kaggle: the repository as a data set, and each notebook.

    Args:
        folder: where; an earlier one is replaced once the new one is complete.
        owner: name of an account on Kaggle.
        root: the repository, a clone.

    Returns:
        The commands that upload it, in their order, and what to heed between them.

    Raises:
        ValueError: the owner is no account's name, the root is no clone, the folder is not one
            that this wrote.

    Example:
        `write("runs/kaggle", "me")`
    """
    folder, root = Path(folder), Path(root)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{2,49}", owner):
        raise ValueError(
            f"owner={shown(owner)}: expected the name of an account on Kaggle, such as 'me-2'"
        )
    if folder.exists() and not (folder / "package" / "dataset-metadata.json").is_file():
        raise ValueError(
            f"{folder} is there already and was not written for Kaggle: expected another folder"
        )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode or "ffhelpers/__init__.py" not in listed.stdout.split("\0"):
        raise ValueError(
            f"{root.resolve()} is no clone of the repository: expected to be called in one"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kaggle-", dir=folder.parent) as aside:
        commands = _write(Path(aside, "new"), owner, root, listed.stdout.split("\0"))
        if folder.exists():
            folder.rename(Path(aside, "old"))
        Path(aside, "new").rename(folder)
    return [command.format(folder=shlex.quote(str(folder))) for command in commands]


def _write(folder, owner, root, files):
    slug = "forward-forward"
    for name in filter(lambda name: name and (root / name).is_file(), files):
        (folder / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / "package" / name)
    _json(
        folder / "package" / "dataset-metadata.json",
        title="Forward-Forward, notebook by notebook",
        id=f"{owner}/{slug}",
        licenses=[{"name": "other"}],  # Kaggle's list has no MIT
        description="The package that the notebooks import, and what they recorded. MIT licence.",
    )
    commands = [
        "kaggle datasets create -p {folder}/package --dir-mode zip",
        "# later: kaggle datasets version -p {folder}/package --dir-mode zip -m 'what is new'",
        f"# wait until it is ready: kaggle datasets status {owner}/{slug}",
        "# then a kernel at a time: Kaggle runs only a few with a GPU at once",
    ]
    for notebook in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        here = folder / notebook.stem
        here.mkdir()
        shutil.copy(notebook, here)
        # Kaggle makes the slug of the title: small letters, a dash for each space.
        title = f"{slug} {notebook.stem.replace('_', ' ')}".capitalize()
        images = "dataset" in ask.parameters(notebook)
        _json(
            here / "kernel-metadata.json",
            id=f"{owner}/{title.lower().replace(' ', '-')}",
            title=title,
            code_file=notebook.name,
            language="python",
            kernel_type="notebook",
            is_private=True,
            enable_gpu=True,
            enable_internet=False,
            dataset_sources=[f"{owner}/{slug}"] + [MNIST] * images,
            competition_sources=[],
            kernel_sources=[],
            model_sources=[],
        )
        commands.append(f"kaggle kernels push -p {{folder}}/{notebook.stem}")
    return commands


def _json(path, **content):
    path.write_text(json.dumps(content, indent=2) + "\n")
