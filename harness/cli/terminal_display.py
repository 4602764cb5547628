"""Showing a run on a terminal while it goes on: a bar over all cells, and one for each that is running."""

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
)

from harness.cli.display import label_of, outcome_of
from harness.cli.time_left import TimeLeft
from harness.contract.cells import Cell
from harness.contract.rows import Row, Status
from harness.coordinator.display import Display
from harness.environment_secrets import without_secrets
from harness.escaping import on_a_line
from harness.results.table import name_of


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
        self._running[cell.id] = self._bars.add_task(escaped(label_of(cell)), total=None, left="")

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        if cell.id in self._running:
            description = escaped(what or label_of(cell))
            self._bars.update(self._running[cell.id], description=description, completed=done, total=total or None)
            # A training is taken for the first half of its cell.
            half = 0.5 if what or self._shares.get(cell.id, 0.0) >= 0.5 else 0.0
            share = (done / total if total else 0.0) * (0.5 if half else 1.0) + (0.0 if what else half)
            self._shares[cell.id] = max(share, self._shares.get(cell.id, 0.0))
            self._count_down()

    def cell_done(self, row: Row) -> None:
        if row.status not in (Status.OK, Status.SKIPPED, Status.INTERRUPTED):
            self._console.print(f"[red]{escaped(name_of(row))}[/red] {escaped(outcome_of(row))}", highlight=False)
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
