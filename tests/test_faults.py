"""Kills at any moment, full disks, quotas, folders that are read-only: nothing is lost or mixed."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import faults
import killed
import sampled
from written import QUICKLY, save

each = pytest.mark.parametrize("operation", faults.OPERATIONS, ids=lambda one: one.__name__)


def drawn(operation, attempt):
    return random.Random(f"{sampled.SEED} {operation.__name__} {attempt}")


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
    code = f"{QUICKLY}import ffhelpers as ff; ff.record(error=seed / 10)"
    save(tmp_path / "own.ipynb", code, parameters="seed: int = 0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "url").write_text(f"http://127.0.0.1:{server.server_port}")
    yield tmp_path
    server.shutdown()
    server.server_close()


def begun(operation, folder):
    """A process in which an operation is at work, and the pipe of what it tells."""
    process, heard = killed.start(operation, folder)
    try:
        said = heard.recv()
    except EOFError:
        process.join()
        said = f"it ended at once, with {process.exitcode}"
    assert said == "at work", [said, *killed.until_the_end(heard)]
    return process, heard


def work(operation, folder):
    """Call an operation once, to its end; how long it was at work."""
    process, heard = begun(operation, folder)
    start = time.monotonic()
    said = [*killed.until_the_end(heard)]
    process.join()
    assert process.exitcode == 0, said
    return time.monotonic() - start


def kill(operation, folder, after, how):
    """Start an operation and kill it; whether that was before its end."""
    process, heard = begun(operation, folder)
    with contextlib.suppress(ProcessLookupError):  # it may have ended
        handle = os.pidfd_open(process.pid)  # its number may be another one's by then
        time.sleep(after)
        signal.pidfd_send_signal(handle, how)
        os.close(handle)
    said = [text for text in killed.until_the_end(heard) if text != "at work"]
    process.join()
    assert process.exitcode in (0, -how), said
    return process.exitcode == -how


@pytest.mark.slow(one_in=20)
@each
@pytest.mark.parametrize("attempt", range(faults.TIMES))
def test_what_is_killed_at_any_moment_goes_on_from_the_old_state_or_the_new(
    operation, attempt, folder
):
    print(f"SEED={sampled.SEED}")
    rng = drawn(operation, attempt)
    longest = work(operation, folder)
    kills = 0
    while kills < faults.KILLS:
        how = rng.choice([signal.SIGTERM, signal.SIGKILL])
        kills += kill(operation, folder, rng.uniform(0, longest), how)
    work(operation, folder)  # what the last one left, to its end


@pytest.mark.slow(one_in=6)
@each
def test_two_at_once_do_not_harm_each_other(operation, folder):
    work(operation, folder)  # what a training is compared with
    both = [killed.start(operation, folder) for _ in range(2)]
    for process, heard in both:
        said = [text for text in killed.until_the_end(heard) if text != "at work"]
        process.join()
        assert process.exitcode == 0, said
    work(operation, folder)


def hindered(operation, folder, message, *limit):
    """Call an operation that cannot write; what stands in its way is what it says."""
    whole = (faults.limited, operation, folder, *limit) if limit else (operation, folder)
    code, said = killed.told(*whole)
    if not (limit and operation is faults.sweeping):  # its runs may not even say that much
        assert code == 0 or message in said[-1], said
    return code != 0


@pytest.mark.slow(one_in=12)
@each
@pytest.mark.parametrize("attempt", range(4))
def test_a_quota_reached_in_the_middle_of_a_write_leaves_what_was_there(
    operation, attempt, folder
):
    rng = drawn(operation, attempt)
    work(operation, folder)
    sizes = [1, *(int(10 ** rng.uniform(2.5, 5.6)) for _ in range(2))]  # files of any size
    failed = [hindered(operation, folder, "File too large", size) for size in sizes]
    assert failed[0]
    work(operation, folder)


@pytest.fixture
def small_disk(folder):
    """The folder on a disk of its own, of 32 MB; `mount(options)` remounts it."""
    disk = folder / "disk"
    disk.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]
        return subprocess.run(command, capture_output=True).returncode == 0

    if not mount("size=32m"):
        pytest.skip("only root may mount a disk that gets full")
    for name in ("url", "own.ipynb"):
        (disk / name).write_bytes((folder / name).read_bytes())
    yield disk, mount
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow(one_in=12)
@each
@pytest.mark.parametrize("attempt", range(4))
def test_a_full_disk_and_one_that_is_read_only_leave_what_was_there(
    operation, attempt, small_disk
):
    disk, mount = small_disk
    rng = drawn(operation, attempt)
    work(operation, disk)
    ballast = disk / "ballast"
    frees = [0, *(rng.randrange(4096, 400_000) for _ in range(2))]
    failed = []
    for free in frees:
        left = os.statvfs(disk)
        ballast.write_bytes(bytes(max(left.f_bavail * left.f_bsize - free, 0)))
        failed.append(hindered(operation, disk, "No space left on device"))
        ballast.unlink()
    mount("remount,ro")
    failed.append(hindered(operation, disk, "Read-only file system"))
    mount("remount,rw")
    assert failed[0] and failed[-1]
    work(operation, disk)
