"""The content-addressed store of trained weights, finished cells and estimates.

An entry is a folder of files with a manifest of their digests. It is committed by one rename, so it is there
whole or not at all; it is verified on every read, and what does not match is moved aside and made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from harness.contract.cells import digest
from harness.contract.errors import StoreError
from harness.files import (
    drop_specials,
    explained,
    open_plain,
    parse_json,
    read_checked,
    read_plain,
    sync,
    write_checked,
)
from harness.store.import_closure import ImportClosures
from harness.store.locks import Claim, try_claim

EntryKind = Literal["cells", "weights", "estimates", "pictures"]
ENTRY_KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
STORE = "store"
"""The folder of the store in a results folder."""
MANIFEST = "manifest.json"
INPUTS = "inputs"
"""The name in a manifest of what the key was made of."""
DOCUMENT = ".json"
"""The ending of an entry that is a single document."""
ENTRY_KEY = re.compile(r"[0-9a-f]{64}")
"""What the key of an entry looks like."""
_POLL_SECONDS, _REMOVAL_POLL_SECONDS = 0.1, 0.005


class Store:
    """Entries by kind and key below a folder.

    Args:
        root: the folder.
        needs_writing: whether it must be possible to write it; else entries that are put are dropped where it is not.
        as_loaded: whether keys that are made with it stand for modules as they were imported in this process, as where
            cells run, rather than for their files as they are now.

    Attributes:
        warn: is told what does not stop a run; a store without further levels has nothing to say.

    Raises:
        StoreError: the folder cannot be created or written, and must be.
    """

    def __init__(self, root: Path, *, needs_writing: bool = True, as_loaded: bool = False) -> None:
        self.root, self._as_loaded = root, as_loaded
        self._closures: dict[tuple[frozenset[str], tuple[str, ...]], ImportClosures] = {}
        self._staging, self._quarantine, self._locks = root / "staging", root / "quarantine", root / "locks"
        self.can_write = True
        self.warn: Callable[[str], None] = lambda _: None
        try:
            with self.explained():
                self._make_folders()
        except StoreError:
            if needs_writing or root.parent.is_file():
                raise
            self.can_write = False

    def of_loaded_code(self) -> Store:
        """The same store for cells that run in this process, whose keys stand for modules as they were imported."""
        return Store(self.root, as_loaded=True)

    def _make_folders(self) -> None:
        for folder in (self._staging, self._quarantine, self._locks):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self._staging, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))

    def explained(self) -> AbstractContextManager[None]:
        """Turn errors of the operating system inside into a StoreError about the results folder."""
        return explained(self.root.parent)

    def closures(self, plugins: frozenset[str], folders: tuple[str, ...] = ()) -> ImportClosures:
        """Return the import closures that follow these packages, computed once as long as the store is open.

        Args:
            plugins: top-level packages to follow even where they are installed.
            folders: of the suite and of plugins, where modules are looked up first.
        """
        if (plugins, folders) not in self._closures:
            self._closures[plugins, folders] = ImportClosures(plugins, self.root, folders, as_loaded=self._as_loaded)
        return self._closures[plugins, folders]

    def differing(self, loaded: Mapping[str, str]) -> list[str]:
        """The files that went into keys with other sources than those with these hashes, by path."""
        return sorted({path for closures in self._closures.values() for path in closures.differing(loaded)})

    def data_files(self) -> tuple[Any, ...]:
        """What tells whether files that lie beside the modules of the closures were replaced."""
        return tuple(closures.data_files() for closures in self._closures.values())

    def folder(self, kind: EntryKind, key: str) -> Path:
        """Return the folder of an entry, which need not exist."""
        return entry_folder(self.root, kind, key)

    def get(self, kind: EntryKind, key: str) -> Path | None:
        """The folder of a verified entry, or None. A damaged entry is moved to the quarantine."""
        folder = self.folder(kind, key)
        if is_intact(folder):
            # When it was last used, for those who clean up; a store that cannot be written can still be read.
            with contextlib.suppress(OSError):
                os.utime(folder / MANIFEST)
            return folder
        if folder.is_dir():
            self.move_aside(kind, key, lambda entry: not is_intact(entry))
        return None

    def weights_digest(self, key: str) -> str | None:
        """The digest of stored weights, or None if there are none; does not verify them."""
        folder = self.folder("weights", key)
        digest = _stated_digest(folder)
        if digest is None and folder.is_dir():
            self.move_aside("weights", key, lambda entry: _stated_digest(entry) is None)
        return digest

    def move_aside(self, kind: EntryKind, key: str, is_bad: Callable[[Path], bool]) -> bool:
        """Put an entry that is damaged or out of date into the quarantine; whether it was there.

        Args:
            kind, key: the entry; of a document with its ending.
            is_bad: says so of its folder or file; asked while nobody else removes entries, since one that another
                process has just made in its place must stay.
        """
        entry = self.folder(kind, key)
        if not self.can_write:
            return False
        with self._removing(), self.explained(), contextlib.suppress(FileNotFoundError):
            if entry.exists() and is_bad(entry):
                entry.rename(self._quarantine / f"{kind}-{entry.name}-{secrets.token_hex(4)}")
                return True
        return False

    @contextmanager
    def _removing(self) -> Iterator[None]:
        """While entered, no other process removes an entry of the store; committing goes on."""
        path = self._locks / "removing"
        while True:
            with self.explained():
                claim = try_claim(path)
            if claim is not None:
                break
            time.sleep(_REMOVAL_POLL_SECONDS)
        try:
            yield
        finally:
            claim.release()

    def try_claim(self, kind: EntryKind, key: str) -> Claim | None:
        """Return the right to make an entry; None while another process, or this one, has it."""
        with self.explained():
            return try_claim(self._locks / f"{kind}-{key}")

    def claim(self, kind: EntryKind, key: str, on_wait: Callable[[], None]) -> Claim:
        """Wait for the right to make an entry and return it; `on_wait` is called now and then meanwhile."""
        while (claim := self.try_claim(kind, key)) is None:
            on_wait()
            time.sleep(_POLL_SECONDS)
        return claim

    def open_stage(self) -> Path:
        """A fresh folder to write an entry into; end it with `commit` or `discard`."""
        folder = self._staging / f"{os.uname().nodename}+{os.getpid()}-{secrets.token_hex(6)}"
        with self.explained():
            folder.mkdir()
        return folder

    @staticmethod
    def discard(staged: Path) -> None:
        """Remove a staged folder, if it was not committed."""
        shutil.rmtree(staged, ignore_errors=True)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """A staged folder that is discarded at the end unless it was committed."""
        folder = self.open_stage()
        try:
            yield folder
        finally:
            self.discard(folder)

    def commit(self, kind: EntryKind, key: str, staged: Path, inputs: Mapping[str, Any] | None = None) -> Path:
        """Make the staged folder the entry of this key. The first writer wins; the loser's copy is dropped.

        Args:
            kind, key: the entry.
            staged: its files.
            inputs: what its key was made of, to be written into its manifest.
        """
        with self.explained():
            drop_specials(staged)
            manifest: dict[str, Any] = {"files": file_digests(staged)}
            manifest |= {} if inputs is None else {INPUTS: inputs, "key": key}
            (staged / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            for name in (*manifest["files"], MANIFEST, ""):
                sync(staged / name)
        return self.adopt(kind, key, staged)

    def adopt(self, kind: EntryKind, key: str, staged: Path) -> Path:
        """Make a staged folder that has its manifest the entry of this key, unless there is one."""
        final = self.folder(kind, key)
        with self.explained():
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.rename(final)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            sync(final.parent)
        return final

    def prefetch(self, kind: EntryKind, keys: Iterable[str]) -> None:
        """Bring entries here that a slower level of the store has; this store is all there is."""

    def put_json(self, kind: EntryKind, key: str, value: Mapping[str, Any]) -> None:
        """Keep a document that can be made again; a store that cannot be written drops it."""
        if not self.can_write:
            return
        with self.explained():
            write_checked(self.folder(kind, key + DOCUMENT), json.dumps(value).encode())

    def get_json(self, kind: EntryKind, key: str) -> dict[str, Any] | None:
        """A document kept by `put_json`, or None. A damaged one is moved to the quarantine."""
        path = self.folder(kind, key + DOCUMENT)
        try:
            content = read_checked(path)
        except OSError:
            return None
        if content is None:
            if path.exists():
                self.move_aside(kind, path.name, lambda entry: not is_intact(entry))
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        document: dict[str, Any] = json.loads(content)
        return document


def entry_folder(store: Path, kind: EntryKind, key: str) -> Path:
    """Return the folder of an entry in the folder of a store; of a document the file, by its key and ending."""
    return store / kind / key[:2] / key


def entries_in(store: Path, kind: EntryKind) -> Iterator[Path]:
    """Every entry of a kind in the folder of a store, but for documents that are being written."""
    return (path for path in (store / kind).glob("*/*") if not path.name.startswith("."))


def is_intact(folder: Path) -> bool:
    """Whether the files of an entry are those of its manifest, to the byte; of a document whether it is whole."""
    try:
        if not folder.is_dir():
            return read_checked(folder) is not None
        manifest = parse_json(read_plain(folder / MANIFEST))
        if INPUTS in manifest and digest(manifest[INPUTS]) != manifest["key"]:
            return False
        return all(_is_inside(name) and _digest(folder / name) == wanted for name, wanted in manifest["files"].items())
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError):
        return False


def _is_inside(name: str) -> bool:
    """Whether a name in a manifest is that of a file of its entry."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def file_digests(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder by its name there, as manifests have them. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _digest(path) for path in files}


def _digest(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stated_digest(folder: Path) -> str | None:
    try:
        return str(parse_json(read_plain(folder / "about.json"))["digest"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def array_digests(folder: Path) -> dict[str, str]:
    """Name and digest of every array that a cell left beside its records, as its manifest has them."""
    names = [f"artifacts/{path.name}" for path in sorted((folder / "artifacts").glob("*.npy"))]
    manifest = folder / MANIFEST
    stored = json.loads(manifest.read_bytes())["files"] if manifest.is_file() else {}
    return {name: stored[name] if name in stored else _digest(folder / name) for name in names}
