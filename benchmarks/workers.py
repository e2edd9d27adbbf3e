"""Several workers: an epoch's time, measured as far as there are cores, else calculated."""

import json
import os
import socket
import subprocess
import sys

from ffhelpers import machine
from turns import spread

RATE = 1.25e9  # bytes per second, of 10 Gbit/s, where a time is calculated


def workers(widths=(1000, 1000, 1000), batch=1000, steps=20, counts=(1, 2, 4, 8, 16), repeats=5):
    """A training step on workers of one core each, on the loopback interface.

    Calculated: one worker's time, divided, and what an all-reduce around a ring moves at 10
    Gbit/s: each worker sends `2 (n - 1) / n` times the weights, in float32.
    """
    cores, alone = machine.cores(), None
    for count in counts:
        row = {"workers": count, "widths": list(widths), "batch": batch}
        measured = []
        if count <= len(cores):
            *measured, weights = together(cores[:count], list(widths), batch, steps, repeats)
            row |= spread("ms", measured)
            alone = alone or row["ms"]
        moved = 2 * (count - 1) / count * 4 * weights
        yield {**row, "mb": moved / 1e6, "calculated_ms": alone / count + 1e3 * moved / RATE}


def together(cores, *sizes):
    """Milliseconds of a step in each repeat, and the number of weights."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in cores]
    hosts = ["127.0.0.1:{1}".format(*each.getsockname()) for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    for index, core in enumerate(cores):
        task = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(task), "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, __file__, json.dumps([core, *sizes])]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        )
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a worker failed")
    return json.loads(outputs[0].splitlines()[-1])


def one(core, widths, batch, steps, repeats):
    """What each worker does: the same, with its part of each batch."""
    if hasattr(os, "sched_setaffinity"):  # macOS has it not
        os.sched_setaffinity(0, [core])  # before TensorFlow counts them
    import ffhelpers as ff

    ff.setup(1)
    import speed

    model = speed.forward_forward(widths)
    model.compile(model.optimizer, jit_compile=False)  # as it is over several workers
    data = ff.batches(*speed.images(steps * batch), batch)
    times = [1e3 * speed.epoch(model, data) / steps for _ in range(repeats + 1)]
    print(json.dumps([*times[1:], model.count_params()]))


if __name__ == "__main__":
    one(*json.loads(sys.argv[1]))
