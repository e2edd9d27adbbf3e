"""Start-up: what importing the package costs over importing Keras, and loading MNIST."""

import subprocess
import sys
from functools import partial

from turns import in_turns, spread

IMPORTS = {
    "import keras": "import keras, tensorflow",
    "import ffhelpers": "import ffhelpers",
    "ff.load": "import ffhelpers as ff; start = time.perf_counter(); ff.load('mnist')",
}


def startup(repeats=5):
    """Seconds in a process of its own."""
    times = in_turns({name: partial(fresh, code) for name, code in IMPORTS.items()}, repeats)
    pairs = zip(times["import ffhelpers"], times["import keras"])
    times["import ffhelpers, over Keras"] = [ours - theirs for ours, theirs in pairs]
    for name, taken in times.items():
        yield {"start": name, **spread("seconds", taken)}


def fresh(code):
    program = f"import time; start = time.perf_counter(); {code}; "
    program += "print(time.perf_counter() - start)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[-1])
