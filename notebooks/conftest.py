"""What nbval compares: everything but stderr, where C code writes what pytest then swallows."""


def pytest_collectstart(collector):
    if collector.fspath and collector.fspath.ext == ".ipynb":
        collector.skip_compare += ("stderr",)
