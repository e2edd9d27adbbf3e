"""Facts of this process and its machine."""

import sys
from pathlib import Path

import pytest

from ffhelpers import machine


def test_people_are_told_from_machines(monkeypatch):
    for mark in machine.SESSION_MARKS:
        monkeypatch.delenv(mark, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert not machine.watched()
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    assert machine.watched()
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert machine.watched()


def test_jupyter_servers_still_mark_their_kernels():
    sessions = pytest.importorskip("jupyter_server.services.sessions.sessionmanager")
    assert "JPY_SESSION_NAME" in Path(sessions.__file__).read_text()


def test_a_bar_is_only_there_for_people(monkeypatch, capsys):
    for watched in (False, True):
        monkeypatch.setattr(machine, "watched", lambda: watched)
        assert list(machine.bar(iter("abc"), "letters")) == ["a", "b", "c"]
        out, err = capsys.readouterr()
        assert ("letters:" in out) == watched and err == ""
