"""JupyterLab in a browser, as a person has it: a server, and a notebook that is open there."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request

import nbformat

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# A newcomer's JupyterLab, but for the news that it would ask the internet for.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    }
}

# What a page is asked. `jupyterapp` is JupyterLab itself, where the server lets it be seen.
CURRENT = "const panel = window.jupyterapp?.shell.currentWidget, cells = panel?.content?.widgets;"
OPENED = f"""name => {{
    {CURRENT}
    return panel?.title.label === name && panel.context.isReady
        && panel.sessionContext.session?.kernel?.status === "idle";
}}"""
FINISHED = f"""() => {{
    {CURRENT}
    const code = cells.map(cell => cell.model)
        .filter(model => model.type === "code" && model.sharedModel.source.trim());
    const failed = code.some(model =>
        model.outputs.toJSON().some(output => output.output_type === "error"));
    return panel.sessionContext.session.kernel.status === "idle"
        && code.every(model => model.executionState === "idle")
        && (failed || code.every(model => model.executionCount));
}}"""
# Keeps every text and picture that a cell shows, also what a later one takes the place of.
WATCH = f"""() => {{
    {CURRENT}
    window.shown = [];
    window.drawn = [];
    cells.forEach((cell, place) => cell.model.outputs?.changed.connect((_, change) =>
        change.newValues.forEach(output => {{
            const picture = output.data["image/png"];
            if (picture) window.drawn.push([place, change.newIndex, picture]);
            const keep = () => window.shown.push([place, output.streamText.text]);
            if (output.streamText) {{ keep(); output.streamText.changed.connect(keep); }}
        }})));
}}"""


@contextlib.contextmanager
def server(folder):
    """JupyterLab with `folder` in it, for this machine only: yields its address and its token.

    One's own JupyterLab's settings are neither read nor changed.
    """
    own = folder.with_name(f"{folder.name} of jupyter")
    own.mkdir()
    (own / "overrides.json").write_text(json.dumps(SETTINGS))
    token, log = secrets.token_hex(16), own / "log"
    options = {
        "ServerApp.allow_root": True,  # as CI is
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.open_browser": False,
        "ServerApp.port": 0,  # any that is free
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": token,
        "LabApp.app_settings_dir": own,
        "LabApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--{name}={value}" for name, value in options.items()]
    variables = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    places = {f"JUPYTER_{name}": own for name in variables}
    places |= {f"JUPYTERLAB_{name}_DIR": own / name for name in ("SETTINGS", "WORKSPACES")}
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {name: str(place) for name, place in places.items()},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(own, process, log), token
    finally:
        process.terminate()  # which ends the kernels too
        process.wait(120)


def _address(folder, process, log):
    for _ in range(1800):
        for file in folder.glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):
                address = json.loads(file.read_text())["url"]
                with urllib.request.urlopen(f"{address}api", timeout=5):
                    return address
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


class Notebook:
    """One that is open in a page and has its kernel."""

    def __init__(self, page, address, token, name):
        self.page, self.name = page, name
        page.goto(f"{address}lab/tree/notebooks/{name}?reset&token={token}")
        page.wait_for_function("window.jupyterapp")  # which waits for the widgets' extensions
        page.wait_for_function(OPENED, arg=name)

    def ask(self, what, argument=None):
        """The value of a piece of JavaScript that knows `panel`, `cells` and `argument`."""
        return self.page.evaluate(f"argument => {{ {CURRENT} return {what}; }}", argument)

    def command(self, name, **arguments):
        self.ask("jupyterapp.commands.execute(...argument).then(() => null)", [name, arguments])

    @property
    def cells(self):
        """They and their outputs, as they would be stored now."""
        return nbformat.from_dict(self.ask("panel.content.model.sharedModel.toJSON().cells"))

    def menu(self, name, item):
        self.page.get_by_role("menuitem", name=name, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()

    def run_all(self, timeout):
        """Everything, by the menus; within some seconds.

        Returns:
            the cells; (place of a cell, text) whenever one showed another text; and (place of a
            cell, number of its output, picture) whenever one showed another picture.
        """
        self.menu("Edit", "Clear Outputs of All Cells")
        self.page.evaluate(WATCH)
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(FINISHED, timeout=1000 * timeout, polling=300)
        return self.cells, *map(self.page.evaluate, ("shown", "drawn"))

    def shut_down(self):
        self.ask("panel.sessionContext.shutdown()")

    def write(self, place, source):
        self.ask("cells[argument[0]].model.sharedModel.setSource(argument[1])", [place, source])

    def run(self, place):
        """A cell; returns the text that it prints."""
        self.ask("panel.content.deselectAll()")
        self.ask("panel.content.activeCellIndex = argument", place)
        self.command("notebook:run-cell")
        return "".join(output.get("text", "") for output in self.cells[place].outputs)

    def headings(self):
        """Those in the table of contents."""
        self.command("toc:show-panel")
        shown = self.page.locator(".jp-TableOfContents-tree .jp-tocItem-content")
        shown.first.wait_for()
        return shown.all_inner_texts()

    def theme(self, name):
        self.command("apputils:change-theme", theme=THEMES[name])
        self.page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name", arg=THEMES[name]
        )

    def screenshot(self, place, path):
        """Of a cell's outputs, once its pictures are drawn."""
        self.ask("panel.content.scrollToItem(argument, 'start')", place)
        outputs = self.page.locator(f'[data-windowed-list-index="{place}"] .jp-OutputArea').first
        outputs.locator("img").first.wait_for()
        self.page.wait_for_function(
            "outputs => [...outputs.querySelectorAll('img')].every(img => img.naturalWidth)",
            arg=outputs.element_handle(),
        )
        outputs.screenshot(path=path)
