"""Process trees on Linux and elsewhere, so that processes that a worker started are ended with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MARK = "HARNESS_WORKER"
_GENERATIONS = 20
"""Killing a process may leave its children to this one, and so on."""


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends (Linux; elsewhere the guardian does it)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent ends, so that they can be found (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return all processes below one, nearest first (Linux; elsewhere none are known)."""
    below: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop(0))
        below += children
        waiting += children
    return below


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            children += [int(word) for word in (task / "children").read_text().split()]
    return children


def kill_all(pids: list[int]) -> None:
    """Kill these processes; those that have ended are no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def marked(environment: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the environment of a worker by which `end_adopted` knows what it has started."""
    return {**environment, _MARK: token}


def end_adopted(token: str) -> None:
    """Kill the children of this process that a worker, which has ended, had started and left (Linux).

    They became children of this process by `adopt_orphans`. Others that it has, such as those of the program that uses
    harness as a library, do not carry the mark.
    """
    wanted = f"{_MARK}={token}".encode()
    for _ in range(_GENERATIONS):
        left = [pid for pid in _children(os.getpid()) if wanted in _environment(pid)]
        if not left:
            return
        kill_all(left)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def signal_group(pid: int, number: signal.Signals) -> bool:
    """Send a signal to the process group of a session leader; False if nothing of it is left."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
