"""What shows a run while it goes on, and the display that shows nothing."""

from __future__ import annotations

from typing import Protocol

from harness.contract.cells import Cell
from harness.contract.rows import Row


class Display(Protocol):
    """Shows a run while it goes on."""

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


class SilentDisplay:
    """A display that keeps warnings and shows nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def begin(self, total: int, reused: int) -> None:
        return None

    def working(self, cell: Cell) -> None:
        return None

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        return None

    def cell_done(self, row: Row) -> None:
        return None

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def close(self) -> None:
        return None
