"""Ends the workers of a coordinator that died without ending them itself, and whatever they had started.

Run as a file, with nothing but the standard library, so that it starts in milliseconds. It reads lines `+PID` and
`-PID` from its input: process groups to watch over and groups that have ended. The end of the input is the end of the
coordinator.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Watch until the input ends, then kill every group that is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            groups.add(pid)
        else:
            groups.discard(pid)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
