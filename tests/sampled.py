"""In CI a few of many alike, others for each commit; `make test-all` has all. SEED=… repeats them."""

import os
import random
import subprocess

EVERY = bool(os.environ.get("ALL"))
_commit = ["git", "rev-parse", "--short=8", "HEAD"]
_head = subprocess.run(_commit, cwd=os.path.dirname(__file__), capture_output=True, text=True)
SEED = os.environ.get("SEED") or _head.stdout.strip() or "0"


def some(cases, of, count=2):
    """All cases, or so many of them; `of` says what for, so that others are drawn elsewhere."""
    return cases if EVERY else random.Random(f"{SEED} {of}").sample(cases, count)
