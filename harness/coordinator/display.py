"""What shows a run while it goes on, and the display that shows nothing."""

from __future__ import annotations

from harness.contract.cells import Cell
from harness.contract.rows import Row


class Display:
    """Shows a run while it goes on. A display overrides what it shows; the rest does nothing."""

    def begin(self, total: int, reused: int) -> None:
        """The run starts: so many cells, of which so many are reused."""

    def working(self, cell: Cell) -> None:
        """This cell has begun to run."""

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        """How far a running cell, or a training on its behalf (`what`), has come."""

    def cell_done(self, row: Row) -> None:
        """A cell has ended."""

    def warn(self, message: str) -> None:
        """Something a user should know that stops nothing."""

    def close(self) -> None:
        """The last cell has ended."""


class SilentDisplay(Display):
    """A display that keeps warnings and shows nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)
