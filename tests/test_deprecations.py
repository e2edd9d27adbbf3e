"""A deprecated call in our code, or in a cell of a notebook, fails the suite."""

import warnings

import nbformat
import pytest
from reading import deprecations
from written import save


def call(module, message, category):
    """Warn as a library does of its caller, which is code of that module."""
    library = {"warnings": warnings, "message": message, "category": category}
    exec("def old(): warnings.warn(message, category, stacklevel=2)", library)
    exec("old()", {"old": library["old"], "__name__": module})


@pytest.mark.parametrize("module", ["ffhelpers.model", "ffhelpers.running.run", "test_model"])
@pytest.mark.parametrize(
    "message, category",
    [
        ("np.old is no more", DeprecationWarning),
        ("it is going to be", PendingDeprecationWarning),
        ("it will give something else", FutureWarning),
        ("`keras.old` is deprecated", UserWarning),
    ],
)
def test_one_of_our_code_is_an_error(module, message, category):
    with pytest.raises(category, match=message):
        call(module, message, category)


def test_one_of_other_packages_is_none():
    with pytest.warns() as seen:
        call("keras.src.models.model", "np.old is no more", DeprecationWarning)
        call("ffhelpers.trainer", "the label covers something", UserWarning)
    assert len(seen) == 2


@pytest.mark.parametrize("category", ["DeprecationWarning", "FutureWarning"])
def test_one_in_a_cell_is_found(command, tmp_path, category):
    """Where a notebook is run on data of one's own, see `test_notebooks.run_small`."""
    source = f"import warnings\nwarnings.warn('old', {category})"
    save(tmp_path / "old.ipynb", source, "print(1)")
    assert command("run", "old.ipynb", "--output", "out")[0] == 0
    executed = nbformat.read(tmp_path / "out" / "old.ipynb", as_version=4)
    assert len(deprecations(executed)) == 1
    executed.cells.pop(0)
    assert deprecations(executed) == []
