"""A store that colleagues and machines share: finished cells, trained weights and runs, an object each.

An object is the archive of an entry with its manifest. What comes from there is believed only as far as its digests go:
every file is that of the manifest, the manifest is that of the key, and nothing is written outside of a staged folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from harness.contract.cells import digest
from harness.contract.errors import InvalidOutput, UsageError
from harness.files import parse_json, read_plain
from harness.store.archive import MAX_UNPACKED_BYTES, pack, unpack
from harness.store.objects import MAX_OBJECT_BYTES, Objects, RemoteError, open_objects
from harness.store.store import ENTRY_KEY, INPUTS, MANIFEST, EntryKind, file_digests, is_intact
from harness.user_configuration import configured

SHARED: tuple[EntryKind, ...] = ("cells", "weights")
"""The kinds of entries that are shared: what takes long to make; estimates and pictures are made of cells."""
STORE_VARIABLE = "HARNESS_STORE"
Judge = Callable[[], str]
Pushed = Literal["pushed", "there"]
_ENDING = ".tar.gz"
N_CONNECTIONS = 16
"""Entries that are copied at a time."""
_RUN = re.compile(r"(?!\.)[^/\\]+/(?!\.)[^/\\]+")
_MAX_RATIO, _FREE_BYTES = 100, 1 << 26
"""An archive may unpack to so many times its size and 64 MiB; what is all zeros goes uncompressed."""


class RemoteStore:
    """Entries and runs by key.

    Args:
        objects: where they lie.
        url: what messages call it.
    """

    def __init__(self, objects: Objects, url: str) -> None:
        self._objects, self.url = objects, url
        self._refused: set[str] = set()

    def fetch(self, kind: EntryKind, key: str, staged: Path) -> bool:
        """Write the files of an entry into an empty folder; whether there is one.

        Raises:
            InvalidOutput: it is damaged, hostile, or that of another key; some files may have been written.
            RemoteError: the store cannot be used.
        """
        return self._fetch(_name(kind, key), staged, lambda: problem_of(staged, kind, key))

    def push(self, kind: EntryKind, key: str, folder: Path) -> Pushed:
        """Make an entry there, unless there is one; one that was refused when it was fetched is replaced.

        Args:
            kind, key: the entry.
            folder: its files and its manifest.

        Raises:
            RemoteError: it cannot be made.
        """
        name = _name(kind, key)
        content = _archive(folder, None)
        if name in self._refused:
            self._objects.replace(name, content)
            self._refused.discard(name)
            return "pushed"
        return "pushed" if self._objects.create(name, content) else "there"

    def has(self, kind: EntryKind, key: str) -> bool:
        """Whether there is an entry, whole or not: spares an upload, and decides nothing."""
        return self._objects.has(_name(kind, key))

    def keys(self, kind: EntryKind) -> Iterator[str]:
        """The keys of all entries of a kind."""
        for name in self._objects.names(kind):
            folder, _, key = name.removesuffix(_ENDING).rpartition("/")
            if ENTRY_KEY.fullmatch(key) and folder == f"{kind}/{key[:2]}" and name.endswith(_ENDING):
                yield key

    def push_run(self, run: str, folder: Path) -> Pushed:
        """Make a run there, unless there is one.

        Args:
            run: "suite/run-id".
            folder: its files.
        """
        manifest = {MANIFEST: json.dumps({"files": file_digests(folder)}).encode()}
        return "pushed" if self._objects.create(_name_of_run(run), _archive(folder, manifest)) else "there"

    def fetch_run(self, run: str, staged: Path) -> bool:
        """Write the files of a run into an empty folder; whether there is one. Raises as `fetch` does."""
        found = self._fetch(_name_of_run(run), staged, lambda: _damage_of(staged))
        (staged / MANIFEST).unlink(missing_ok=True)
        return found

    def _fetch(self, name: str, staged: Path, judge: Judge) -> bool:
        content = self._objects.read(name)
        if content is None:
            return False
        try:
            if len(content) > MAX_OBJECT_BYTES:
                raise InvalidOutput(f"an object of more than {MAX_OBJECT_BYTES:,} bytes")
            unpack(content, staged, max_bytes=_allowance(content))
            if problem := judge():
                raise InvalidOutput(problem)
        except InvalidOutput as error:
            self._refused.add(name)
            raise InvalidOutput(f"{name} of {self.url} is not believed: {error}") from None
        return True


def open_remote(url: str, *, to_write: bool = True) -> RemoteStore:
    """Open a remote store, with the options that the user's configuration has for it.

    Raises:
        HarnessError: it cannot be used.
    """
    options = _configuration()
    if options.pop("url", "") != url:
        options = {}
    return RemoteStore(open_objects(url, options, to_write=to_write), url)


def remote_url(given: str | None = None) -> str:
    """The remote store that a user asks for: by an option, a variable, or `store: {url: …}` in the configuration."""
    asked = (given, os.environ.get(STORE_VARIABLE), _configuration().get("url", ""))
    return next((url for url in asked if url is not None), "")


def _configuration() -> dict[str, str]:
    return configured("store", "`url` and the options of its file system to texts")


def problem_of(folder: Path, kind: EntryKind, key: str) -> str:
    """Return why files that came from elsewhere are not the entry of a key; empty if they are."""
    if problem := _damage_of(folder):
        return problem
    try:
        manifest = parse_json(read_plain(folder / MANIFEST))
        inputs = manifest[INPUTS] if kind == "cells" else parse_json(read_plain(folder / "about.json"))["inputs"]
        return "" if digest(inputs) == key else "it is the entry of another key"
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "it does not say what its key was made of"


def _damage_of(folder: Path) -> str:
    if not is_intact(folder):
        return "its files are not those of its manifest"
    named = parse_json(read_plain(folder / MANIFEST))["files"].keys() | {MANIFEST}
    more = sorted(file_digests(folder).keys() - named)
    return f"its manifest does not name {more[0]}" if more else ""


def _archive(folder: Path, more: dict[str, bytes] | None) -> bytes:
    content = pack(folder, more)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > _allowance(content):
        content = pack(folder, more, compressed=False)
    if len(content) > MAX_OBJECT_BYTES:
        raise RemoteError(f"{folder} is too large for an object: {len(content):,} bytes")
    return content


def _allowance(content: bytes) -> int:
    return min(MAX_UNPACKED_BYTES, _MAX_RATIO * len(content) + _FREE_BYTES)


def _name(kind: EntryKind, key: str) -> str:
    return f"{kind}/{key[:2]}/{key}{_ENDING}"


def _name_of_run(run: str) -> str:
    if not _RUN.fullmatch(run):
        raise UsageError(f"{run!r} is no name of a run: give SUITE/RUN, such as robustness/20261201T120000.000Z-ab12")
    return f"runs/{run}{_ENDING}"
