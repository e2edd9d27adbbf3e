"""Mixed precision, forced on the CPU, against float32: each kind of network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import precision

TESTS = Path(__file__).parent


def case(kind):
    """Two are sampled. The others take seconds where the CPU knows bfloat16, else many minutes."""
    quick = kind in (precision.dense, precision.hardest)
    return pytest.param(kind.__name__, marks=pytest.mark.slow(one_in=8 if quick else 0))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [case(kind) for kind in precision.KINDS])
def test_it_is_as_good_as_float32(kind, policy):
    """To 0.2 points of the 10,000 and more that it is judged by."""
    command = [sys.executable, TESTS / "precision.py", kind, policy]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    single, mixed = json.loads(done.stdout.splitlines()[-1])
    assert (mixed["optimizer"] == "LossScaleOptimizer") == (policy == "mixed_float16")
    assert single["finite"] and mixed["finite"]
    assert single["right"] > 0.3
    assert abs(mixed["right"] - single["right"]) <= 0.002
