"""`harness cache`: the store of finished cells and trained weights."""

from __future__ import annotations

import time
from pathlib import Path

import click
from tabulate import tabulate

from harness.cli.options import results_option
from harness.cli.streams import echo
from harness.store.garbage import clean, damaged, usage
from harness.store.open import open_store


@click.group("cache")
def command() -> None:
    """Show, check and clean the store of finished cells, trained weights and estimates."""


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
def verify(results: Path) -> int:
    """Check every file against its digest; damaged entries go to the quarantine, and the exit code is 1."""
    n, store = 0, open_store(results, needs_writing=False)
    for kind, key in damaged(store):
        n += 1
        echo(f"damaged: {kind} {key[:16]}; it will be made again when it is needed")
    moved = "moved to the quarantine" if store.can_write else "stay, since the store cannot be written"
    echo(f"{n} damaged entries {moved}" if n else "all entries are intact")
    return int(n > 0)


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
