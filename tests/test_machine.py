"""Facts of this process and its machine."""

import ctypes
import platform
import re
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep less")
def test_freed_memory_is_given_back():
    def megabytes():
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(1000) for _ in range(100_000)]
    for block in blocks:
        ctypes.memset(block, 1, 1000)
    for block in blocks[:-1]:  # the last one keeps the heap from shrinking by itself
        libc.free(block)
    before = megabytes()
    machine.return_memory()
    assert megabytes() < before - 50
    libc.free(blocks[-1])


def test_without_glibc_nothing_happens(monkeypatch):
    for error in (OSError, TypeError):

        def fail(*_):
            raise error

        monkeypatch.setattr(machine.ctypes, "CDLL", fail)
        machine.return_memory()
