"""Runs cells one after another in this process: the simplest executor, and the one for debuggers."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO, cast

from harness.contract.errors import StoreError
from harness.contract.rows import Status
from harness.execution.bounded_log import BoundedLog
from harness.execution.build import Builder
from harness.execution.cell import execute, import_torch_for
from harness.execution.executor import Ended, Job, Progress
from harness.execution.exits import not_written
from harness.files import can_write, empty, make_way
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult
from harness.store.run_folder import LOG


class InlineExecutor:
    """Runs cells one after another in this process. It cannot end a cell that hangs, and a crash ends it too.

    Args:
        builder: makes components.
        signatures: reads what they need of each other.
        on_progress: called during long work.
        debug: do not catch exceptions and output of plugins.
    """

    in_this_process = True
    trouble = ""
    has_failed = False

    def __init__(
        self, builder: Builder, signatures: SignatureReader, on_progress: Progress, *, debug: bool = False
    ) -> None:
        self._builder, self._signatures, self._on_progress = builder, signatures, on_progress
        self._debug = debug
        self._waiting: deque[Job] = deque()

    def capacity(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def next(self, timeout: float | None = None) -> Ended | None:
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        import_torch_for(job.cell)
        log = BoundedLog()
        self._builder.batch_size = job.batch_size
        self._builder.on_progress = partial(self._on_progress, job.cell)
        run: Any = partial(execute, job.cell, job.folder, self._builder, self._signatures, key=job.key)
        if self._debug:
            result: CellResult = run(debug=True)
        else:
            stream = cast("TextIO", log)
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                result = _written(run, job)
        log.write(result.traceback)
        make_way(job.folder / LOG).write_bytes(log.content())
        return Ended(job, result)

    def cancel(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)

    def close(self) -> None:
        self._waiting.clear()


def _written(run: Callable[[], CellResult], job: Job) -> CellResult:
    """Run a job; one that cannot write its files, while others can be written there, has a fault of its own."""
    try:
        return run()
    except StoreError as error:
        if not can_write(job.folder.parent):
            raise
        empty(job.folder)
        return CellResult(Status.INVALID, not_written(str(error)), batch_size=job.batch_size)
