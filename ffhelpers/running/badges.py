"""Badges that open the lessons on Colab, Binder and Kaggle, once the repository has an address.

The address is one line in pyproject.toml:

    [project.urls]
    Repository = "https://github.com/OWNER/NAME"

`make badges` puts what follows from it under the titles of the README and of the notebooks, and into
the cell that finds `ffhelpers`, which then fetches it. Without an address it takes all that out.
"""

import re

import nbformat

from . import records

FETCH = """\
if importlib.util.find_spec("ffhelpers") is None and (
    kaggle.is_dir() or "google.colab" in sys.modules
):
    repository = "{address}"
    get_ipython().system(f"git clone -q --depth 1 {{repository}}")
    sys.path.append(str(Path.cwd() / "{name}"))
"""
SAYS_WHAT_TO_DO = 'if importlib.util.find_spec("ffhelpers") is None:\n    sys.exit('
BADGES = {
    "Open in Colab": (
        "https://colab.research.google.com/assets/colab-badge.svg",
        "https://colab.research.google.com/github/{repository}/blob/main/{path}",
    ),
    "Launch Binder": (
        "https://mybinder.org/badge_logo.svg",
        "https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/{path}",
    ),
    "Open in Kaggle": (
        "https://kaggle.com/static/images/open-in-kaggle.svg",
        "https://kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/main/{path}",
    ),
}
LINE = re.compile(rf"^\[!\[{next(iter(BADGES))}\].*\n\n?", re.M)


def main(root=records.PROJECT):
    """Bring the README and the notebooks up to the address; each file is named that changes.

    Raises:
        ValueError: an address of another form.
    """
    for path, new in changed(root):
        path.write_text(new, encoding="utf-8")
        print(f"{path.relative_to(root)}: written")


def changed(root):
    """Pairs of a path, and its text as it should be, of the files that are otherwise."""
    repository = _repository((root / "pyproject.toml").read_text(encoding="utf-8"))
    readme = root / "README.md"
    texts = {
        readme: _titled(readme.read_text("utf-8"), repository, "notebooks/00_start_here.ipynb")
    }
    for path in sorted(
        [*root.glob("notebooks/*.ipynb"), *root.glob("notebooks/template/*.ipynb")]
    ):
        notebook = nbformat.read(path, as_version=4)
        title, finds = notebook.cells[0], next(c for c in notebook.cells if c.cell_type == "code")
        title.source = _titled(title.source, repository, path.relative_to(root).as_posix())
        finds.source = _fetching(finds.source, repository)
        texts[path] = nbformat.writes(notebook) + "\n"
    return [(path, new) for path, new in texts.items() if new != path.read_text("utf-8")]


def _repository(pyproject):
    """OWNER/NAME; None where no address is set."""
    address = re.search(r'^Repository = "(.*)"', pyproject, re.M)
    if not address:
        return None
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)", address[1])
    if not found or found[1].endswith(".git"):
        raise ValueError(f"Repository = {address[1]!r}: expected https://github.com/OWNER/NAME")
    return found[1]


def _titled(text, repository, path):
    """With the badges below its first line, or without."""
    title, _, rest = LINE.sub("", text, count=1).partition("\n\n")
    if not repository:
        return f"{title}\n\n{rest}"
    badges = (
        f"[![{says}]({picture})]({link.format(repository=repository, path=path)})"
        for says, (picture, link) in BADGES.items()
    )
    return f"{title}\n\n{' '.join(badges)}\n\n{rest}"


def _fetching(source, repository):
    """The cell that finds the package, with the lines that fetch it, or without."""
    before, rest = source.split(SAYS_WHAT_TO_DO)
    before = re.sub(
        r"^if [^\n]*\(\n[^\n]*colab[^\n]*\n\):\n(    [^\n]*\n)*", "", before, flags=re.M
    )
    if repository:
        address, name = f"https://github.com/{repository}", repository.partition("/")[2]
        before += FETCH.format(address=address, name=name)
    return before + SAYS_WHAT_TO_DO + rest


if __name__ == "__main__":
    main()
