"""The folder that Kaggle's own command line uploads, and what a competition wants handed in."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ffhelpers import evaluation
from ffhelpers.running import kaggle

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    folder = tmp_path_factory.mktemp("kaggle") / "new" / "my folder"
    return folder, kaggle.write(folder, "me-2", ROOT)


def test_the_repository_becomes_a_data_set(written):
    folder, commands = written
    about = json.loads((folder / "package" / "dataset-metadata.json").read_text())
    assert about["id"] == "me-2/forward-forward" and 6 <= len(about["title"]) <= 50
    assert commands[0] == f"kaggle datasets create -p '{folder}'/package --dir-mode zip"
    for name in ("ffhelpers/__init__.py", "ffhelpers/running/run.py", "results/bench.jsonl"):
        assert (folder / "package" / name).read_bytes() == (ROOT / name).read_bytes()
    assert not list(folder.rglob("__pycache__")) and not (folder / "package" / ".git").exists()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_notebook_has_its_metadata(written, name):
    folder, commands = written
    about = json.loads((folder / name / "kernel-metadata.json").read_text())
    assert about["code_file"] == f"{name}.ipynb" and (folder / name / about["code_file"]).is_file()
    assert about["id"] == "me-2/" + re.sub(" ", "-", about["title"].lower())
    assert about["enable_gpu"] is True and about["enable_internet"] is False
    assert about["dataset_sources"][0] == "me-2/forward-forward"
    assert (kaggle.MNIST in about["dataset_sources"]) == (name != "10_sequences")
    assert f"kaggle kernels push -p '{folder}'/{name}" in commands


def test_it_is_written_again_whole_or_not_at_all(written, tmp_path, monkeypatch):
    folder, commands = written
    (folder / "stale").write_text("")
    assert kaggle.write(folder, "me-2", ROOT) == commands and not (folder / "stale").exists()
    monkeypatch.setattr(kaggle, "_json", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        kaggle.write(folder, "other", ROOT)
    assert "me-2" in (folder / "package" / "dataset-metadata.json").read_text()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_cannot_be_is_refused(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "other"], check=True)
    with pytest.raises(ValueError, match="is no clone of the repository"):
        kaggle.write(tmp_path / "out", "me-2", tmp_path / "other")
    shutil.rmtree(tmp_path / "other")


def test_what_is_handed_in(tmp_path):
    path = tmp_path / "submission.csv"
    evaluation.write_submission(np.array([3, 0, 9]), path)
    assert path.read_text() == "ImageId,Label\n1,3\n2,0\n3,9\n"
    assert list(tmp_path.iterdir()) == [path]
