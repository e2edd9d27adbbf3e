"""The recorded maps of notebook 11: whole, and as it reads them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from ffhelpers.running import records

ROOT = Path(__file__).parent.parent
PARAMS = ROOT / "notebooks" / "params" / "11_sleep"
MAPS = sorted(path.stem for path in PARAMS.glob("*.yaml"))


def errors(kind):
    """Setting → errors in the order of the runs."""
    runs = [run["figures"]["errors"] for run in records.read(f"11_sleep/{kind}")]
    return {setting: np.array([run[setting][0] for run in runs]) for setting in runs[0]}


@pytest.mark.parametrize("kind", MAPS)
def test_every_run_is_the_whole_map(kind):
    given = yaml.safe_load((PARAMS / f"{kind}.yaml").read_text())
    seeds = given.pop("seed")
    given = {name: value[0] if isinstance(value, list) else value for name, value in given.items()}
    kept = records.read(f"11_sleep/{kind}")
    assert sorted(run["parameters"].get("seed", 1) for run in kept) == seeds
    for run in kept:
        assert given.items() <= run["parameters"].items()
    phases = ["together", *map(str, given["phases"])]
    descent = itertools.product(given["momenta"], given["rates"], phases)
    settings = {f"SGD {m:g}, rate {r:g}, phase {p}" for m, r, p in descent}
    found = set(errors(kind))
    assert settings == {setting for setting in found if setting.startswith("SGD")}
    assert len(found - settings) == len(given["rates"]) * len(phases)


def test_the_border_is_where_the_notebook_says():
    """At a rate of 0.03: what is destroyed, and what learns as well apart as together."""
    found = errors("map")

    def at(momentum, phase):
        return found[f"SGD {momentum}, rate 0.03, phase {phase}"].mean()

    for momentum, longest, too_long in ((0.9, 4, 16), (0.99, 8, 32)):
        assert at(momentum, longest) < at(momentum, "together") + 0.02
        assert at(momentum, too_long) > 0.8
    assert at(0.999, 32) < at(0.999, "together") + 0.02
    assert at(0, 32) > 2 * at(0, "together")
    adam = {name: e.mean() for name, e in found.items() if name.startswith("Adam")}
    assert (
        adam["Adam 0.9, rate 0.001, phase 16"]
        < adam["Adam 0.9, rate 0.001, phase together"] + 0.02
    )
    assert min(e for name, e in adam.items() if name.endswith("phase 32")) > at(0.999, 32)


def test_hybrids_bear_the_longest_phases_at_a_high_momentum():
    found = {setting: each.mean() for setting, each in errors("hybrids").items()}
    runs = [run["figures"] for run in records.read("11_sleep/hybrids")]
    untrained = np.mean([figures["untrained_validation_error"] for figures in runs])
    descent = "SGD 0.999, rate 0.03, phase"
    assert found[f"{descent} 32"] < found[f"{descent} together"] + 0.005 < untrained
    assert found["Adam 0.9, rate 0.001, phase 32"] > untrained
