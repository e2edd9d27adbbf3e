"""Runs that are killed in mid-epoch and go on: to the bits of a run that was not."""

import random
import signal

import pytest

import killed
import kinds

KINDS = kinds.KINDS if killed.EVERY else random.Random(killed.SEED).sample(kinds.KINDS, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_run_killed_in_mid_epoch_ends_as_one_that_was_not(kind, tmp_path):
    """…its weights, optimiser, draws, order of data and history."""
    code, (*begun, whole) = killed.told(kinds.train, kind, tmp_path / "whole")
    assert code == 0 and begun == [0, 1, 2], whole
    folder = tmp_path / "killed"
    code, begun = killed.told(kinds.train, kind, folder, 2)
    assert code == -signal.SIGKILL and begun == [0, 1, 2], begun
    code, (*begun, resumed) = killed.told(kinds.train, kind, folder)
    assert code == 0 and begun == [2], resumed
    assert resumed == whole and not whole["left"]
