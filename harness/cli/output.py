"""Output of commands: the terminal with its width, and files that a user named."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.cli.streams import echo, styled
from harness.contract.errors import StoreError, UsageError
from harness.contract.plain import encodable
from harness.environment_secrets import without_secrets
from harness.files import write_whole

_NO_LIMIT = 10_000
_LEAST_HEIGHT = 25


def terminal_width() -> int:
    """The width that tables must fit; no limit where the output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _NO_LIMIT


def terminal_height() -> int | None:
    """The lines that are in sight, at least 25; None where the output is not a terminal."""
    return max(shutil.get_terminal_size().lines, _LEAST_HEIGHT) if sys.stdout.isatty() else None


def write_named_file(path: Path, text: str) -> None:
    """Write a file that the user named, whole or not at all. Raises UsageError if it cannot be written."""
    content = encodable(without_secrets(text)).encode()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # Such as /dev/stdout.
        else:
            write_whole(path.resolve(), content)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def only_printed() -> Iterator[None]:
    """Warn of a run that cannot be written, such as that of somebody else: its table is printed all the same."""
    try:
        yield
    except StoreError as error:
        echo(f"{styled('warning:', fg='yellow')} {error}; the table is only printed", err=True)
