"""Start-up: what importing the package costs over importing Keras, and loading MNIST."""

import subprocess
import sys

IMPORTS = {
    "import keras": "import keras, tensorflow",
    "import ffhelpers": "import ffhelpers",
    "ff.load": "import ffhelpers as ff; start = time.perf_counter(); ff.load('mnist')",
}


def startup(repeats=5):
    """Seconds, the best of several processes."""
    times = {}
    for name, code in IMPORTS.items():
        program = f"import time; start = time.perf_counter(); {code}; "
        program += "print(time.perf_counter() - start)"
        runs = [
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
            for _ in range(repeats)
        ]
        times[name] = min(float(run.stdout.split()[-1]) for run in runs)
        yield {"start": name, "seconds": times[name]}
    over = times["import ffhelpers"] - times["import keras"]
    yield {"start": "import ffhelpers, over Keras", "seconds": over}
