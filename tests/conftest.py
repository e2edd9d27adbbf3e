"""What all tests share: the real MNIST, from wherever `ffhelpers.load` finds it, and how examples
are drawn."""

import pytest
from hypothesis import HealthCheck, settings

# The same examples every time, so that a red run is the change's fault; a slow machine is nobody's.
settings.register_profile(
    "same",
    derandomize=True,
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def mnist():
    import ffhelpers as ff

    return ff.load("mnist")
