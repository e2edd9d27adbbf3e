"""What the README says of what holds: its counts are those of the tests and of the pins."""

import re
from pathlib import Path

from packaging.version import Version

import faults
import kinds
import refusals
import replicas
import test_workers

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
HOLDS = " ".join(README[README.index("**What holds") :].split("## ")[0].split())


def test_the_counts_are_those_of_the_tests():
    cases = len(refusals.all_cases())
    assert f"{cases // 100 * 100:,} kinds of bad input" in HOLDS
    operations, networks = len(faults.OPERATIONS), len(kinds.KINDS)
    assert (
        f"{faults.KILLS * faults.TIMES * operations} kills" in HOLDS
        and f"in {operations} operations" in HOLDS
    )
    assert f"{networks} kinds of training" in HOLDS
    words = {2: "two", 3: "three"}
    processes = " or ".join(words[count] for count in test_workers.COUNTS)
    assert f"over {processes} processes and over {words[len(replicas.DEVICES)]} devices" in HOLDS


def test_the_versions_are_those_that_are_pinned():
    for pins, tensorflow in (("lowest", "tensorflow-cpu"), ("kaggle", "tensorflow-cpu")):
        text = (ROOT / "pins" / f"{pins}.txt").read_text()
        versions = [re.findall(f"^{name}==([^ ]+)", text, re.M) for name in (tensorflow, "keras")]
        assert (
            "TensorFlow {} with Keras {}".format(*(max(found, key=Version) for found in versions))
            in HOLDS
        )
    newest = (ROOT / "pins" / "cpu.txt").read_text()
    newest = [
        re.findall(f"^{name}==([^ ]+)", newest, re.M)[-1] for name in ("tensorflow", "keras")
    ]
    assert "TensorFlow {} with Keras {}".format(*newest) in HOLDS
