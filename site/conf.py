"""The site: README, results and notebooks as they are stored, and the docstrings. `make book`."""

import importlib.resources
import inspect
import re
import shutil
import sys
from pathlib import Path

import ffhelpers
from ffhelpers import ngrams, playground, text

project = "Forward-Forward, notebook by notebook"
author = project
copyright = "its authors"

# The repository is the source: what its pages link to each other is linked on the site too.
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "notebooks/*.ipynb", "site/*.md"]
exclude_patterns = [".*", "runs"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
extensions += ["sphinx.ext.githubpages"]  # whose pages leave out _static without its .nojekyll

nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
suppress_warnings = [
    "myst.header",  # a cell may begin with a heading of any depth
    "mystnb.unknown_mime_type",  # the recorded figures, which are there as text too
]

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # Keras's
autodoc_typehints = "none"
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "show-inheritance": True}
default_role = "code"  # the docstrings' `x`

html_theme = "sphinx_book_theme"
html_title = project
html_theme_options = {
    "navbar_persistent": [],  # one field to search in is enough
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
}
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_show_copyright = False
html_use_index = html_domain_indices = False  # the search does it
# In one file, so that equations need no network, nor a server.
mathjax = importlib.resources.files("mathjax") / "static" / "mathjax" / "es5" / "tex-svg-full.js"
html_static_path = [str(mathjax), "style.css", playground.NETWORKS.name]
html_css_files = ["style.css"]
html_show_search_summary = False  # it asks a server for the pages found
mathjax_path = mathjax.name


# What of the package a reader looks for first.
FIRST = ["data", "text", "model", "recurrent", "layers", "convolutions", "local", "goodness"]
FIRST += ["losses", "sources", "unlabelled", "negatives", "labels", "phases", "augmentation"]


CONTENTS = """

```{{toctree}}
:hidden:
:glob:
:caption: Lessons

notebooks/*
```

```{{toctree}}
:hidden:
:caption: More

{}
```
"""
PLAYGROUND = """## Draw a digit

Two trained networks that run in this page, a dense one ([lesson 04](notebooks/04_evaluation.ipynb)) and
a convolutional one ([lesson 06](notebooks/06_convolutions.ipynb)). Draw, and watch what each layer
thinks of the ten labels; [lesson 12](notebooks/12_playground.ipynb) tells what there is to see.

`````{{raw}} html
{markup}`````

"""
MORE = ["results", "docs/using", "site/api", "CONTRIBUTING", "CHANGELOG"]


# What the pages also name, beside `ffhelpers.__all__`.
ALSO = [ngrams.NGrams, text.windows, text.one_hot, text.roll_out]


def api():
    """Directives for all that `ffhelpers` offers, a section for each of its files."""
    files = {}
    offered = [(name, getattr(ffhelpers, name)) for name in ffhelpers.__all__]
    offered += [(f"{each.__module__}.{each.__name__}", each) for each in ALSO]
    for name, thing in offered:
        if inspect.ismodule(thing):
            file, line = thing, f".. automodule:: {thing.__name__}"
        else:
            kind = "class" if inspect.isclass(thing) else "function"
            file, line = sys.modules[thing.__module__], f".. auto{kind}:: {name}"
        files.setdefault(file, []).append(line)
    first = [sys.modules[f"ffhelpers.{name}"] for name in FIRST]
    rest = sorted(files.keys() - {*first}, key=lambda file: file.__name__)
    for file in first + rest:
        directives = "\n\n".join(files[file])
        yield f"## {file.__name__}\n\n{inspect.getdoc(file)}\n\n"
        yield f"```{{eval-rst}}\n.. currentmodule:: ffhelpers\n\n{directives}\n```\n\n"


def add(app, name, source):
    """The contents, which the README need not show, a digit to draw, and the docstrings.

    A link to a heading is `#The-loss,-again` in JupyterLab, and `#the-loss-again` here.
    """
    if name == root_doc:
        source[0] += CONTENTS.format(
            "\n".join(page for page in MORE if Path(app.env.doc2path(page)).exists())
        )
    if name == "site/api":
        source[0] += "".join(api())
    # Badges are pictures from elsewhere: here their words link there.
    source[0] = re.sub(r"\[!\[([\w ]+)\]\(https://[^)]*\)\]", r"[\1]", source[0])
    source[0] = re.sub(r"\]\(([\w/.]*)#([^()\s\"\\]+)\)", as_here, source[0])
    if name == root_doc:
        drawn = PLAYGROUND.format(markup=playground.markup(f"_static/{playground.NETWORKS.name}"))
        source[0] = source[0].replace("## Start\n", f"{drawn}## Start\n", 1)


def as_here(link):
    place = re.sub(r"[^\w-]", "", link[2]).lower()
    return f"]({link[1]}#{place})"


def name_front_page(app, error):
    """`index.html`, where servers and people look for it."""
    if not error:
        shutil.copy(Path(app.outdir) / f"{root_doc}.html", Path(app.outdir) / "index.html")


def setup(app):
    app.connect("source-read", add)
    app.connect("build-finished", name_front_page)
