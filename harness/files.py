"""Writing files: whole or not at all, and with an error that a user can act on."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.contract.errors import StoreError


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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file by way of a neighbour, so that a reader finds the old content or the new. Raises OSError."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        staged.write_bytes(content)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def write_checked(path: Path, content: bytes) -> None:
    """Write a file and its folder so that `read_checked` can tell whether it is still whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def read_checked(path: Path) -> bytes | None:
    """Return what `write_checked` wrote; None if there is no such file or it is damaged."""
    raw = path.read_bytes() if path.is_file() else b""
    digest, _, content = raw.partition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None
