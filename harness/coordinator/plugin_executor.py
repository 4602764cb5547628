"""An executor of a plugin behind the isolation boundary: whatever it does, the run ends with its tables."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from harness.contract.cells import Use
from harness.contract.errors import HarnessError
from harness.contract.rows import Status
from harness.execution.code_digests import code_digests
from harness.execution.executor import Ended, Job, PlacingExecutor, RunSettings, Working
from harness.isolation import Fault, isolated
from harness.plugins import Catalog, not_installed
from harness.store.cell_result import CellResult

T = TypeVar("T")
_SHORTEST_WAIT, _NAP = 0.01, 0.05
"""Seconds."""


class PluginExecutor:
    """Calls an executor of a plugin; one that raises or answers nonsense has failed, and its jobs are lost.

    Args:
        name: what messages call it.
        inner: the executor.
    """

    in_this_process = False

    def __init__(self, name: str, inner: PlacingExecutor) -> None:
        self._name, self._inner = name, inner
        self._jobs: dict[int, Job] = {}
        self._fault = ""
        # What a library prints meanwhile, also from threads, must not lie between the lines of --events.
        self._printing = contextlib.ExitStack()
        self._printing.enter_context(contextlib.redirect_stdout(sys.stderr))

    @property
    def has_failed(self) -> bool:
        """Whether it will never take a job again."""
        return bool(self._fault or self._read("has_failed", bool, default=False))

    @property
    def trouble(self) -> str:
        """Why it can take no job."""
        return self._fault or str(self._read("trouble", str, default=""))

    def capacity(self) -> int:
        """Return how many more jobs it can take now."""
        answer = None if self._fault else self._call("capacity", self._inner.capacity)
        if answer is None:
            return 0
        if not isinstance(answer, int) or isinstance(answer, bool) or answer < 0:
            self._fail("capacity", f"returned {answer!r}, not a number of jobs")
            return 0
        return answer

    def submit(self, job: Job) -> None:
        """Accept a job."""
        self._jobs[id(job)] = job
        self._call("submit", lambda: self._inner.submit(job))

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        """Wait for news of a job; every job of a failed executor is lost."""
        began = time.monotonic()
        news = None if self._fault else self._call("next", lambda: self._inner.next(timeout))
        if news is None and not self._fault and time.monotonic() - began < _SHORTEST_WAIT:
            # One that does not wait must not keep this process busy.
            time.sleep(min(timeout or _NAP, _NAP))
        if news is not None and not _is_news(news):
            self._fail("next", f"returned {type(news).__name__}, not Ended, Working or None")
        if self._fault:
            return self._next_lost()
        if isinstance(news, Ended):
            self._jobs.pop(id(news.job), None)
        return news

    def _next_lost(self) -> Ended | None:
        """The end of one of the jobs that it had when it failed."""
        for number, job in self._jobs.items():
            del self._jobs[number]
            return Ended(job, CellResult(Status.LOST, self._fault, batch_size=job.batch_size))
        return None

    def cancel(self, job: Job) -> None:
        """End a job."""
        self._jobs.pop(id(job), None)
        self._call("cancel", lambda: self._inner.cancel(job))

    def close(self) -> None:
        """End all jobs that still run."""
        self._jobs.clear()
        isolated(self._inner.close)
        self._printing.close()

    def _call(self, method: str, call: Callable[[], T]) -> T | None:
        answer = isolated(call)
        if isinstance(answer, Fault):
            self._fail(method, answer.reason)
            return None
        return answer

    def _fail(self, method: str, what: str) -> None:
        self._fault = self._fault or f"executor {self._name!r} failed in {method}: {what}"

    def _read(self, attribute: str, kind: type[Any], *, default: Any) -> Any:
        value = isolated(lambda: getattr(self._inner, attribute, default))
        return value if isinstance(value, kind) else default


def _is_news(news: object) -> bool:
    if not isinstance(news, Ended | Working) or not isinstance(news.job, Job):
        return False
    return not isinstance(news, Ended) or isinstance(news.result, CellResult)


def start_executor(use: Use, catalog: Catalog, run: Callable[[dict[str, str]], RunSettings]) -> PluginExecutor:
    """Make the executor that a suite or a user asks for, and start it.

    Args:
        use: the executor with its parameters.
        catalog: where it is found.
        run: makes the settings of the run from the digests of the code.

    Raises:
        HarnessError: a library is missing, it cannot be made, or it cannot be used.
    """
    component = catalog.find(use.kind, use.name).component
    if missing := not_installed(component):
        raise HarnessError(f"executor {use.label!r} {missing}")
    made = isolated(lambda: component.load()(**use.parameters))
    if isinstance(made, Fault):
        raise HarnessError(f"executor {use.label!r}: {made.reason}")
    if not isinstance(made, PlacingExecutor):
        raise HarnessError(f"executor {use.label!r} is a {type(made).__name__}, which lacks methods of an executor")
    executor = PluginExecutor(use.label, made)
    started = isolated(lambda: made.start(run(code_digests(catalog))))
    if isinstance(started, Fault):
        executor.close()
        raise HarnessError(f"executor {use.label!r}: {started.reason}")
    return executor
