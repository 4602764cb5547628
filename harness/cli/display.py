"""Showing a run while it goes on: a progress bar on a terminal, one line per cell elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
    if verbose or not sys.stderr.isatty():
        return LineDisplay(verbose=verbose)
    # In the function: rich takes a fifth of a second to import.
    from harness.cli.terminal_display import TerminalDisplay

    return TerminalDisplay()


def outcome_of(row: Row) -> str:
    """Return the status of a row with its reason; of a suspect row only the names of its doubts (the table has all)."""
    if row.status is Status.SUSPECT:
        return f"{row.status}: {', '.join(dict.fromkeys(doubt.partition(': ')[0] for doubt in row.reason.split('; ')))}"
    return f"{row.status}: {row.reason}" if row.reason else str(row.status)


def label_of(cell: Cell) -> str:
    """The labels of a cell on one line; its id where it has none."""
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
            self._say(f"{label_of(cell)}: started")

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        if what and done == total > 0:
            self._say(f"{what}: done")

    def cell_done(self, row: Row) -> None:
        self._done += 1
        if row.status is Status.INTERRUPTED or (self._quiet and row.status is Status.OK):
            return
        seconds = "" if row.seconds is None else f" {row.seconds:.2f} s"
        self._say(f"[{self._done}/{self._total}] {name_of(row)}: {outcome_of(row)}{seconds}")

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
