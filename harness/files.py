"""Writing files: whole or not at all, and with an error that a user can act on."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.contract.errors import StoreError

_PROBE_BYTES = 1 << 16
_SECONDS_OF_A_WRITE = 600.0
"""Nobody takes longer to write a file; what is older was left by a process that was killed."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of the operating system inside into a StoreError about this folder."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"the results folder {str(folder)!r} cannot be written: {_why(error)}") from error


def _why(error: OSError) -> str:
    # Arrow puts the number into its message only.
    number = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    return os.strerror(int(number[1])) if number else error.strerror or str(error)


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file by way of a neighbour, so that a reader finds the old content or the new. Raises OSError.

    Args:
        path: the file.
        content: what it holds then.
        durable: whether this holds after a loss of power too, which costs milliseconds.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _sweep(path)
    try:
        with staged.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        staged.replace(path)
        if durable:
            sync(path.parent)
    finally:
        staged.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file or the names in a folder reach the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what writers of a file left who were killed."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _SECONDS_OF_A_WRITE:
                left.unlink()


def can_write(folder: Path) -> bool:
    """Whether a file can be written into a folder: what could not be written elsewhere there had a fault of its own."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError:
        return False
    return True


def empty(folder: Path) -> None:
    """Remove all that lies in a folder; one that is gone is made again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)


def make_way(path: Path) -> Path:
    """Return the path of a file to be written, after removing what is no plain file there; its folder is made.

    A cell may have left a folder or a link in the place of one of its files, or have removed its own folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return path


def write_checked(path: Path, content: bytes) -> None:
    """Write a file and its folder so that `read_checked` can tell whether it is still whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content, durable=False)


def read_checked(path: Path) -> bytes | None:
    """Return what `write_checked` wrote; None if there is no such file or it is damaged."""
    raw = path.read_bytes() if path.is_file() else b""
    digest, _, content = raw.partition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None
