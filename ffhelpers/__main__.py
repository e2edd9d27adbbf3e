"""The command line: `python -m ffhelpers run | figures | data`."""

import contextlib
import json
import time
from pathlib import Path

import click

from . import records, runs


class BadInput(click.ClickException):
    """One line on standard error and exit status 2, as click itself does it for bad usage."""

    exit_code = 2


@contextlib.contextmanager
def _refused():
    try:
        yield
    except (ValueError, OSError) as error:
        raise BadInput(str(error)) from error


@click.group()
def main():
    """Run the Forward-Forward notebooks, read their figures, fetch their data."""


@main.command()
@click.argument("notebooks", nargs=-1, required=True, metavar="NOTEBOOK...")
@click.option(
    "-p",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter, as often as needed: -p epochs=2 -p widths=500,500",
)
@click.option("-f", "file", metavar="FILE", help="A YAML file of parameters; -p wins over it.")
@click.option(
    "--output",
    metavar="DIR",
    default="runs",
    show_default=True,
    help="Folder for the executed notebooks.",
)
@click.option("--record", metavar="FILE", help="Add each run to this file of JSON lines.")
def run(notebooks, settings, file, output, record):
    """Execute notebooks and print the figures that they record.

    Each is written to DIR under its own name once it is complete; one that fails is kept as
    NAME.failed.ipynb, and the others still run. Parameters are those of the notebook's cell
    tagged "parameters", and apply to every notebook given.

    Exit status: 0, 1 if a notebook failed, 2 if a parameter or a file was refused.
    """
    with _refused():
        if len({Path(notebook).name for notebook in notebooks}) < len(notebooks):
            raise ValueError("two notebooks of the same name would overwrite each other's output")
        parameters = [runs.parse_parameters(notebook, settings, file) for notebook in notebooks]
        if record:
            records.check_writable(record)

    table = []
    for notebook, values in zip(notebooks, parameters, strict=True):
        start = time.perf_counter()
        try:
            with _refused():
                executed = runs.run(notebook, values, output)
            figures = _recorded(executed)
            lines = runs.figures_text(figures).splitlines() or ["no figures recorded"]
            if record:
                _append(record, notebook, values, figures, time.perf_counter() - start)
            click.echo("\n  ".join([str(executed), *lines]))
        except runs.RunError as error:
            lines = ["failed"]
            click.echo(f"Error: {error}", err=True)
        table.append((Path(notebook).name, time.perf_counter() - start, lines[0]))

    if len(table) > 1:
        width = max(len(name) for name, _, _ in table)
        click.echo(f"\n{'notebook':{width}}  seconds  figure")
        for name, seconds, headline in table:
            click.echo(f"{name:{width}}  {seconds:7.1f}  {headline}")
    if any(headline == "failed" for _, _, headline in table):
        raise SystemExit(1)


def _append(path, notebook, values, figures, seconds):
    defaults = {name: known.default for name, known in runs.parameters(notebook).items()}
    records.append(
        path,
        command=records.command(),
        notebook=Path(notebook).as_posix(),
        parameters=defaults | values,
        figures=figures,
        seconds=round(seconds, 1),
    )


def _recorded(executed):
    try:
        return runs.figures(executed)
    except ValueError:
        return {}


@main.command()
@click.argument("executed", metavar="EXECUTED.ipynb")
def figures(executed):
    """Print the figures that an executed notebook recorded, as JSON."""
    with _refused():
        found = runs.figures(executed)
    click.echo(json.dumps(found, indent=2))


@main.command()
@click.argument("name")
def data(name):
    """Fetch a data set (or find it on this machine), verify it, and say where it is.

    NAME is that of a data set, such as mnist, or the path of an .npz file.
    """
    from .data import load

    with _refused():
        loaded = load(name)
    images = "x".join(str(size) for size in loaded.x_test.shape[1:])
    click.echo(f"{name}: {loaded.source}")
    click.echo(
        f"{len(loaded.x_train)} training, {len(loaded.x_val)} validation and "
        f"{len(loaded.x_test)} test images of {images} in {loaded.num_classes} classes"
    )


if __name__ == "__main__":
    main(prog_name="python -m ffhelpers")
