"""Copying entries and runs between the store of a results folder and one that machines share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.contract.errors import InvalidOutput, UsageError
from harness.store.remote import N_CONNECTIONS, SHARED, RemoteStore
from harness.store.run_folder import RunFolder
from harness.store.store import ENTRY_KEY, EntryKind, Store, entries_in

Outcome = Literal["pushed", "pulled", "there", "damaged", "replaced", "absent"]


@dataclass(frozen=True)
class Moved:
    """What became of an entry: pushed, pulled, there already, absent, damaged there, or replaced since it was damaged.

    Attributes:
        kind: cells, weights, or runs.
        key: its key; of a run "suite/run-id".
        outcome: what became of it.
        reason: why it is damaged.
    """

    kind: str
    key: str
    outcome: Outcome
    reason: str = ""


def push_entries(store: Store, remote: RemoteStore, keys: Iterable[str] | None = None) -> Iterator[Moved]:
    """Copy entries of a store to a remote one, those that are there left out.

    Args:
        store, remote: from where and to where.
        keys: of cells; None for all cells and weights.

    Raises:
        RemoteError: the remote store cannot be used; what was told before is there.
    """

    def push(kind: EntryKind, key: str) -> Moved:
        if remote.has(kind, key):
            return Moved(kind, key, "there")
        folder = store.get(kind, key)
        return Moved(kind, key, "absent" if folder is None else remote.push(kind, key, folder))

    yield from _at_once(push, _wanted(keys, lambda kind: _keys_in(store, kind)))


def pull_entries(store: Store, remote: RemoteStore, keys: Iterable[str] | None = None) -> Iterator[Moved]:
    """Copy entries of a remote store here, those that are here left out; what is damaged there is told and not taken.

    Args:
        store, remote: to where and from where.
        keys: of cells; None for all cells and weights.

    Raises:
        RemoteError: the remote store cannot be used; what was told before is here.
    """

    def pull(kind: EntryKind, key: str) -> Moved:
        if store.get(kind, key):
            return Moved(kind, key, "there")
        return _fetched(kind, key, store, remote, lambda staged: store.adopt(kind, key, staged))

    yield from _at_once(pull, _wanted(keys, remote.keys))


def verify_entries(store: Store, remote: RemoteStore) -> Iterator[Moved]:
    """Read every entry of a remote store; one that is damaged is replaced by that of this store, if it has one whole.

    Raises:
        RemoteError: the remote store cannot be used.
    """

    def verify(kind: EntryKind, key: str) -> Moved:
        judged = _fetched(kind, key, store, remote, lambda _: None)
        own = store.get(kind, key) if judged.outcome == "damaged" else None
        if own is None:
            return Moved(kind, key, "damaged" if judged.outcome == "damaged" else "there", judged.reason)
        remote.push(kind, key, own)
        return Moved(kind, key, "replaced", judged.reason)

    yield from _at_once(verify, _wanted(None, remote.keys))


def push_run(folder: RunFolder, store: Store, remote: RemoteStore) -> Iterator[Moved]:
    """Copy a run to a remote store, after the cells that it has reused, which it has no files of."""
    yield from push_entries(store, remote, sorted(folder.reused_keys))
    name = f"{folder.path.resolve().parent.name}/{folder.run_id}"
    yield Moved("runs", name, remote.push_run(name, folder.path))


def pull_run(name: str, results: Path, store: Store, remote: RemoteStore) -> Iterator[Moved]:
    """Copy a run from a remote store into a results folder, with the cells that it has reused.

    Raises:
        UsageError: there is none, or it is not believed.
    """
    folder = RunFolder(results / name)
    if not folder.path.exists():
        with store.stage() as staged:
            try:
                with store.explained():
                    if not remote.fetch_run(name, staged):
                        raise UsageError(f"there is no run {name!r} in {remote.url}")
                    folder.path.parent.mkdir(parents=True, exist_ok=True)
                    staged.rename(folder.path)
            except InvalidOutput as error:
                raise UsageError(str(error)) from None
        yield Moved("runs", name, "pulled")
    else:
        yield Moved("runs", name, "there")
    yield from pull_entries(store, remote, sorted(folder.reused_keys))


def _fetched(kind: EntryKind, key: str, store: Store, remote: RemoteStore, take: Callable[[Path], object]) -> Moved:
    with store.stage() as staged:
        try:
            with store.explained():
                if not remote.fetch(kind, key, staged):
                    return Moved(kind, key, "absent")
        except InvalidOutput as error:
            return Moved(kind, key, "damaged", str(error))
        take(staged)
        return Moved(kind, key, "pulled")


def _wanted(cells: Iterable[str] | None, keys: Callable[[EntryKind], Iterable[str]]) -> Iterator[tuple[EntryKind, str]]:
    """These cells, or all entries that are shared."""
    if cells is not None:
        yield from (("cells", key) for key in cells)
        return
    for kind in SHARED:
        yield from ((kind, key) for key in keys(kind))


def _keys_in(store: Store, kind: EntryKind) -> list[str]:
    return sorted(
        path.name for path in entries_in(store.root, kind) if ENTRY_KEY.fullmatch(path.name) and path.is_dir()
    )


def _at_once(move: Callable[[EntryKind, str], Moved], wanted: Iterable[tuple[EntryKind, str]]) -> Iterator[Moved]:
    """Do many at a time; after the first error none is begun."""
    with ThreadPoolExecutor(N_CONNECTIONS) as pool:
        futures = [pool.submit(move, kind, key) for kind, key in wanted]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
