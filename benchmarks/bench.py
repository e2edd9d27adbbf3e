"""Measure speed, memory and start-up; everything is relative to what the same run measured."""

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import click

from turns import in_turns, ratios, spread

ROOT = Path(__file__).resolve().parent.parent

# The module of each, and the arguments with which it only shows that it comes to its end.
FEW = {"repeats": 2}
MEASUREMENTS = {
    "step": ("speed", {"networks": [([50, 50], 20)], "batches": [10], **FEW}),
    "profile": ("speed", {"widths": [50, 50], "batch": 10, "steps": 20, "least": 0, **FEW}),
    "convolutions": ("speed", {"channels": [10], "batch": 10, "steps": 20, **FEW}),
    "augmentation": ("speed", {"channels": [10], "batch": 10, "steps": 20, **FEW}),
    "hybrids": ("speed", {"widths": [50], "batch": 10, "steps": 20, **FEW}),
    "against_backprop": ("speed", {"images": 1000, "batch": 50, "epochs": 2}),
    "published": ("published", {"images": 1000, "limit_seconds": 0.1}),
    "prediction": ("speed", {"widths": [50, 50], "count": 10, "least": 0, **FEW}),
    "memory": ("memory", {"depths": [1], "apart": False}),
    "conv_memory": ("memory", {"depths": [1], "apart": False}),
    "recurrent_memory": ("memory", {"counts": [1], "apart": False}),
    "growth": ("speed", {"series": {"width": {n: ([n], 10, 20) for n in (10, 20)}}, **FEW}),
    "startup": ("startup", {"repeats": 1}),
    "workers": ("workers", {"widths": [50], "batch": 10, "steps": 5, "counts": (1, 2), **FEW}),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
@click.option("--small", is_flag=True, help="Only show that each comes to its end, in a minute.")
@click.option(
    "--output", help="JSON lines.  [default: runs/bench.jsonl; --small: runs/bench-small.jsonl]"
)
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Another checkout: measure there and here in turns, and show the ratios; no output.",
)
@click.option("--turns", default=3, show_default=True, help="How often, with --against.")
@click.option("--worker", is_flag=True, hidden=True)
def main(names, small, output, against, turns, worker):
    """Run the measurements NAMES (all by default), show them, and add a line each to a file."""
    for name in names or MEASUREMENTS:
        if worker:
            for row in measure(name, small):
                print(json.dumps(row), flush=True)
        elif against:
            compare(name, small, against, turns)
        else:
            keep(name, small, output or f"runs/bench{'-small' * small}.jsonl")


def measure(name, small):
    module, sizes = MEASUREMENTS[name]
    rows = getattr(__import__(module), name)(**(sizes if small else {}))
    return ({"small": True, **row} for row in rows) if small else rows


def apart(name, small=False, checkout=ROOT):
    """The rows of a measurement by the code of a checkout.

    In a process of its own, so that none finds another's memory or compiled code.
    """
    command = [sys.executable, str(checkout / "benchmarks" / "bench.py"), name, "--worker"]
    command += ["--small"] * small
    path = f"{checkout}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"  # before an installed one
    options = {"cwd": checkout, "env": os.environ | {"PYTHONPATH": path}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise SystemExit(f"{name} failed")


def show(title, rows):
    """Show rows as they come, and give them back."""
    click.echo(f"\n{title}")
    kept = []
    for row in rows:
        kept.append(row)
        click.echo("  " + shown(row))
    return kept


def keep(name, small, output):
    from ffhelpers.running import records  # here, as it brings TensorFlow: some workers do without

    start, commit = time.perf_counter(), records.commit()  # it may change meanwhile
    # A small one has nothing to be disturbed, and starting a process takes longer than it.
    rows = show(name, measure(name, small) if small else apart(name))
    taken = round(time.perf_counter() - start, 1)
    command = records.command()
    about = {"command": command, "commit": commit, "measurement": name}
    records.append(output, records.describe(**about, rows=rows, seconds=taken))


def compare(name, small, other, turns):
    """Measure there and here in turns, and show here over there."""

    def rows(checkout):
        return show(f"{name} in {checkout}", apart(name, small, checkout))

    measures = {"there": partial(rows, other), "here": partial(rows, ROOT)}
    there, here = in_turns(measures, turns).values()
    pairs = zip(zip(*there), zip(*here), strict=True)
    show(f"{name}, here over {other}", (compared(*pair) for pair in pairs))


def compared(there, here):
    """The same row in each turn, there and here, as one row of ratios."""
    row = {name: value for name, value in here[0].items() if not isinstance(value, float)}
    for name in here[0]:
        old, new = ([turn.get(name) for turn in turns] for turns in (there, here))
        # What one side has not, or did not reach in a turn, cannot be compared.
        if all(isinstance(value, float) and value for value in old + new):
            row |= {} if bound(name) else spread(name, ratios(new, old))
    return row


def bound(name):
    """Whether this field is an end of another's spread."""
    return name.endswith(("_low", "_high"))


def shown(row):
    """A row as text, a median with its spread: `ms 6.61 (6.52 to 7.10)`."""
    texts = {n: f"{v:,.2f}" if isinstance(v, float) else str(v) for n, v in row.items()}
    for name in row:
        if f"{name}_low" in row:
            texts[name] += f" ({texts[f'{name}_low']} to {texts[f'{name}_high']})"
    return "  ".join(f"{n.replace('_', ' ')} {t}" for n, t in texts.items() if not bound(n))


if __name__ == "__main__":
    main()
