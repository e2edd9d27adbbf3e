"""Of many slow tests CI tries some, and others for each commit. SEED=… repeats a choice."""

import os
import random
import subprocess


def _head():
    command = ["git", "rev-parse", "--short=8", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=os.path.dirname(__file__), capture_output=True, text=True
        )
    except OSError:  # no git
        return ""
    return done.stdout.strip()


SEED = os.environ.get("SEED") or _head() or "0"


def left_out(items):
    """Of each file's slow tests all but one in five, or in what else their mark says; 0: all.

    Of two tests, one in five is none or one, as chance has it.
    """
    alike = {}
    for item in items:
        if mark := item.get_closest_marker("slow"):
            one_in = mark.kwargs.get("one_in", 5)
            alike.setdefault((item.path.name, one_in), []).append(item)
    for (name, one_in), those in alike.items():
        draw = random.Random(f"{SEED} {name} {one_in}")
        count = int(len(those) / one_in + draw.random()) if one_in else 0
        kept = draw.sample(those, count)
        yield from (item for item in those if item not in kept)
