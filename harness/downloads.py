"""Downloading a file: its content is checked before it is in place, with limits of size and time, resumed where it can.

What a server answers is a stranger's word: it may stall, end early, never end, or send something else.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Any

_BLOCK = 1 << 16
_PARTIAL, _UNSATISFIABLE, _SERVER_ERROR, _TOO_MANY = 206, 416, 500, 429


@dataclass(frozen=True)
class Limits:
    """What a download may take.

    Attributes:
        most_bytes: size of the file.
        seconds: of all attempts together.
        silence: seconds that the server may send nothing.
        attempts: number of requests; the first that answers that the file is not there ends them.
        pause: seconds before the second attempt; twice as long before the third, and so on.
    """

    most_bytes: int = 1 << 30
    seconds: float = 3600.0
    silence: float = 30.0
    attempts: int = 4
    pause: float = 1.0


USUAL = Limits()


class DownloadError(OSError):
    """A file that could not be downloaded, with the reason as its text."""


class _NotAgain(DownloadError):
    """A reason that another attempt cannot change."""


def download_file(url: str, path: Path, why_wrong: Callable[[Path], str], limits: Limits = USUAL) -> None:
    """Download a file to a path, where it is whole and right or not at all.

    What an attempt got is kept beside it, and the next one asks for the rest. Processes that want the same file wait
    for the first of them.

    Args:
        url: where it is published.
        path: where it is put; its folder is made, and a file there is replaced.
        why_wrong: returns why a downloaded file is not the one that is wanted, such as its digest; empty if it is.
        limits: what it may take.

    Raises:
        DownloadError: it could not be downloaded.
        OSError: it cannot be written.
    """
    end = time.monotonic() + limits.seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with _locked(part) as file:
        try:
            if path.is_file() and not why_wrong(path):  # Another process was first.
                file.truncate(0)
                return
            _attempts(url, file, part, why_wrong, limits, end)
            part.replace(path)
        finally:
            if part.is_file() and not part.stat().st_size:
                part.unlink()


@contextmanager
def _locked(part: Path) -> Iterator[BufferedWriter]:
    """A file opened for appending by this process alone."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had it may have removed it meanwhile, or moved it into place.
            if part.is_file() and os.path.samestat(part.stat(), os.fstat(file.fileno())):
                yield file
                return


def _attempts(
    url: str, file: BufferedWriter, part: Path, why_wrong: Callable[[Path], str], limits: Limits, end: float
) -> None:
    """Fill the file, in as many attempts as it takes."""
    for attempt in range(limits.attempts):
        try:
            _fill(url, file, limits, end)
            if not (problem := why_wrong(part)):
                return
            file.truncate(0)
            raise DownloadError(problem)
        except (OSError, http.client.HTTPException, ValueError) as error:
            failed = _in_words(error)
        if isinstance(failed, _NotAgain) or attempt + 1 == limits.attempts or time.monotonic() > end:
            break
        time.sleep(min(limits.pause * 2**attempt, max(0.0, end - time.monotonic())))
    if isinstance(failed, _NotAgain):
        file.truncate(0)
    raise failed


def _fill(url: str, file: BufferedWriter, limits: Limits, end: float) -> None:
    """Append what the server sends of the rest of a file."""
    had = file.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"Range": f"bytes={had}-"} if had else {})
    with urllib.request.urlopen(request, timeout=min(limits.silence, max(0.1, end - time.monotonic()))) as answer:
        if had and not _continues(answer, had):
            file.truncate(0)
            had = file.seek(0)
        length = answer.headers.get("Content-Length")
        total = had + int(length) if length and length.isdigit() else None
        if (total or 0) > limits.most_bytes:
            raise _NotAgain(f"it has {total:,} bytes, more than {limits.most_bytes:,}")
        # One piece at a time: `read` waits for a whole block, however slowly it comes.
        read = getattr(answer, "read1", answer.read)
        while block := read(_BLOCK):
            had += file.write(block)
            if had > limits.most_bytes:
                raise _NotAgain(f"it has more than {limits.most_bytes:,} bytes")
            if time.monotonic() > end:
                raise _NotAgain(f"it took longer than {limits.seconds:g} s")
        file.flush()
        os.fsync(file.fileno())
    if total is not None and had < total:
        raise DownloadError(f"the connection ended after {had:,} of {total:,} bytes")


def _continues(answer: Any, had: int) -> bool:
    """Whether the server sends the rest, from where the file ends."""
    return answer.status == _PARTIAL and str(answer.headers.get("Content-Range", "")).startswith(f"bytes {had}-")


def _in_words(error: Exception) -> DownloadError:
    if isinstance(error, DownloadError):
        return error
    if isinstance(error, urllib.error.HTTPError):
        told = f"the server says {error.code} {error.reason}"
        again = error.code >= _SERVER_ERROR or error.code in (_UNSATISFIABLE, _TOO_MANY)
        return DownloadError(told) if again else _NotAgain(told)
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return DownloadError("the server sent nothing for too long")
    # Without a network, or a server, nobody wants to wait for the next attempt.
    kind = _NotAgain if isinstance(error, urllib.error.URLError) and reason is not error else DownloadError
    return (DownloadError if isinstance(reason, ConnectionResetError) else kind)(str(reason) or type(error).__name__)
