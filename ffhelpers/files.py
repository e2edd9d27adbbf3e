"""Files that are whole at any moment, whatever happens to the process that writes them."""

import contextlib
import glob
import os
import secrets
import shutil
import time
from pathlib import Path

ABANDONED = 3600  # seconds without a change, after which an unfinished file is nobody's


@contextlib.contextmanager
def whole(path):
    """Where to write a file, which then takes the place of `path` all at once.

    Others find what was there before, or all that is new: also where the disk is full, or the
    process is killed at any moment. What such a process leaves is a hidden file beside `path`,
    which goes when `path` is next written an hour later or more.

    Args:
        path: of the file. Where it is a link, the file behind it is replaced.

    Yields:
        The path to write to, in the same folder; of what is there and no file, such as
        `/dev/stdout`, itself.

    Raises:
        OSError: it cannot be written; what was there is as it was.

    Example:
        `with whole("table.csv") as aside: aside.write_text("1,2")`
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    for left in path.parent.glob(f".unfinished-*-{glob.escape(path.name)}"):
        with contextlib.suppress(OSError):  # another process may be faster
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
    aside = path.with_name(f".unfinished-{secrets.token_hex(4)}-{path.name}")
    try:
        yield aside
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())  # a full disk may show only here
        with contextlib.suppress(FileNotFoundError):  # not there, or another process removes it
            shutil.copymode(path, aside)
        os.replace(aside, path)
    except OSError as error:
        if error.errno and error.filename in (None, str(aside)):
            error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)
