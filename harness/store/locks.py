"""Claims: which process works on what. The kernel drops a claim when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

WAITING = "waiting for"
"""The first words of a progress message while another process works; this time does not count for a cell's limit."""


class Claim:
    """An exclusive lock on a file, held until it is released or the process ends.

    Args:
        descriptor: of the file.
        path: where it lies, to be removed with the claim; None where the file system cannot lock.
    """

    def __init__(self, descriptor: int, path: Path | None) -> None:
        self._descriptor, self._path = descriptor, path

    def release(self) -> None:
        """Release the lock and remove its file; releasing twice is fine."""
        if self._descriptor >= 0:
            # Before the lock goes: whoever has opened the file meanwhile sees that it is gone, and makes another.
            if self._path is not None and _is_still(self._path, self._descriptor):
                with suppress(OSError):
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def try_claim(path: Path) -> Claim | None:
    """Return the claim on a file, made if need be; None while another process (or this one) holds it.

    On a file system that cannot lock, every process gets the claim: work may then be done twice, and the store keeps
    one result.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            return Claim(descriptor, None)
        if _is_still(path, descriptor):
            return Claim(descriptor, path)
        # Whoever cleaned up removed the file between opening and locking it.
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
