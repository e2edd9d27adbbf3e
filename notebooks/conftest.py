"""What nbval compares, that the cells of a notebook stay together, and how much memory it may take."""

import os
import re
from pathlib import Path

import pytest

GIGABYTES = 1.5  # Binder gives 2, of which its JupyterLab needs a part


def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
        for name in (
            "MPLBACKEND",
            "MATPLOTLIBRC",
            "KERAS_MAX_EPOCHS",
            "KERAS_MAX_STEPS_PER_EPOCH",
        ):
            os.environ.pop(name, None)  # with which kernels would draw or train otherwise
        # Everything but stderr, where C code writes what pytest then swallows.
        collector.skip_compare += ("stderr",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A notebook goes to a worker as a whole; the tests beside them go one by one, after them."""
    from xdist.scheduler import LoadScopeScheduling  # here, for those who have it not

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, _ = nodeid.partition("::")
            return file if file.endswith(".ipynb") else nodeid

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item, nextitem):
    """After a notebook's last cell: the most memory that its kernel had, where Linux tells it."""
    kernel = getattr(item.parent, "kernel", None)
    if kernel is None or (nextitem is not None and nextitem.parent is item.parent):
        return
    status = Path(f"/proc/{kernel.km.provisioner.pid}/status")
    if status.exists():
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 2**20
        assert peak < GIGABYTES, f"{peak:.2f} GB of memory: expected less than {GIGABYTES}"
