"""What nbval compares, and that the cells of a notebook stay together."""

import pytest


def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
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
