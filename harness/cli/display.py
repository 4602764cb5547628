"""Showing a run while it goes on: a progress bar on a terminal, one line per cell elsewhere."""

from __future__ import annotations

import sys

from rich import markup
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.contract.cells import Cell
from harness.contract.rows import Row, Status
from harness.coordinator.display import Display
from harness.escaping import on_a_line
from harness.results.table import joined_labels, name_of


def make_display() -> Display:
    """Return a progress bar if the error stream is a terminal, else a display of one line per cell."""
    return TerminalDisplay() if sys.stderr.isatty() else LineDisplay()


def _headline(row: Row) -> str:
    """Return the status of a row with its reason; of a suspect row only the names of its doubts (the table has all)."""
    if row.status is Status.SUSPECT:
        return f"{row.status}: {', '.join(dict.fromkeys(doubt.partition(': ')[0] for doubt in row.reason.split('; ')))}"
    return f"{row.status}: {row.reason}" if row.reason else str(row.status)


def escaped(text: str) -> str:
    """Return a text that rich prints as it is, with control characters spelt out."""
    return markup.escape(on_a_line(text))


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
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._cells: TaskID | None = None
        self._running: dict[str, TaskID] = {}

    def begin(self, total: int, reused: int) -> None:
        if reused == total:
            return
        self._bars.start()
        self._cells = self._bars.add_task("cells", total=total - reused)

    def working(self, cell: Cell) -> None:
        self._running[cell.id] = self._bars.add_task(escaped(_label(cell)), total=None)

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        if cell.id in self._running:
            description = escaped(what or _label(cell))
            self._bars.update(self._running[cell.id], description=description, completed=done, total=total or None)

    def cell_done(self, row: Row) -> None:
        if row.status not in (Status.OK, Status.SKIPPED, Status.INTERRUPTED):
            self._console.print(f"[red]{escaped(name_of(row))}[/red] {escaped(_headline(row))}", highlight=False)
        if row.cell in self._running:
            self._bars.remove_task(self._running.pop(row.cell))
            if self._cells is not None:
                self._bars.advance(self._cells)

    def warn(self, message: str) -> None:
        self._console.print(f"[yellow]warning:[/yellow] {escaped(message)}", highlight=False)

    def close(self) -> None:
        self._bars.stop()


def _label(cell: Cell) -> str:
    return joined_labels(cell.labels) or cell.id


class LineDisplay(Display):
    """One line per cell, for logs."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._quiet = False
        # While a cell runs, what plugins print goes to its log; this must not.
        self._stream = sys.stderr

    def begin(self, total: int, reused: int) -> None:
        self._total, self._quiet = total, reused == total
        self._say(f"{total} cells, {reused} finished before")

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
        print(on_a_line(text), file=self._stream, flush=True)
