"""The loop that runs cells: claims them, hands them to an executor, retries, and commits how each has ended."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from harness.contract.cells import Cell
from harness.contract.rows import Status
from harness.coordinator.interrupts import Interrupts
from harness.coordinator.retry import Attempt, batch_size_of_next_attempt, with_attempts
from harness.execution.executor import Ended, Executor, Job, Progress, Working
from harness.store.cell_result import CellResult
from harness.store.locks import Claim
from harness.store.store import Store

_POLL_SECONDS = 0.5
"""Seconds between two checks of cells that other runs have claimed."""
_MAX_CELLS_AHEAD = 1000


@dataclass
class Schedule:
    """Runs each cell once, also while other runs share the store.

    Attributes:
        executor: where cells run.
        store: where they are claimed, and where stages lie.
        keys: cell id to cache key.
        batch_size: the batch size of first attempts.
        reuse: takes a cell from the store if it has it; true if so.
        commit: called with the last attempt of a cell, its folder still staged.
        working: called when a cell is handed out.
        progress: called during long work.
        wait_for_workers: seconds without any worker after which what has not run is given up.
        silence: seconds without news of a job after which it counts as lost.
        until: the time after which no cell is handed out for the first time; what is left then is in `late`.
        clock: returns the time in seconds.
        interrupts: notes signals meanwhile.
    """

    executor: Executor
    store: Store
    keys: Mapping[str, str]
    batch_size: int
    reuse: Callable[[Cell], bool]
    commit: Callable[[Job, CellResult], None]
    working: Callable[[Cell], None]
    progress: Progress
    wait_for_workers: float = float("inf")
    silence: float = float("inf")
    until: float = float("inf")
    clock: Callable[[], float] = time.monotonic
    interrupts: Interrupts = field(default_factory=Interrupts)
    _waiting: deque[Cell] = field(default_factory=deque)
    _again: deque[tuple[Cell, int]] = field(default_factory=deque)
    _claimed_elsewhere: deque[Cell] = field(default_factory=deque)
    _running: dict[str, Job] = field(default_factory=dict)
    _heard: dict[str, float] = field(default_factory=dict)
    _claims: dict[str, Claim] = field(default_factory=dict)
    _attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    _models_ready: set[str] = field(default_factory=set)
    _without_workers: float | None = None
    late: list[Cell] = field(default_factory=list)

    def run(self, cells: Sequence[Cell]) -> list[Cell]:
        """Run the cells; returns those that were left when the user interrupted.

        The executor stays open, unless some of its jobs were left.
        """
        self._waiting.extend(cells)
        try:
            with contextlib.suppress(KeyboardInterrupt), self.interrupts:
                while self._is_unfinished and not self.interrupts.requested:
                    self._turn()
        finally:
            if self._running:
                self.executor.close()
            for job in self._running.values():
                self.store.discard(job.folder)
            for claim in self._claims.values():
                claim.release()
        again = [cell for cell, _ in self._again]
        return [*(job.cell for job in self._running.values()), *again, *self._waiting, *self._claimed_elsewhere]

    @property
    def _is_unfinished(self) -> bool:
        return bool(self._waiting or self._again or self._running or self._claimed_elsewhere)

    def _turn(self) -> None:
        """Hand out what can be handed out, and take back what has ended."""
        if self.clock() >= self.until:
            self.late += self._waiting
            self._waiting.clear()
        self._hand_out()
        if self._running or self._again or self._waiting:
            # Also without a job under way: news of a place may bring capacity.
            with self.interrupts.raising(self.executor.in_this_process):
                news = self.executor.next(_POLL_SECONDS)
            if news is not None:
                self._take(news)
            self._give_up_silent_jobs()
            self._give_up_without_workers()
        elif self._claimed_elsewhere:
            time.sleep(_POLL_SECONDS)
        self._waiting.extend(self._claimed_elsewhere)
        self._claimed_elsewhere.clear()

    def _hand_out(self) -> None:
        while (self._again or self._waiting) and self.executor.capacity() > 0:
            if self._again:
                self._submit(*self._again.popleft())
                continue
            cell = self._choose()
            claim = self.store.try_claim("cells", self.keys[cell.id])
            if claim is None:
                self._claimed_elsewhere.append(cell)
                continue
            # Another run may have finished it since this one looked.
            if self.reuse(cell):
                claim.release()
                continue
            self._claims[cell.id] = claim
            self._submit(cell, self.batch_size)
            self.working(cell)

    def _choose(self) -> Cell:
        """The next cell; not one whose model another cell is just training, if there is a choice."""
        if self._running:
            busy = {_model(job.cell) for job in self._running.values()} - self._models_ready
            for i, cell in enumerate(islice(self._waiting, _MAX_CELLS_AHEAD)):
                if _model(cell) not in busy:
                    del self._waiting[i]
                    return cell
        return self._waiting.popleft()

    def _submit(self, cell: Cell, batch_size: int) -> None:
        job = Job(cell, self.store.open_stage(), batch_size, self.keys[cell.id])
        self._running[cell.id] = job
        self._heard[cell.id] = self.clock()
        self.executor.submit(job)

    def _take(self, news: Ended | Working) -> None:
        cell = news.job.cell
        if self._running.get(cell.id) is not news.job:
            return  # A job that was given up, or that ends for the second time.
        self._heard[cell.id] = self.clock()
        if isinstance(news, Working):
            self.progress(cell, news.what, news.done, news.total)
        else:
            self._take_back(news.job, news.result)

    def _take_back(self, job: Job, result: CellResult) -> None:
        cell = job.cell
        before = self._attempts.setdefault(cell.id, [])
        next_batch_size = batch_size_of_next_attempt(result, before)
        del self._running[cell.id]
        self._models_ready.add(_model(cell))
        if next_batch_size is not None:
            self.store.discard(job.folder)
            before.append(Attempt.of(result))
            self._again.append((cell, next_batch_size))
        else:
            self._end(job, result)

    def _end(self, job: Job, result: CellResult) -> None:
        """Commit the last attempt of a cell."""
        try:
            self.commit(job, with_attempts(result, self._attempts.get(job.cell.id, ())))
        finally:
            self.store.discard(job.folder)
            if claim := self._claims.pop(job.cell.id, None):
                claim.release()

    def _give_up_silent_jobs(self) -> None:
        """Count jobs as lost whose place says nothing any more."""
        now = self.clock()
        for job in [job for job in self._running.values() if now - self._heard[job.cell.id] > self.silence]:
            self.executor.cancel(job)
            reason = f"nothing was heard of it for {self.silence:.0f} s"
            self._take_back(job, CellResult(Status.LOST, reason, batch_size=job.batch_size))

    def _give_up_without_workers(self) -> None:
        """Give up what has not run once there was no worker for too long."""
        if self._running or self.executor.capacity() > 0:
            self._without_workers = None
            return
        now = self.clock()
        self._without_workers = now if self._without_workers is None else self._without_workers
        if now - self._without_workers < self.wait_for_workers and not self.executor.has_failed:
            return
        waited = "no worker" if self.executor.has_failed else f"no worker for {self.wait_for_workers:.0f} s"
        reason = f"{waited}: {self.executor.trouble}" if self.executor.trouble else waited
        left = [*self._again, *((cell, self.batch_size) for cell in self._waiting)]
        self._again.clear()
        self._waiting.clear()
        for cell, batch_size in left:
            job = Job(cell, self.store.open_stage(), batch_size, self.keys[cell.id])
            self._end(job, CellResult(Status.LOST, reason, batch_size=batch_size))


def _model(cell: Cell) -> str:
    model = cell.components.get("model")
    return f"{model.identity_digest} {cell.seed}" if model else ""
