"""Files of published data sets: found in a folder or downloaded, and used only if their digest is the pinned one."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.contract.errors import MissingData
from harness.downloads import download_file
from harness.files import default_folder as default_folder

MOST_UNPACKED_BYTES = 2 << 30
"""Size of the content of a published file; the largest here has a tenth of it."""
_PIECE = 1 << 20
_DAMAGED = "it is damaged or another file"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class PinnedFile:
    """A file whose content is known.

    Attributes:
        name: its usual file name.
        url: where it is published.
        sha256: digests that are accepted, of the file as it lies there or of what it unpacks to: a file that was
            packed anew is as good as the original.
        git_blob: the name that git gives the content, for a file of which no other digest is published.
    """

    name: str
    url: str
    sha256: Sequence[str] = ()
    git_blob: str = ""


def data_folder(dataset: str, below: str, names: Sequence[str], folder: Path | None) -> Path:
    """Return the folder to read a pinned file from. Its content is checked: where it lies cannot change a result.

    Args:
        dataset: names the folder in the user's cache.
        below: the folder below $HARNESS_DATA that may hold it.
        names: its file names; any of them will do.
        folder: the folder that the suite names, which is preferred.
    """
    if folder is not None:
        return folder
    data = os.environ.get("HARNESS_DATA")
    if data and any((Path(data) / below / name).exists() for name in names):
        return Path(data) / below
    return default_folder(dataset)


def read_pinned(file: PinnedFile, folder: Path, *, download: bool) -> bytes:
    """Return the verified content of a file, unpacked if it is gzipped.

    Args:
        file: the file to read.
        folder: where it is or is downloaded to; with or without the ending .gz.
        download: fetch it if it is not there, or is another file.

    Raises:
        MissingData: it is not there and cannot be fetched, or its digest is wrong.
    """
    path = folder / file.name
    unpacked = folder / file.name.removesuffix(".gz")
    source = path if path.is_file() else unpacked if unpacked.is_file() else None
    problem = f"{path} is not there" if source is None else _why_wrong(file, source)
    if problem and download:
        _fetch(file, path, problem, is_there=source is not None)
    elif problem:
        hint = ", or say `download: true`" if source is None else ""
        raise MissingData(f"{problem}. {_how_to_get(file, folder)}{hint}")
    return b"".join(_pieces(path if problem or source is None else source))


def _fetch(file: PinnedFile, path: Path, problem: str, *, is_there: bool) -> None:
    try:
        download_file(file.url, path, partial(_why_wrong, file))
    except OSError as error:
        again = ", and could not be downloaded again" if is_there else " and could not be downloaded"
        raise MissingData(f"{problem}{again} ({error}). {_how_to_get(file, path.parent)}") from error


def _why_wrong(file: PinnedFile, path: Path) -> str:
    """Return how a file differs from what is pinned; empty if it does not. Nothing is unpacked as a whole."""
    with path.open("rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    if sha256 in file.sha256:
        return ""
    inner, size = hashlib.sha256(), 0
    try:
        for piece in _pieces(path):
            inner.update(piece)
            size += len(piece)
        if inner.hexdigest() in file.sha256 or (blob := _git_blob(path, size)) == file.git_blob:
            return ""
    except (OSError, EOFError, zlib.error) as error:
        return f"{path} cannot be unpacked ({error}); {_DAMAGED}"
    found = (
        f"has sha256 {sha256}, expected {file.sha256[0]}"
        if file.sha256
        else f"is {blob} to git, expected {file.git_blob}"
    )
    return f"{path} {found}; {_DAMAGED}"


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, unpacked if it is gzipped. Raises OSError if that is more than any published file."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP_MAGIC
    size = 0
    with gzip.open(path) if is_packed else path.open("rb") as content:
        while piece := content.read(_PIECE):
            size += len(piece)
            if size > MOST_UNPACKED_BYTES:
                raise OSError(f"it unpacks to more than {MOST_UNPACKED_BYTES:,} bytes")
            yield piece


def _git_blob(path: Path, size: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _how_to_get(file: PinnedFile, folder: Path) -> str:
    return f"Get it from {file.url} and put it into {folder}, or name its folder with `folder:`"
