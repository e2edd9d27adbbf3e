"""Files that are whole at any moment: how they are replaced, and lines added to them."""

import json
import os
import time

import pytest

from ffhelpers.files import whole
from ffhelpers.running import records


def test_what_was_there_stays_until_all_is_written(tmp_path):
    path = tmp_path / "a[1].csv"
    path.write_text("old")
    with whole(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old" and aside.parent == tmp_path
    assert path.read_text() == "new"
    with pytest.raises(KeyError), whole(path) as aside:
        aside.write_text("half")
        raise KeyError
    assert path.read_text() == "new" and os.listdir(tmp_path) == [path.name]


def test_what_others_may_read_stays_what_it_was(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("old")
    path.chmod(0o600)
    with whole(path) as aside:
        aside.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_written_through_and_what_is_no_file_as_it_is(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    with whole(tmp_path / "link") as aside:
        aside.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"
    with whole(os.devnull) as aside:
        aside.write_text("gone")
    assert not os.path.isfile(os.devnull)


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(OSError, match="none/table.csv'$"), whole("none/table.csv") as aside:
        aside.write_text("")


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path):
    path = tmp_path / "table.csv"
    for name, age in (("dead", 4000), ("alive", 10)):
        left = tmp_path / f".unfinished-{name}-{path.name}"
        left.touch()
        os.utime(left, (time.time() - age,) * 2)
    with whole(path) as aside:
        aside.touch()
    assert sorted(os.listdir(tmp_path)) == [".unfinished-alive-table.csv", "table.csv"]


@pytest.mark.parametrize("left", [b"", b"{", b'{"seed": 1, "note": "\xc3', b'{"seed": 1}'])
def test_a_line_that_breaks_off_is_no_record_and_makes_room(tmp_path, left):
    path, before = tmp_path / "runs.jsonl", [{"seed": 0}]
    path.write_bytes(b'{"seed": 0}\n' + left)
    before += [json.loads(left)] if left.endswith(b"}") else []
    assert records.read(path) == before
    records.append(path, {"seed": 2})
    assert records.read(path) == [*before, {"seed": 2}]
    assert path.read_bytes().endswith(b'}\n{"seed": 2}\n')


def test_a_line_that_breaks_off_before_others_is_refused(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"seed": 0\n{"seed": 1}\n')
    with pytest.raises(ValueError, match="holds no records"):
        records.read(path)
