"""Whether processes have ended, asked in one way: a zombie has, whenever its parent or init looks at it."""

from __future__ import annotations

import time
from pathlib import Path


def has_ended(*pids: int, within: float = 30.0) -> bool:
    """Return whether these processes end within so many seconds.

    A process that was killed stays listed as a zombie until its parent asks for its exit code. The orphans of a test
    are left to the first process of the machine or container, which may ask only every few seconds.
    """
    until = time.monotonic() + within
    while any(_is_running(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
