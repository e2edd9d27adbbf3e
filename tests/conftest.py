"""Shared data: the real MNIST, from wherever `ffhelpers.load` finds it."""

import pytest


@pytest.fixture(scope="session")
def mnist():
    import ffhelpers as ff

    return ff.load("mnist")
