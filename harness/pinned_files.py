"""Files of published data sets: found in a folder or downloaded, and always checked against a pinned digest."""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.contract.errors import MissingData

_TIMEOUT_SECONDS = 30.0
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


def default_folder(dataset: str) -> Path:
    """Return the folder for downloads of a data set."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "harness" / dataset


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
        download: fetch it if it is not there.

    Raises:
        MissingData: it is not there and cannot be fetched, or its digest is wrong.
    """
    path = folder / file.name
    unpacked = folder / file.name.removesuffix(".gz")
    source = path if path.is_file() else unpacked if unpacked.is_file() else None
    if source is None:
        if not download:
            raise MissingData(f"{path} is not there. {_how_to_get(file, folder)}, or say `download: true`")
        source = _download(file, path)
    data = source.read_bytes()
    content = gzip.decompress(data) if data[:2] == _GZIP_MAGIC else data
    digests = {hashlib.sha256(data).hexdigest(), hashlib.sha256(content).hexdigest()}
    if not digests & set(file.sha256) and _git_blob(content) != file.git_blob:
        problem = f"{source} is {_git_blob(content)} to git, expected {file.git_blob}"
        if file.sha256:
            problem = f"{source} has sha256 {hashlib.sha256(data).hexdigest()}, expected {file.sha256[0]}"
        raise MissingData(f"{problem}; it is damaged or another file. {_how_to_get(file, folder)}")
    return content


def _git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _how_to_get(file: PinnedFile, folder: Path) -> str:
    return f"Get it from {file.url} and put it into {folder}, or name its folder with `folder:`"


def _download(file: PinnedFile, path: Path) -> Path:
    """Download a file under a temporary name and rename it once it is whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f"{path.name}.{os.getpid()}.part")
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT_SECONDS) as source, staged.open("wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise MissingData(
            f"{path} is not there and could not be downloaded ({reason}). {_how_to_get(file, path.parent)}"
        ) from error
    staged.replace(path)
    return path
