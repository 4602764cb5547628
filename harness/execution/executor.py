"""Executors run jobs. They neither retry nor interpret results; the coordinator does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.contract.cells import Cell
from harness.store.cell_result import CellResult

Progress = Callable[[Cell, str, int, int], None]
"""Called with the cell, the work ("" for the cell itself), how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Job:
    """One attempt at a cell.

    Attributes:
        cell: what to run.
        folder: the empty folder that records, artifacts and log go to.
        batch_size: number of examples at once.
        key: the cache key that the cell was planned with; empty where nothing is kept under one.
    """

    cell: Cell
    folder: Path
    batch_size: int
    key: str = ""


class Executor(Protocol):
    """Runs jobs somewhere.

    Attributes:
        slots: number of jobs that it runs at once.
        in_this_process: whether code of plugins runs in this process, where only an exception can stop it.
    """

    slots: int
    in_this_process: bool

    def submit(self, job: Job) -> None:
        """Accept a job; return at once. Never called with more than `slots` jobs under way."""

    def next(self, timeout: float | None = None) -> tuple[Job, CellResult] | None:
        """Wait for a job to end; None if none has after this many seconds."""

    def close(self) -> None:
        """End all jobs that still run."""
