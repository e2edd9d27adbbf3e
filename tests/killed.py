"""Processes to be killed, forked from one that has imported TensorFlow, which takes seconds."""

import multiprocessing
import traceback

_context = multiprocessing.get_context("forkserver")  # no thread, and no op, before a fork
_context.set_forkserver_preload(["ffhelpers"])


def start(target, *arguments):
    """A process in which `target(tell, *arguments)` runs, and the pipe of what it tells."""
    heard, tell = _context.Pipe(duplex=False)
    process = _context.Process(target=_run, args=(target, tell, arguments), daemon=True)
    process.start()
    tell.close()
    return process, heard


def _run(target, tell, arguments):
    try:
        target(tell.send, *arguments)
    except BaseException:
        tell.send(traceback.format_exc())
        raise


def told(target, *arguments):
    """How a process ended, and all that it told."""
    process, heard = start(target, *arguments)
    everything = list(until_the_end(heard))
    process.join()
    return process.exitcode, everything


def until_the_end(heard):
    try:
        while True:
            yield heard.recv()
    except (EOFError, ConnectionResetError):  # it ended, or was killed
        return
