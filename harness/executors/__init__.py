"""Executors place jobs. They do not retry, time out or interpret what comes back; the runner does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.contract.cells import Cell
from harness.engine.result import CellResult


@dataclass(frozen=True)
class Job:
    """A cell to run and the empty folder that its result goes to."""

    cell: Cell
    folder: Path


class Executor(Protocol):
    """Runs jobs somewhere.

    Attributes:
        slots: how many jobs it runs at once.
    """

    slots: int

    def submit(self, job: Job) -> None:
        """Accept a job; return at once."""

    def next(self) -> tuple[Job, CellResult]:
        """Wait for a job to end. Call it once per submitted job."""

    def close(self) -> None:
        """Stop whatever still runs."""
