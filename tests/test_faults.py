"""Kills at any moment, full disks, quotas, folders that are read-only: nothing is lost or mixed."""

import contextlib
import os
import random
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest

import faults
import killed

KILLS = 50 if killed.EVERY else 2  # of each operation


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        content = bytes(range(256)) * 8000
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked was killed
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def folder(tmp_path):
    """A folder with what the operations need: a server's address, and a notebook."""
    cells = [
        nbformat.v4.new_code_cell("seed: int = 0"),
        nbformat.v4.new_code_cell(
            "import sys; sys.argv[0] = '-m'\nimport ffhelpers as ff; ff.record(error=seed / 10)"
        ),
    ]
    cells[0].metadata.tags = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "3"}
    nbformat.write(notebook, tmp_path / "own.ipynb")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "url").write_text(f"http://127.0.0.1:{server.server_port}")
    yield tmp_path
    server.shutdown()
    server.server_close()


def work(operation, folder):
    """Call an operation once, to its end; how long it was at work."""
    process, heard = killed.start(operation, folder)
    assert heard.recv() == "at work", [*killed.until_the_end(heard)]
    start = time.monotonic()
    said = [*killed.until_the_end(heard)]
    process.join()
    assert process.exitcode == 0, said
    return time.monotonic() - start


def kill(operation, folder, after, how):
    """Start an operation and kill it; whether that was before its end."""
    process, heard = killed.start(operation, folder)
    said = heard.recv()
    assert said == "at work", said
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, how)
    said = [text for text in killed.until_the_end(heard) if text != "at work"]
    process.join()
    assert process.exitcode in (0, -how), said
    return process.exitcode == -how


@pytest.mark.slow
@pytest.mark.parametrize("operation", faults.OPERATIONS, ids=lambda o: o.__name__)
def test_what_is_killed_at_any_moment_goes_on_from_the_old_state_or_the_new(operation, folder):
    print(f"SEED={killed.SEED}")
    rng = random.Random(f"{killed.SEED} {operation.__name__}")
    work(operation, folder)
    longest = work(operation, folder)
    kills = 0
    while kills < KILLS:
        how = rng.choice([signal.SIGTERM, signal.SIGKILL])
        kills += kill(operation, folder, rng.uniform(0, longest), how)
    work(operation, folder)  # what the last one left, to its end
    print(f"{operation.__name__}: {kills} kills survived")


@pytest.mark.slow
@pytest.mark.parametrize("operation", faults.OPERATIONS, ids=lambda o: o.__name__)
def test_two_at_once_do_not_harm_each_other(operation, folder):
    both = [killed.start(operation, folder) for _ in range(2)]
    for process, heard in both:
        said = [text for text in killed.until_the_end(heard) if text != "at work"]
        process.join()
        assert process.exitcode == 0, said
    work(operation, folder)
