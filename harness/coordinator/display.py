"""Displays of a run in progress, and the display that shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contract.cells import Cell
from harness.contract.rows import Row


class Display:
    """Shows a run while it goes on. A display overrides what it shows; the rest does nothing."""

    def started(self, *, suite: str, run: str, folder: str, cells: int, reused: int, changes: Sequence[str]) -> None:
        """The run has its folder: `cells` cells, of which `reused` are taken from the store."""

    def queued(self, cell: Cell) -> None:
        """This cell waits to be run."""

    def begin(self, total: int, reused: int) -> None:
        """The run starts with `total` cells, of which `reused` are taken from the store."""

    def working(self, cell: Cell) -> None:
        """This cell has begun to run."""

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        """Show the progress of a running cell, or of a training for it (`what`)."""

    def cell_done(self, row: Row) -> None:
        """A cell has ended."""

    def warn(self, message: str) -> None:
        """Warn the user of something that does not stop the run."""

    def close(self) -> None:
        """The last cell has ended."""


class SilentDisplay(Display):
    """A display that keeps warnings and shows nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)
