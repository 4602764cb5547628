"""Executors run jobs. They neither retry nor interpret results; the coordinator does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

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


@dataclass(frozen=True)
class Ended:
    """A job has ended: its files lie in its folder."""

    job: Job
    result: CellResult


@dataclass(frozen=True)
class Working:
    """A job goes on.

    Attributes:
        job: which.
        what: the work it does, such as a training; empty for the cell itself.
        done, total: how much of it is done, and how much there is.
    """

    job: Job
    what: str
    done: int
    total: int


class Executor(Protocol):
    """Runs jobs somewhere.

    Attributes:
        in_this_process: whether code of plugins runs in this process, where only an exception can stop it.
    """

    in_this_process: bool

    @property
    def trouble(self) -> str:
        """Why it can take no job for now, for the reason of what is given up; empty if nothing is known."""

    @property
    def has_failed(self) -> bool:
        """Whether it will never take a job again."""

    def capacity(self) -> int:
        """Return how many more jobs it can take now. The number may change; 0 is legal."""

    def submit(self, job: Job) -> None:
        """Accept a job; return at once. Never called without capacity."""

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        """Wait for news of a job, also of one that another place has run meanwhile; None if there is none in time.

        Args:
            timeout: seconds to wait; None for as long as it takes.
        """

    def cancel(self, job: Job) -> None:
        """End a job; nothing more need be heard of it. One that is unknown or has ended is none of its concern."""

    def close(self) -> None:
        """End all jobs that still run, and all that they have started; closing twice is fine."""


@dataclass(frozen=True)
class RunSettings:
    """What an executor of a plugin is told of the run.

    Attributes:
        n_workers: the number of places that the user asks for; None leaves it to the executor.
        device: the kind of device that cells compute on, cpu, cuda or mps, or one of them such as cuda:1.
        threads: torch threads of each worker on the CPU.
        timeout: seconds that a cell may take, with the training it needs.
        cells_per_worker: number of cells after which a worker process is replaced.
        plugin_folders: as `--plugins-dir`.
        code: the digest of the code of the core and of each plugin, and the versions of what they stand on.
        remote: the URL of the store that machines share; empty for none.
    """

    n_workers: int | None
    device: str
    threads: int
    timeout: float
    cells_per_worker: int
    plugin_folders: tuple[str, ...]
    code: dict[str, str]
    remote: str = ""


@runtime_checkable
class PlacingExecutor(Executor, Protocol):
    """An executor that a plugin offers; its parameters are those of its class or function."""

    def start(self, run: RunSettings) -> None:
        """Prepare for the jobs of a run; called once, before the first.

        Raises:
            HarnessError: it cannot be used, such as an address that nobody answers.
        """
