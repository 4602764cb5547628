"""Runs cells one after another in this process: the simplest executor, and the one for debuggers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from harness.engine.building import Builder
from harness.engine.execute import execute
from harness.engine.result import CellResult
from harness.executors import Job
from harness.signatures import SignatureReader


class InlineExecutor:
    """Runs cells one after another in this process."""

    slots = 1

    def __init__(
        self,
        builder: Builder,
        signatures: SignatureReader,
        on_progress: Callable[[int, int], None],
        *,
        debug: bool = False,
    ) -> None:
        self._builder, self._signatures, self._on_progress = builder, signatures, on_progress
        self._debug = debug
        self._waiting: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def next(self) -> tuple[Job, CellResult]:
        job = self._waiting.popleft()
        return job, execute(job.cell, job.folder, self._builder, self._signatures, self._on_progress, debug=self._debug)

    def close(self) -> None:
        self._waiting.clear()
