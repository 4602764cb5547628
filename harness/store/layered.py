"""A store with a second level: what is missing here is looked for there, what is made here is put there too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.contract.errors import HarnessError, InvalidOutput
from harness.store.objects import RemoteError
from harness.store.remote import N_CONNECTIONS, SHARED, Pushed, RemoteStore, open_remote
from harness.store.store import EntryKind, Store

_PAUSE_SECONDS = 60.0
"""Seconds in which a second level that has failed is not asked again: a run must not wait for it at every cell."""


@dataclass
class _Trouble:
    """What a process has met with a second level.

    Attributes:
        is_told: whether a failure was told.
        ask_again: when it may be asked again after a failure.
        disbelieved: the kind and key of entries that are not asked for again.
    """

    is_told: bool = False
    ask_again: float = float("-inf")
    disbelieved: set[tuple[EntryKind, str]] = field(default_factory=set)


class LayeredStore(Store):
    """Entries of a folder, and behind it those of a remote store.

    A failure of the remote store is told once and ends nothing: cells are then measured, and stay here until
    `harness cache push`.

    Args:
        root, as_loaded: as for `Store`.
        remote: the second level.
        warn: is told of the first failure and of each entry that is not believed.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        root: Path,
        remote: RemoteStore,
        warn: Callable[[str], None] = lambda _: None,
        *,
        as_loaded: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(root, as_loaded=as_loaded)
        self.remote, self.warn, self._clock = remote, warn, clock
        self._trouble = _Trouble()

    def of_loaded_code(self) -> Store:
        """The same store for cells that run in this process, whose keys stand for modules as they were imported."""
        store = LayeredStore(self.root, self.remote, self.warn, as_loaded=True, clock=self._clock)
        store._trouble = self._trouble
        return store

    def get(self, kind: EntryKind, key: str) -> Path | None:
        """The folder of a verified entry, fetched if need be, or None."""
        return super().get(kind, key) or (super().get(kind, key) if self._fetch(kind, key) else None)

    def commit(self, kind: EntryKind, key: str, staged: Path, inputs: Mapping[str, Any] | None = None) -> Path:
        """Make the staged folder the entry of this key, here and there.

        Weights that another machine was first to put there take the place of ours, so that cells of all machines are
        those of the same weights.
        """
        final = super().commit(kind, key, staged, inputs)
        if self._push(kind, key, final) == "there" and kind == "weights":
            self._take_theirs(key)
        return final

    def prefetch(self, kind: EntryKind, keys: Iterable[str]) -> None:
        """Fetch what is missing here, many at a time."""
        missing = [key for key in dict.fromkeys(keys) if not self.folder(kind, key).is_dir()]
        with ThreadPoolExecutor(N_CONNECTIONS) as pool:
            list(pool.map(lambda key: self._fetch(kind, key), missing))

    def _take_theirs(self, key: str) -> None:
        with self.stage() as staged:
            if self._fetch_into("weights", key, staged):
                self.move_aside("weights", key, lambda entry: True)
                self.adopt("weights", key, staged)
                return
        # Theirs is damaged, and was refused: ours takes its place.
        self._push("weights", key, self.folder("weights", key))

    def _fetch(self, kind: EntryKind, key: str) -> bool:
        if kind not in SHARED or not self.can_write:
            return False
        with self.stage() as staged:
            if not self._fetch_into(kind, key, staged):
                return False
            self.adopt(kind, key, staged)
            return True

    def _fetch_into(self, kind: EntryKind, key: str, staged: Path) -> bool:
        trouble = self._trouble
        if (kind, key) in trouble.disbelieved or self._clock() < trouble.ask_again:
            return False
        try:
            with self.explained():
                return self.remote.fetch(kind, key, staged)
        except InvalidOutput as error:
            trouble.disbelieved.add((kind, key))
            self.warn(str(error))
        except RemoteError as error:
            self._note(error)
        return False

    def _push(self, kind: EntryKind, key: str, folder: Path) -> Pushed | None:
        if kind not in SHARED or self._clock() < self._trouble.ask_again:
            return None
        try:
            return self.remote.push(kind, key, folder)
        except RemoteError as error:
            self._note(error)
        return None

    def _note(self, error: RemoteError) -> None:
        """Leave the second level alone for a while after a failure, and tell the first."""
        self._trouble.ask_again = self._clock() + _PAUSE_SECONDS
        if not self._trouble.is_told:
            self._trouble.is_told = True
            self.warn(f"{error}; the run goes on without it, and `harness cache push` brings there what it makes")


def open_layered(root: Path, url: str) -> Store:
    """The store of a folder, with the second level that a URL names; empty for none.

    Raises:
        HarnessError: one of them cannot be used.
    """
    return LayeredStore(root, open_remote(url)) if url else Store(root)


def worker_store(root: Path, url: str, warn: Callable[[str], None]) -> Store:
    """The store of a process that runs cells; without the second level where that cannot be used just now."""
    if url:
        try:
            return LayeredStore(root, open_remote(url), warn, as_loaded=True)
        except HarnessError as error:
            warn(str(error))
    return Store(root, as_loaded=True)
