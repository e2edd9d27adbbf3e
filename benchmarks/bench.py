"""Measure speed, memory and start-up; everything is relative to what the same run measured."""

import json
import subprocess
import sys
import time

import click

from ffhelpers import records

MEASUREMENTS = {
    "step": "speed",
    "profile": "speed",
    "convolutions": "speed",
    "augmentation": "speed",
    "against_backprop": "speed",
    "published": "published",
    "prediction": "speed",
    "memory": "memory",
    "conv_memory": "memory",
    "growth": "speed",
    "startup": "startup",
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
@click.option("--output", default="runs/bench.jsonl", show_default=True, help="JSON lines.")
@click.option("--worker", is_flag=True, hidden=True)
def main(names, output, worker):
    """Run the measurements NAMES (all by default), show them, and add a line each to a file."""
    if worker:
        for row in measure(names[0]):
            print(json.dumps(row), flush=True)
        return
    for name in names or MEASUREMENTS:
        start, rows = time.perf_counter(), []
        # Each in a process of its own, so that none finds another's memory or compiled code.
        command = [sys.executable, __file__, name, "--worker"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            click.echo(f"\n{name}")
            for line in process.stdout:
                rows.append(json.loads(line))
                click.echo("  " + shown(rows[-1]))
        if process.returncode:
            raise SystemExit(f"{name} failed")
        taken = round(time.perf_counter() - start, 1)
        command = records.command()
        records.append(
            output, records.describe(command=command, measurement=name, rows=rows, seconds=taken)
        )


def measure(name):
    module = __import__(MEASUREMENTS[name])
    return getattr(module, name)()


def shown(row):
    return "  ".join(
        f"{name.replace('_', ' ')} {value:,.2f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
    )


if __name__ == "__main__":
    main()
