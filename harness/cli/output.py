"""Output of commands: the terminal with its width, and files that a user named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness.contract.errors import UsageError

_NO_LIMIT = 10_000


def terminal_width() -> int:
    """The width that tables must fit; no limit where the output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _NO_LIMIT


def write_named_file(path: Path, text: str) -> None:
    """Write a file that the user named. Raises UsageError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written: {error.strerror}") from error
