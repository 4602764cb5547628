"""`harness cache`: the store of finished cells and trained weights."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import click
from tabulate import tabulate

from harness.cli.options import results_option, store_option
from harness.cli.streams import echo
from harness.contract.errors import UsageError
from harness.store.exchange import Moved, pull_entries, pull_run, push_entries, push_run, verify_entries
from harness.store.garbage import clean, damaged, usage
from harness.store.open import open_store
from harness.store.remote import RemoteStore, open_remote, remote_url
from harness.store.run_folder import RunFolder
from harness.store.store import Store
from harness.user_configuration import config_path


@click.group("cache")
def command() -> None:
    """Show, check, share and clean the store of finished cells, trained weights and estimates."""


@command.command("ls")
@results_option
def show(results: Path) -> None:
    """Show the number, size and age of the entries in the store."""
    body = [
        [u.kind, u.n, size_text(u.size), _age(u.oldest), _age(u.newest)]
        for u in usage(open_store(results, needs_writing=False))
    ]
    echo(
        tabulate(
            body,
            ["", "entries", "size", "oldest used", "newest used"],
            tablefmt="simple",
            colalign=("left", "right", "right", "right", "right"),
        )
    )


@command.command("verify")
@results_option
@click.option("--remote", "is_remote", is_flag=True, help="Check the store that machines share in place of this one.")
@store_option
def verify(results: Path, store: str | None, *, is_remote: bool) -> int:
    """Check every file against its digest; damaged entries go to the quarantine, and the exit code is 1.

    With --remote, entries that are damaged there are replaced by those of this store, where it has them.
    """
    if is_remote:
        return _verify_remote(open_store(results), _opened(store))
    return _verify(results)


def _verify(results: Path) -> int:
    n, store = 0, open_store(results, needs_writing=False)
    for kind, key in damaged(store):
        n += 1
        echo(f"damaged: {kind} {key[:16]}; it will be made again when it is needed")
    moved = "moved to the quarantine" if store.can_write else "stay, since the store cannot be written"
    echo(f"{n} damaged entries {moved}" if n else "all entries are intact")
    return int(n > 0)


def _verify_remote(store: Store, remote: RemoteStore) -> int:
    bad = [moved for moved in verify_entries(store, remote) if moved.reason]
    for moved in bad:
        became = "replaced by that of this store" if moved.outcome == "replaced" else "it is made again where needed"
        echo(f"damaged: {moved.kind} {moved.key[:16]}; {became}: {moved.reason}")
    echo(f"{len(bad)} damaged entries in {remote.url}" if bad else f"all entries of {remote.url} are intact")
    return int(bool(bad))


@command.command("push")
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@results_option
@store_option
def push(runs: tuple[str, ...], results: Path, store: str | None) -> None:
    """Copy finished cells and trained weights to the store that machines share; with RUN that run instead.

    RUN is the folder of a run, SUITE/RUN, or the name of a suite for its latest run. Who was first stays: what is there
    is not overwritten.
    """
    own, folders = open_store(results), [RunFolder.find(run, results) for run in runs]
    remote = _opened(store)
    moves = [push_run(folder, own, remote) for folder in folders] if runs else [push_entries(own, remote)]
    _tell(chain.from_iterable(moves), "pushed", f"in {remote.url}")


@command.command("pull")
@click.argument("runs", nargs=-1, metavar="[SUITE/RUN...]")
@results_option
@store_option
def pull(runs: tuple[str, ...], results: Path, store: str | None) -> int:
    """Copy all that is missing here from the store that machines share; with SUITE/RUN that run instead.

    What is damaged there is not taken, and the exit code is 1. A run needs no pull: it fetches the cells of its plan.
    """
    own, remote = open_store(results), _opened(store, to_write=False)
    moves = [pull_run(run, results, own, remote) for run in runs] if runs else [pull_entries(own, remote)]
    return _tell(chain.from_iterable(moves), "pulled", "here")


def _opened(store: str | None, *, to_write: bool = True) -> RemoteStore:
    url = remote_url(store)
    if not url:
        raise UsageError(
            f"there is no store that machines share: name it by --store, by HARNESS_STORE, or in {config_path()} as "
            "`store: {url: s3://bucket/folder}`"
        )
    return open_remote(url, to_write=to_write)


def _tell(moves: Iterable[Moved], verb: str, where: str) -> int:
    """Print how many entries were copied, also before an error; 1 if some are damaged."""
    counts, n_there, n_bad = Counter[str](), 0, 0
    try:
        for moved in moves:
            counts[moved.kind] += moved.outcome == verb
            n_there += moved.outcome == "there"
            n_bad += moved.outcome == "damaged"
            if moved.reason:
                echo(f"damaged: {moved.reason}")
    finally:
        done = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()) if n)
        echo(f"{verb} {done or 'nothing'}" + (f"; {n_there} were {where}" if n_there else ""))
    return int(n_bad > 0)


@command.command("gc")
@click.option("--older-than", type=click.FloatRange(min=0), help="Also remove entries not used for this many days.")
@results_option
def collect(results: Path, older_than: float | None) -> None:
    """Remove what is no longer needed: the quarantine, files that dead processes left, old locks.

    Tables and records of runs stay as they are.
    """
    cleaned = clean(open_store(results), older_than_days=older_than)
    counts = ", ".join(f"{n} {kind}" for kind, n in cleaned.removed.items() if n)
    echo(f"removed {counts}: {size_text(cleaned.size)}" if counts else "nothing to remove")


def size_text(size: float) -> str:
    """Return a number of bytes as text with its unit, e.g. "1.5 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _age(moment: float | None) -> str:
    if moment is None:
        return ""
    seconds = max(0.0, time.time() - moment)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "now"
