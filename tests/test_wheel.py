"""What is built and installed elsewhere: the package, its command line, and no warning."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from written import copied

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def call(*command, cwd, check=True):
    usual = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [*map(str, command)]
    done = subprocess.run(command, cwd=cwd, env=usual, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Files of the repository, and the source distribution and the wheel made of them."""
    folder = tmp_path_factory.mktemp("source")
    files = copied(folder)
    # With the setuptools that is here; the wheel is made from the source distribution.
    done = call(sys.executable, "-m", "build", "--no-isolation", cwd=folder)
    assert "warn" not in (done.stdout + done.stderr).lower()
    assert not re.search(r"deprecat(?!ions\.py)", (done.stdout + done.stderr).lower())
    (archive,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return files, archive, wheel


def test_the_package_is_all_that_is_in_it(built):
    files, archive, wheel = built
    package = {name for name in files if name.startswith("ffhelpers/")}
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == package
    with tarfile.open(archive) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    assert package | {"README.md", "LICENSE", "pyproject.toml"} <= packed


def test_it_works_where_it_is_installed(built, tmp_path):
    uv = [sys.executable, "-m", "uv"]
    call(*uv, "venv", "-q", "--python", sys.executable, "new", cwd=tmp_path)
    python = tmp_path / "new" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [*uv, "pip", "install", "-q", "--python", python]
    pinned = ["--constraint", ROOT / "pins" / "cpu.txt"]
    call(*install, *pinned, built[2], cwd=tmp_path)
    bare = call(python, "-c", "import ffhelpers", cwd=tmp_path, check=False)
    assert "TensorFlow is missing: install 'ffhelpers[cpu]'" in bare.stderr.splitlines()[-1]
    call(*install, *pinned, f"ffhelpers[cpu] @ {built[2].as_uri()}", cwd=tmp_path)
    helped = call(python, "-m", "ffhelpers", "--help", cwd=tmp_path)
    assert all(f"  {name} " in helped.stdout for name in ("run", "sweep", "table", "data"))
    where = call(python, "-c", "import ffhelpers; print(ffhelpers.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(tmp_path / "new")
    notebook = ROOT / "notebooks" / "01_data_editing.ipynb"
    call(python, "-m", "ffhelpers", "run", notebook, "--output", "out", cwd=tmp_path)
    shown = [python, "-m", "ffhelpers", "table", "04_evaluation/quick", "--figure", "test_error"]
    assert "test error" in call(*shown, cwd=ROOT / "notebooks").stdout
    missing = call(*shown, cwd=tmp_path, check=False)
    assert missing.returncode and "lie in its repository, in `results`" in missing.stderr
