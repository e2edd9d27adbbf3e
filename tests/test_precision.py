"""Mixed precision, forced on the CPU, against float32: each kind of network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from precision import KINDS

TESTS = Path(__file__).parent


@pytest.mark.slow(one_in=20)
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_it_is_as_good_as_float32(kind, precision):
    """To 0.2 points of the 10,000 and more that it is judged by."""
    command = [sys.executable, TESTS / "precision.py", kind, precision]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    single, mixed = json.loads(done.stdout.splitlines()[-1])
    assert (mixed["optimizer"] == "LossScaleOptimizer") == (precision == "mixed_float16")
    assert single["finite"] and mixed["finite"]
    assert single["right"] > 0.3
    assert abs(mixed["right"] - single["right"]) <= 0.002
