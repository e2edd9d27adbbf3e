"""Badges and the fetch on Colab: what stands in the pages agrees with the repository's address."""

import importlib.resources
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from ffhelpers.running import badges
from reading import minutes_to_read

ROOT = Path(__file__).parents[1]
SETTING = '\n[project.urls]\nRepository = "{}"\n'
ADDRESS = "https://github.com/some-one/f.f_1"


@pytest.fixture
def root(tmp_path):
    """A copy of what badges stand in, without an address."""
    root = tmp_path / "repository"
    ignore = shutil.ignore_patterns("params", ".*")
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=ignore)
    shutil.copy(ROOT / "README.md", root)
    text = (ROOT / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(re.sub("^Repository =.*\n", "", text, flags=re.M))
    badges.main(root)
    return root


def texts(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def set_address(root, address):
    with (root / "pyproject.toml").open("a") as file:
        file.write(SETTING.format(address))


def code(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def test_the_pages_agree_with_the_setting():
    assert [path.name for path, _ in badges.changed(ROOT)] == [], "call make badges"


def test_badges_come_with_an_address_and_go_without_one(root, capsys):
    before = texts(root)
    notebooks = sorted(root.glob("notebooks/*.ipynb"))
    for path in (root / "README.md", *notebooks):
        assert "colab.research" not in path.read_text()
    set_address(root, ADDRESS)
    badges.main(root)
    for path in notebooks:
        title = nbformat.read(path, as_version=4).cells[0].source.split("\n\n")
        assert title[0].startswith("# ") and title[1].count("[![") == 3
        there = f"some-one/f.f_1/blob/main/notebooks/{path.name}"
        assert f"(https://colab.research.google.com/github/{there})" in title[1]
        assert f"welcome?src=https://github.com/{there})" in title[1]
        assert f"gh/some-one/f.f_1/main?urlpath=lab/tree/notebooks/{path.name})" in title[1]
        assert code(path)[0].source == code(notebooks[0])[0].source
        assert max(map(len, code(path)[0].source.splitlines())) <= 100
        assert minutes_to_read(nbformat.read(path, as_version=4)) <= 20
    assert "notebooks/00_start_here.ipynb)\n\nBackprop" in (root / "README.md").read_text()
    assert badges.changed(root) == [] and capsys.readouterr().out.count("written") > 12
    (root / "pyproject.toml").write_bytes(before[root / "pyproject.toml"])
    badges.main(root)
    assert texts(root) == before


@pytest.mark.parametrize(
    "address", ["", "github.com/a/b", "https://github.com/a", ADDRESS + ".git", ADDRESS + "/"]
)
def test_other_addresses_are_refused(address, tmp_path):
    set_address(tmp_path, address)
    with pytest.raises(ValueError, match=f"{address}': expected https://github.com/OWNER/NAME"):
        badges.main(tmp_path)


@pytest.mark.parametrize("on_colab", [True, False])
def test_on_colab_the_first_cell_fetches_the_package(root, on_colab, tmp_path):
    set_address(root, ADDRESS)
    badges.main(root)
    # git brings what the address would; an interpreter without this environment's packages.
    stand_in = f"""
import os, sys, types
class Shell:
    def system(self, command):
        print(command)
        os.makedirs("f.f_1/ffhelpers")
        open("f.f_1/ffhelpers/__init__.py", "w").close()
get_ipython = Shell
if {on_colab}:
    sys.modules["google.colab"] = types.ModuleType("google.colab")
"""
    found = "\nimport ffhelpers; print(ffhelpers.__file__)"
    source = stand_in + code(root / "notebooks" / "04_evaluation.ipynb")[0].source + found
    command = [sys.executable, "-I", "-S", "-c", source]
    for fetched in ([f"git clone -q --depth 1 {ADDRESS}"], []):  # and once is enough
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        if not on_colab:
            assert "ffhelpers is missing" in done.stderr and not done.stdout
            continue
        package = tmp_path / "f.f_1" / "ffhelpers" / "__init__.py"
        assert done.stdout.splitlines() == [*fetched, str(package)], done.stderr


def test_the_site_loads_no_badge_from_elsewhere(root, monkeypatch):
    monkeypatch.setattr(importlib.resources, "files", lambda _: Path())  # MathJax's
    spec = importlib.util.spec_from_file_location("conf", ROOT / "site" / "conf.py")
    spec.loader.exec_module(conf := importlib.util.module_from_spec(spec))
    set_address(root, ADDRESS)
    badges.main(root)
    source = [(root / "notebooks" / "04_evaluation.ipynb").read_text()]
    conf.add(None, "notebooks/04_evaluation", source)
    assert "[Open in Colab](https://colab.research.google.com/github/" in source[0]
    assert "[![" not in source[0]
