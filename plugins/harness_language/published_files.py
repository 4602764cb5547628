"""Files of published texts: found in a folder or downloaded, and always checked against a pinned digest."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from harness.api import MissingData

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file whose content is known.

    Attributes:
        name: its file name, here and in the folder of the user.
        url: where it is published.
        sha256: the digest of its content.
    """

    name: str
    url: str
    sha256: str


def default_folder(dataset: str) -> Path:
    """Where downloads of a data set are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "harness" / dataset


def read_published(file: PublishedFile, folder: Path, *, download: bool) -> str:
    """The verified content of a file, which is UTF-8.

    Args:
        file: which.
        folder: where it lies or shall lie.
        download: fetch it if it is not there.

    Raises:
        MissingData: it is not there and cannot be fetched, or its digest is wrong.
    """
    path = folder / file.name
    if not path.is_file():
        if not download:
            raise MissingData(f"{path} is not there. {_how_to_get(file, folder)}")
        _download(file, path)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        told = f"{path} has sha256 {found}, expected {file.sha256}"
        raise MissingData(f"{told}; it is damaged or another version. {_how_to_get(file, folder)}")
    return content.decode()


def _how_to_get(file: PublishedFile, folder: Path) -> str:
    return f"Get it from {file.url} and put it into {folder}, or name its folder with `folder:`"


def _download(file: PublishedFile, path: Path) -> None:
    """Fetch a file next to its place and move it there once it is whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f"{path.name}.{os.getpid()}.part")
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT) as source, staged.open("wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise MissingData(
            f"{path} is not there and could not be downloaded ({reason}). {_how_to_get(file, path.parent)}"
        ) from error
    staged.replace(path)
