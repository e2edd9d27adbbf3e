"""The command line: `python -m ffhelpers run | sweep | table | figures | data | kaggle`."""

import contextlib
import functools
import html
import json
import logging
import math
import os
import sys
import time
import warnings
from pathlib import Path

import click
from tqdm import tqdm

from . import machine
from .running import ask, processes, records, sweeps, tables
from .running import figures as kept
from .running.run import prepared


class BadInput(click.ClickException):
    """One line on standard error and exit status 2, as click itself does it for bad usage."""

    exit_code = 2


class Place(click.ParamType):
    """A path. Shells leave the ~ in `--output=~/runs` as it is."""

    name = "path"

    def convert(self, value, param, ctx):
        return os.path.expanduser(value)


def _output(said, **settings):
    return click.option("--output", type=Place(), metavar="DIR", help=said, **settings)


_record = click.option(
    "--record", type=Place(), metavar="FILE", help="Add each run to this file of JSON lines."
)


@contextlib.contextmanager
def _refused():
    try:
        yield
    except (ValueError, OSError) as error:
        raise BadInput(str(error)) from error


@click.group()
def main():
    """Run the Forward-Forward notebooks, read their figures, fetch their data."""
    warnings.formatwarning = lambda message, *_: f"{message}\n"
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: the file that is opened next would take its place
            setattr(sys, name, open(os.devnull, "w"))
    with contextlib.suppress(AttributeError):  # not of the usual kind
        sys.stdout.reconfigure(errors="backslashreplace")  # figures are text of any alphabet


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
@_output("Folder for the executed notebooks.", default="runs", show_default=True)
@_record
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Notebooks at once, with a share of the cores each.",
)
def run(notebooks, settings, file, output, record, jobs):
    """Execute notebooks and print the figures that they record.

    Each is written to DIR under its own name once it is complete; one that fails is kept as
    NAME.failed.ipynb, and the others still run. Parameters are those of the notebook's cell
    tagged "parameters", and apply to every notebook given.

    Exit status: 0, 1 if a notebook failed, 2 if a parameter or a file was refused.
    """
    with _refused():
        if len({Path(notebook).name for notebook in notebooks}) < len(notebooks):
            raise ValueError(
                f"{notebooks[-1]} or another has the same name as a notebook before it: expected "
                "different ones, as they would overwrite each other's output"
            )
        parameters = [ask.parse_parameters(notebook, settings, file) for notebook in notebooks]
        for notebook in notebooks:
            prepared(notebook, output)
        if record:
            records.check_writable(record)
        command = records.command()

    todo = [
        processes.Run(name, values, output, Path(name).name, command, os.getcwd())
        for name, values in zip(notebooks, parameters, strict=True)
    ]
    seconds, headlines = {}, {}

    def make(one):
        start = time.perf_counter()
        try:
            _execute_with_a_bar(one)
        finally:
            seconds[one.name] = time.perf_counter() - start

    with processes.local(min(jobs, len(todo))) as executor:
        for one, error in processes.each(executor, make, todo):
            if error:
                tqdm.write(f"Error: {error}", file=sys.stderr)
                headlines[one.name] = "failed"
                continue
            (made,) = records.read(one.path)
            if record:
                records.append(record, made)
            lines = kept.as_text(made["figures"]).splitlines() or ["no figures recorded"]
            tqdm.write("\n  ".join([str(Path(one.folder, one.name)), *lines]))
            headlines[one.name] = lines[0]

    if len(todo) > 1:
        width = max(map(len, headlines))
        click.echo(f"\n{'notebook':{width}}  seconds  figure")
        for one in todo:
            click.echo(f"{one.name:{width}}  {seconds[one.name]:7.1f}  {headlines[one.name]}")
    if "failed" in headlines.values():
        raise SystemExit(1)


def _execute_with_a_bar(run):
    """Make a run; where standard error is a terminal, a bar says how far it is."""
    with tqdm(desc=run.name, unit="cell", leave=False, disable=None) as bar:

        def watch(done, of):
            bar.n, bar.total = done, of
            bar.refresh()

        processes.execute(run, watch=watch)


@main.command()
@click.argument("notebook")
@click.option(
    "-p",
    "settings",
    multiple=True,
    metavar="NAME=VALUE,...",
    help="The values of a parameter, as often as needed: -p seed=0,1,2 -p theta=0.5,1,2",
)
@click.option(
    "-f",
    "file",
    metavar="FILE",
    help="A YAML file of values, or a list of grids; -p wins over it.",
)
@_output("Folder for the executed notebooks.", required=True)
@_record
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    help="Runs at once, with a share of the cores each; by default one on each core.",
)
@click.option(
    "--limit-seconds",
    type=click.IntRange(1),
    help="A longer run fails.",
)
@click.option(
    "--dask", metavar="ADDRESS", help="Run on a Dask cluster: tcp://HOST:PORT or a scheduler file."
)
@click.option("--dry-run", is_flag=True, help="Only list the runs.")
def sweep(notebook, settings, file, output, record, jobs, limit_seconds, dask, dry_run):
    """Execute a notebook under every combination of parameters.

    Each run is written to DIR once it is complete; called again, only what is missing runs. One
    that fails is kept as NAME.failed.ipynb, and the others still run. A list is one value, as in
    widths=500,500; several are widths=[500,500],[1000].

    Exit status: 0, 1 if a run failed, 2 if a parameter or a file was refused.
    """
    with _refused():
        todo = sweeps.grid(notebook, settings, file, output)
    if dry_run:
        for run in todo:
            click.echo(f"{'made' if run.path.exists() else 'missing'}  {_names(run)}")
        return
    with _refused():
        if record:
            records.check_writable(record)
        prepared(notebook, output, todo[0].name)
    made = [run for run in todo if run.path.exists()]
    there = {run.path for run in made}  # asked once: another sweep may be making them
    missing = [run for run in todo if run.path not in there]
    if made:
        click.echo(f"{len(made)} of {len(todo)} runs are in {output} already")
    with _refused():
        found = {run.path: records.read(run.path) for run in made}
        for path, own in found.items():
            if len(own) != 1:
                raise ValueError(f"{path} is there and is no run: expected it to be deleted")
        made = [(run, *found[run.path]) for run in made]
        others = list(sweeps.made_by_other_code(made))
    if others:
        click.echo(
            f"Warning: another version of {notebook} or of ffhelpers made {len(others)} of them, "
            f"such as {others[0].path}: delete them, or take another --output, to run them again",
            err=True,
        )
    _keep([one for _, one in made], output, record)

    with _executor(dask, jobs, len(missing), output) as (executor, at_once):
        failed = 0

        def state(done):
            return f"{min(at_once, len(missing) - done)} running, {failed} failed"

        # A bar for people; the lines above it also for log files.
        bar = tqdm(total=len(missing), desc=Path(notebook).name, postfix=state(0), disable=None)
        with bar:
            make = functools.partial(sweeps.make, limit_seconds=limit_seconds)
            for done, (run, error) in enumerate(processes.each(executor, make, missing), 1):
                if not error and not run.path.exists():  # by a worker that came later
                    error = f"it was made, but is not in {output} here: share that folder"
                failed += error is not None
                if error:
                    tqdm.write(f"failed: {_names(run)}: {error}", file=sys.stderr)
                else:
                    found = records.read(run.path)
                    _keep(found, output, record)
                    figures = kept.as_text(found[0]["figures"])
                    tqdm.write(f"{_names(run)}: {figures.splitlines()[0] if figures else 'done'}")
                bar.set_postfix_str(state(done), refresh=False)
                bar.update()
    if failed:
        raise SystemExit(1)


def _names(run):
    settings = [f"{name}={value}" for name, value in run.changed.items()]
    return f"{run.name} ({' '.join(settings) or 'defaults'})"


def _keep(found, folder, file):
    """Give a file of records, if there is to be one, those of a folder's runs that it has not."""
    if not file or not found:
        return
    with sweeps.locked(folder, "record"):  # another sweep may be looking too
        known = records.read(file) if Path(file).exists() else []
        for one in found:
            if one not in known:
                records.append(file, one)


@contextlib.contextmanager
def _executor(dask, jobs, count, output):
    """An executor, and how many runs it makes at once."""
    if dask is None:
        jobs = min(jobs or len(machine.cores()), max(count, 1))
        with processes.local(jobs) as executor:
            yield executor, jobs
        return
    try:
        from distributed import Client
    except ImportError:
        raise BadInput(
            f"--dask={dask}: expected Dask to be installed: pip install 'ffhelpers[dask]'"
        ) from None

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # its tracebacks
    address = {"scheduler_file": dask} if Path(dask).is_file() else {"address": dask}
    try:
        client = Client(**address, timeout=10)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no Dask scheduler at {dask} ({error}): expected tcp://HOST:PORT or its file"
        ) from None
    with client:
        with _refused():
            sweeps.check_shared(client, output)
        yield client.get_executor(), sum(client.nthreads().values())


@main.command()
@click.argument("path")
@click.option(
    "--by",
    multiple=True,
    metavar="NAME",
    help="Compare the values of this parameter, as often as needed; by default all that vary.",
)
@click.option("--figure", metavar="NAME", help="By default test_error.")
@click.option(
    "--against",
    metavar="VALUE",
    help="Differences from the runs with this value of a parameter compared, or NAME=VALUE.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "markdown"]),
    default="text",
    show_default=True,
)
def table(path, by, figure, against, form):
    """Mean, standard deviation and 95 % interval of a figure over the seeds, and their number.

    PATH is a folder of executed notebooks, as a sweep leaves it, a file of recorded runs, or the
    name of the project's, such as 04_evaluation/choices. Fractions are shown in percent, in CSV
    as they are. A figure that holds a list over seeds for each recipe, as notebook 5's errors,
    has a row for each.

    With --against, each row also has its difference from the reference and the 95 % interval of
    it, in points where figures are in percent: seed by seed, over so many pairs, if both have the
    same seeds.
    """
    with _refused():
        found = tables.table(path, by, figure, against)
    if form == "csv":
        click.echo(found.to_csv(index=False), nl=False)
        return
    found = _for_people(found)
    if form == "markdown":
        found = found.map(_escaped).rename(columns=_escaped)
        click.echo(found.to_markdown(index=False, disable_numparse=True))
    else:
        click.echo(found.to_string(index=False))


def _escaped(value):
    """A cell for a Markdown table: its text, whatever stands in it."""
    if not isinstance(value, str | tuple):
        return value
    return html.escape(str(value), quote=False).replace("|", r"\|")


def _for_people(found):
    """A table with its figures as text."""
    figure = found.attrs["figure"]
    for name in ("mean", "std", "low", "high"):
        found[name] = ["" if math.isnan(v) else kept.shown(figure, v) for v in found[name]]
    if "difference" in found:
        away = ["difference", "difference_low", "difference_high"]
        found["difference"] = [
            kept.away(figure, *row) for row in found[away].itertuples(index=False)
        ]
        found = found.drop(columns=away[1:])
    return found.rename(columns={"mean": figure.replace("_", " ")})


@main.command()
@click.argument("executed", metavar="EXECUTED.ipynb")
def figures(executed):
    """Print the figures that an executed notebook recorded, as JSON."""
    with _refused():
        found = kept.figures(executed)
    click.echo(json.dumps(found, indent=2))


@main.command()
@click.argument("name")
def data(name):
    """Fetch a data set or a text (or find it on this machine), verify it, and say where it is.

    NAME is that of a data set, such as mnist, or of a text, such as fables, or the path of an .npz
    file or of a folder with a folder of pictures for each class.
    """
    from .data import load
    from .text import TEXTS, load_text

    with _refused():
        found = load_text(name) if name in TEXTS else load(name)
    click.echo(found)


@main.command()
@click.argument("owner")
@_output("Folder to write.", default="runs/kaggle", show_default=True)
def kaggle(owner, output):
    """Write the repository and its notebooks as Kaggle's own command line uploads them.

    OWNER is the name of your account there. Run it in a clone.
    """
    from .running.kaggle import write

    with _refused():
        commands = write(output, owner)
    click.echo("\n".join(commands))


if __name__ == "__main__":
    main(prog_name="python -m ffhelpers")
