"""Objects by name in a folder or a bucket that several machines reach: written once, whole or not at all.

Which of two writers was first is decided by the write itself, never by a look before it, a listing or a lock. Few
backends can do that. Most file systems of fsspec look first and then write, also where they are asked to create, and
no trial tells, since a race shows now and then only. So backends are known by name: a folder links its files, S3 and
Google's storage take a condition with the write. Servers that speak S3 and ignore the condition are found by a trial.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.contract.errors import HarnessError, UsageError
from harness.files import create_whole, write_whole
from harness.isolation import Fault, isolated

T = TypeVar("T")
MAX_OBJECT_BYTES = 1 << 34
"""Size of an object that is read into memory, 16 GiB: more than any set of weights that is trained here."""
PART_BYTES = 50 << 20
"""Objects of at least twice this size reach S3 in parts."""
MARKER = "harness-store.json"
_LAYOUT = b'{"harness-store": 1}\n'
_CREATES = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The protocols of fsspec whose creation is exclusive, and the extra of each."""
_S3_DEFAULTS: Mapping[str, Any] = {
    "config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 2}}
}
_IS_THERE = ("PreconditionFailed", "412")


class RemoteError(HarnessError):
    """A remote store that cannot be reached, or that refuses."""


class Objects(Protocol):
    """Objects by name."""

    def read(self, name: str) -> bytes | None:
        """Return an object; None if there is none. Raises RemoteError."""

    def has(self, name: str) -> bool:
        """Whether there is an object: spares an upload, and decides nothing. Raises RemoteError."""

    def create(self, name: str, content: bytes) -> bool:
        """Make an object unless there is one; whether it was made. Raises RemoteError."""

    def replace(self, name: str, content: bytes) -> None:
        """Write an object over one that is damaged. Raises RemoteError."""

    def names(self, below: str) -> Iterator[str]:
        """The names of the objects below one. Raises RemoteError."""


def open_objects(url: str, options: Mapping[str, str], *, to_write: bool) -> Objects:
    """Open a remote store and look whether it can be used.

    Args:
        url: such as s3://bucket/folder, gs://bucket/folder, file:///folder, or the path of a folder.
        options: further parameters of the file system, such as `endpoint_url`.
        to_write: whether objects are to be made; the marker of the store is made then.

    Raises:
        UsageError: no such protocol, its library is missing, or it must not be written.
        RemoteError: it cannot be reached, or there is no store.
    """
    protocol, separator, path = url.partition("://")
    if not separator or protocol in ("file", "local"):
        objects: Objects = FolderObjects(Path(path if separator else url).expanduser(), url)
    else:
        objects = FsspecObjects(url, {**(_S3_DEFAULTS if protocol in ("s3", "s3a") else {}), **options})
        if to_write and protocol not in _CREATES:
            raise UsageError(
                f"the remote store {url!r} cannot be written: {protocol}:// has no exclusive creation, so that one of "
                f"two writers could overwrite the other's; use a folder (file://), s3:// or gs://"
            )
    _check(objects, url, to_write=to_write)
    return objects


def _check(objects: Objects, url: str, *, to_write: bool) -> None:
    """Make the marker or find it; of the second creation it must be told that it is there."""
    if to_write and objects.create(MARKER, _LAYOUT) and objects.create(MARKER, _LAYOUT):
        raise UsageError(
            f"the remote store {url!r} cannot be written: its server creates an object that is there a second time, so "
            "that one of two writers could overwrite the other's"
        )
    found = objects.read(MARKER)
    if found is None:
        raise RemoteError(f"there is no store at {url!r}; the first `harness cache push` makes one")
    if found != _LAYOUT:
        raise RemoteError(f"the store at {url!r} was made by another version of harness, or is none")


class FolderObjects:
    """Objects as files of a folder, which may be one of a network: an object is linked into its place once.

    Args:
        root: the folder.
        url: what messages call it.
    """

    def __init__(self, root: Path, url: str) -> None:
        self._root, self._url = root, url

    def read(self, name: str) -> bytes | None:
        """Return an object; None if there is none."""
        return _reached(self._url, lambda: _none_if_absent(lambda: _read(self._root / name)))

    def has(self, name: str) -> bool:
        """Whether there is an object."""
        return (self._root / name).is_file()

    def create(self, name: str, content: bytes) -> bool:
        """Make an object unless there is one; whether it was made."""
        path = self._root / name

        def create() -> bool:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                create_whole(path, content)
            except FileExistsError:
                return False
            return True

        return _reached(self._url, create)

    def replace(self, name: str, content: bytes) -> None:
        """Write an object over one that is damaged."""
        _reached(self._url, lambda: write_whole(self._root / name, content))

    def names(self, below: str) -> Iterator[str]:
        """The names of the objects below one."""
        for folder, _, files in os.walk(self._root / below):
            for file in sorted(files):
                if not file.startswith("."):
                    yield (Path(folder) / file).relative_to(self._root).as_posix()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_OBJECT_BYTES + 1)


class FsspecObjects:
    """Objects of a file system of fsspec.

    Args:
        url: with the protocol.
        options: parameters of the file system.

    Raises:
        UsageError: there is no such protocol, or its library is missing.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url, (protocol, _, path) = url, url.partition("://")
        self._path = path.strip("/")
        # Nothing that was once listed may stand for what is there now.
        self._fs = _file_system(protocol, {**options, "use_listings_cache": False, "skip_instance_cache": True}, url)
        self._parts = {"chunksize": PART_BYTES} if _CREATES.get(protocol) == "s3" else {}

    def read(self, name: str) -> bytes | None:
        """Return an object; None if there is none."""
        path = f"{self._path}/{name}"
        return _reached(
            self._url,
            lambda: _none_if_absent(lambda: bytes(self._fs.cat_file(path, start=0, end=MAX_OBJECT_BYTES + 1))),
        )

    def has(self, name: str) -> bool:
        """Whether there is an object."""
        return _reached(self._url, lambda: _none_if_absent(lambda: self._fs.info(f"{self._path}/{name}")) is not None)

    def create(self, name: str, content: bytes) -> bool:
        """Make an object unless there is one; whether it was made."""

        def create() -> bool:
            try:
                self._fs.pipe_file(f"{self._path}/{name}", content, mode="create", **self._parts)
            except FileExistsError:
                return False
            except OSError as error:
                # Some servers do not say which condition failed; there is one.
                if _code(error) in _IS_THERE:
                    return False
                raise
            return True

        return _reached(self._url, create)

    def replace(self, name: str, content: bytes) -> None:
        """Write an object over one that is damaged."""
        _reached(self._url, lambda: self._fs.pipe_file(f"{self._path}/{name}", content, **self._parts))

    def names(self, below: str) -> Iterator[str]:
        """The names of the objects below one."""
        found = _reached(self._url, lambda: list(self._fs.find(f"{self._path}/{below}")))
        for path in sorted(found):
            yield str(path).strip("/").removeprefix(f"{self._path}/")


def _file_system(protocol: str, options: Mapping[str, Any], url: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"the remote store {url!r} needs fsspec: pip install fsspec") from None
    known = isolated(lambda: fsspec.get_filesystem_class(protocol))
    if isinstance(known, Fault):
        extra = _CREATES.get(protocol)
        remedy = f'; pip install "neural-harness[{extra}]"' if extra else ""
        raise UsageError(f"the remote store {url!r} cannot be opened: {known.reason}{remedy}")
    made = isolated(lambda: fsspec.filesystem(protocol, **options))
    if isinstance(made, Fault):
        raise UsageError(f"the remote store {url!r} cannot be opened: {made.reason}")
    return made


def _code(error: BaseException) -> str:
    """The code by which a server of S3 says what is wrong; empty where none did."""
    response = getattr(error.__cause__, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _none_if_absent(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except FileNotFoundError:
        return None


def _reached(url: str, call: Callable[[], T]) -> T:
    """Return the value of a call; whatever a library for a backend raises becomes a RemoteError."""
    value = isolated(call)
    if isinstance(value, Fault):
        raise RemoteError(f"the remote store {url!r} cannot be used: {value.reason}")
    return value
