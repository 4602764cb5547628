"""Maintenance of the store: what it holds, what is damaged, and what can be removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.store.locks import try_claim
from harness.store.promises import broken_promise
from harness.store.run_folder import REUSED, RunFolder
from harness.store.store import DOCUMENT, ENTRY_KINDS, MANIFEST, EntryKind, Store, entries_in, is_intact

_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Usage:
    """The number and size of the entries of one kind in the store.

    Attributes:
        kind: cells, weights, estimates, pictures, or what is no entry: quarantine, staging.
        n: the number of entries.
        size: their size in bytes, counting what runs link to as well.
        oldest, newest: when an entry was last used, in seconds since the epoch; None if there is none.
    """

    kind: str
    n: int
    size: int
    oldest: float | None
    newest: float | None


@dataclass(frozen=True)
class Cleaned:
    """The result of a cleaning: number of removed entries by kind, and their size in bytes."""

    removed: dict[str, int]
    size: int


def usage(store: Store) -> list[Usage]:
    """Return the usage of the store by kind."""
    entries = [_usage(kind, list(entries_in(store.root, kind))) for kind in ENTRY_KINDS]
    return [*entries, *(_usage(name, list((store.root / name).glob("*"))) for name in ("quarantine", "staging"))]


def damaged(store: Store) -> Iterator[tuple[EntryKind, str]]:
    """Yield kind and key of each entry that is not as it was written or that no reader can use, then in quarantine."""
    for kind in ENTRY_KINDS:
        is_bad = _is_bad_cell if kind == "cells" else _is_damaged
        for entry in list(entries_in(store.root, kind)):
            if entry.exists() and is_bad(entry) and (not store.can_write or store.move_aside(kind, entry.name, is_bad)):
                yield kind, entry.name.removesuffix(DOCUMENT)


def _is_damaged(entry: Path) -> bool:
    return not is_intact(entry)


def _is_bad_cell(entry: Path) -> bool:
    return not is_intact(entry) or bool(broken_promise(entry))


def clean(store: Store, *, older_than_days: float | None = None) -> Cleaned:
    """Remove what no reader can use, the quarantine, files of dead processes, idle locks, and entries unused for long.

    Folders of runs are not touched: they keep their own links to the files of the cells that they have measured, and
    entries that they have reused stay.

    Args:
        store: the store to clean.
        older_than_days: remove entries that no run has used for this long; None keeps all.
    """
    for _ in damaged(store):
        pass
    n_old = dict(_move_old_aside(store, older_than_days)) if older_than_days is not None else {}
    to_remove: dict[str, list[Path]] = {
        "quarantine": list((store.root / "quarantine").iterdir()),
        "staging": [path for path in (store.root / "staging").iterdir() if not _is_stage_in_use(path)],
    }
    size = sum(_size(path) for paths in to_remove.values() for path in paths)
    for path in (path for paths in to_remove.values() for path in paths):
        # Another cleaning beside this one may have removed some of it.
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with store.explained():
        _remove_idle_locks(store)
    n_damaged = len(to_remove["quarantine"]) - sum(n_old.values())
    return Cleaned({"quarantine": n_damaged, "staging": len(to_remove["staging"]), **n_old}, size)


def _move_old_aside(store: Store, older_than_days: float) -> Iterator[tuple[str, int]]:
    """Move entries that were not used for long to the quarantine, whole, so that no reader finds half of one."""
    oldest_kept = time.time() - older_than_days * _SECONDS_PER_DAY

    def is_old(entry: Path) -> bool:
        return _last_used(entry) < oldest_kept

    for kind in ENTRY_KINDS:
        needed = _reused_by_runs(store) if kind == "cells" else set()
        old = [entry for entry in entries_in(store.root, kind) if entry.name not in needed and is_old(entry)]
        yield kind, sum(store.move_aside(kind, entry.name, is_old) for entry in old)


def _reused_by_runs(store: Store) -> set[str]:
    """The keys of the cells that runs have reused, which have no other files of them."""
    runs = (RunFolder(path.parent) for path in store.root.parent.glob(f"*/*/{REUSED}"))
    return set[str]().union(*(run.reused_keys for run in runs))


def _usage(kind: str, entries: list[Path]) -> Usage:
    times = [_last_used(entry) for entry in entries]
    sizes = sum(_size(entry) for entry in entries)
    return Usage(kind, len(entries), sizes, min(times, default=None), max(times, default=None))


def _last_used(entry: Path) -> float:
    for path in (entry / MANIFEST, entry):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_mtime
    return time.time()  # It was removed meanwhile.


def _size(entry: Path) -> int:
    """The bytes of the files of an entry; what is removed meanwhile has none."""
    inside = (Path(folder) / name for folder, _, names in os.walk(entry) for name in names)
    return sum(_bytes_of(path) for path in (entry, *inside))


def _bytes_of(path: Path) -> int:
    with contextlib.suppress(OSError):
        found = path.lstat()
        return found.st_size if stat.S_ISREG(found.st_mode) else 0
    return 0


def _is_stage_in_use(path: Path) -> bool:
    """Whether the process that opened this stage still runs, or may run on another machine and is not a day old."""
    host, _, rest = path.name.partition("+")
    if host != os.uname().nodename:
        return time.time() - _last_used(path) < _SECONDS_PER_DAY
    try:
        os.kill(int(rest.partition("-")[0]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _remove_idle_locks(store: Store) -> None:
    for path in (store.root / "locks").iterdir():
        claim = try_claim(path)
        if claim is not None:
            path.unlink(missing_ok=True)
            claim.release()
