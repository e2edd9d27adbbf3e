"""Chromium, and pages of which nothing may go wrong."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import lab
import numpy as np
import playwright.sync_api
import pytest
from exercises import FOLDER

from ffhelpers.running import badges

HERE = ("http://localhost:", "http://127.0.0.1:", "file:", "data:", "blob:")
BADGES = tuple(picture for picture, _ in badges.BADGES.values())  # that a lesson may show
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.exit(
            f"none of {', '.join(NAMES)} is there: install one, as by apt install chromium", 1
        )
    with playwright.sync_api.sync_playwright() as started:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=found, args=root)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """Opens pages. Afterwards none of them has logged an error or asked anything of the internet."""
    troubles, contexts = [], []

    def logged(message):
        if message.type == "error":
            troubles.append(f"{message.text} ({message.location.get('url')})")

    def asked(request):
        if not request.url.startswith((*HERE, *BADGES)):
            troubles.append(f"asked for {request.url}")

    def new(**options):
        context = chromium.new_context(**options)
        context.set_default_timeout(120_000)  # machines may be slow
        blank = {
            "content_type": "image/svg+xml",
            "body": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        }
        context.route(lambda url: url in BADGES, lambda route: route.fulfill(**blank))
        contexts.append(context)
        page = context.new_page()
        page.on("console", logged)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", asked)
        return page

    yield new
    for context in contexts:
        context.close()
    assert troubles == []


@contextlib.contextmanager
def served():
    """JupyterLab on a copy of the notebooks, beside the page to which they link.

    Yields the copy's folder, the server's address and its token.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(FOLDER, Path(place, "lab", "notebooks"))
        shutil.copy(FOLDER.parent / "results.md", folder.parent)
        with lab.server(folder.parent) as (address, token):
            yield str(folder), address, token


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """One JupyterLab for all workers of xdist: the process that starts them starts it."""
    config = node.config
    if not hasattr(config, "served"):
        started = contextlib.ExitStack()
        config.add_cleanup(started.close)
        config.served = started.enter_context(served())
    node.workerinput["served"] = config.served


@pytest.fixture(scope="session")
def server(pytestconfig):
    of_all = getattr(pytestconfig, "workerinput", {}).get("served")
    with contextlib.nullcontext(of_all) if of_all else served() as found:
        yield found


@pytest.fixture
def open_notebook(server, new_page):
    """Opens a notebook, in a copy of its own. Its kernel ends with the test."""
    opened = []
    folder, address, token = server

    def new(path):
        page = new_page(viewport={"width": 1400, "height": 1000})
        with tempfile.NamedTemporaryFile(
            dir=folder, prefix=f"{path.stem}-", suffix=".ipynb", delete=False
        ) as copy:
            copy.write(path.read_bytes())
        opened.append(lab.Notebook(page, address, token, Path(copy.name).name))
        return opened[-1]

    yield new
    for notebook in opened:
        notebook.shut_down()


@pytest.fixture(scope="session")
def few_digits(mnist, tmp_path_factory):
    """A file with so few of MNIST's images that a notebook is through with them in seconds."""
    path = tmp_path_factory.mktemp("few") / "digits.npz"
    train = {"x_train": mnist.x_train[:1500], "y_train": mnist.y_train[:1500]}
    np.savez_compressed(path, **train, x_test=mnist.x_test[:600], y_test=mnist.y_test[:600])
    return path
