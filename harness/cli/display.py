"""Showing a run while it goes on: a progress bar on a terminal, one line per cell elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich import markup
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from harness.cli.time_left import TimeLeft
from harness.contract.cells import Cell
from harness.contract.rows import Row, Status
from harness.coordinator.display import Display
from harness.environment_secrets import without_secrets
from harness.escaping import on_a_line
from harness.results.table import joined_labels, name_of


def make_display(*, verbose: bool = False, quiet: bool = False) -> Display:
    """Return a progress bar if the error stream is a terminal, else a display of one line per cell.

    Args:
        verbose: a line for every cell that starts or ends, also on a terminal.
        quiet: nothing but warnings.
    """
    if quiet:
        return QuietDisplay()
    return TerminalDisplay() if sys.stderr.isatty() and not verbose else LineDisplay(verbose=verbose)


def _headline(row: Row) -> str:
    """Return the status of a row with its reason; of a suspect row only the names of its doubts (the table has all)."""
    if row.status is Status.SUSPECT:
        return f"{row.status}: {', '.join(dict.fromkeys(doubt.partition(': ')[0] for doubt in row.reason.split('; ')))}"
    return f"{row.status}: {row.reason}" if row.reason else str(row.status)


def escaped(text: str) -> str:
    """Return a text that rich prints as it is, with control characters spelt out."""
    return markup.escape(on_a_line(without_secrets(text)))


class TerminalDisplay(Display):
    """A bar over all cells with the time left, and under it a bar for each cell that is running."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
        )
        self._cells: TaskID | None = None
        self._running: dict[str, TaskID] = {}
        self._left = TimeLeft()
        self._total = self._done = 0
        self._shares: dict[str, float] = {}

    def begin(self, total: int, reused: int) -> None:
        if reused == total:
            return
        self._total, self._left = total - reused, TimeLeft()
        self._bars.start()
        self._cells = self._bars.add_task("cells", total=self._total, left=self._left)

    def working(self, cell: Cell) -> None:
        self._running[cell.id] = self._bars.add_task(escaped(_label(cell)), total=None, left="")

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        if cell.id in self._running:
            description = escaped(what or _label(cell))
            self._bars.update(self._running[cell.id], description=description, completed=done, total=total or None)
            # A training is taken for the first half of its cell.
            half = 0.5 if what or self._shares.get(cell.id, 0.0) >= 0.5 else 0.0
            share = (done / total if total else 0.0) * (0.5 if half else 1.0) + (0.0 if what else half)
            self._shares[cell.id] = max(share, self._shares.get(cell.id, 0.0))
            self._count_down()

    def cell_done(self, row: Row) -> None:
        if row.status not in (Status.OK, Status.SKIPPED, Status.INTERRUPTED):
            self._console.print(f"[red]{escaped(name_of(row))}[/red] {escaped(_headline(row))}", highlight=False)
        if row.cell in self._running:
            self._bars.remove_task(self._running.pop(row.cell))
            self._shares.pop(row.cell, None)
            self._done += 1
            if self._cells is not None:
                self._bars.advance(self._cells)
            self._count_down()

    def _count_down(self) -> None:
        """Take what is done of the running cells for a part of the whole."""
        if self._total:
            self._left.update(min(1.0, (self._done + sum(self._shares.values())) / self._total))

    def warn(self, message: str) -> None:
        self._console.print(f"[yellow]warning:[/yellow] {escaped(message)}", highlight=False)

    def close(self) -> None:
        self._bars.stop()


def _label(cell: Cell) -> str:
    return joined_labels(cell.labels) or cell.id


class LineDisplay(Display):
    """One line per cell, for logs."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._total = self._done = 0
        self._quiet, self._verbose = False, verbose
        # While a cell runs, what plugins print goes to its log; this must not.
        self._stream = sys.stderr

    def begin(self, total: int, reused: int) -> None:
        self._total, self._quiet = total, reused == total and not self._verbose
        self._say(f"{total} cell{'s' if total != 1 else ''}, {reused} finished before")

    def started(self, *, suite: str, run: str, folder: str, cells: int, reused: int, changes: Sequence[str]) -> None:
        if self._verbose:
            self._say(f"{suite}: run {run} in {folder}")
            for change in changes:
                self._say(f"changed: {change}")

    def working(self, cell: Cell) -> None:
        if self._verbose:
            self._say(f"{_label(cell)}: started")

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        if what and done == total > 0:
            self._say(f"{what}: done")

    def cell_done(self, row: Row) -> None:
        self._done += 1
        if row.status is Status.INTERRUPTED or (self._quiet and row.status is Status.OK):
            return
        seconds = "" if row.seconds is None else f" {row.seconds:.2f} s"
        self._say(f"[{self._done}/{self._total}] {name_of(row)}: {_headline(row)}{seconds}")

    def warn(self, message: str) -> None:
        self._say(f"warning: {message}")

    def _say(self, text: str) -> None:
        print(on_a_line(without_secrets(text)), file=self._stream, flush=True)


class QuietDisplay(Display):
    """Warnings alone."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def warn(self, message: str) -> None:
        print(on_a_line(without_secrets(f"warning: {message}")), file=self._stream, flush=True)
