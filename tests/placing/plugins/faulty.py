"""An executor that fails in one of its methods, as its parameter says."""

from __future__ import annotations

from typing import Any

from harness.api import Component, hookimpl
from harness.placing import Ended, Job, RunSettings


class Faulty:
    """Takes jobs, and fails.

    Args:
        where: the method that fails.
        how: what it does: raise, nonsense or exit.
    """

    in_this_process = False
    has_failed = False
    trouble = ""

    def __init__(self, where: str, how: str = "raise") -> None:
        self._where, self._how = where, how
        self._jobs: list[Job] = []
        self._fail("init")

    def _fail(self, where: str) -> Any:
        if where != self._where:
            return None
        if self._how == "exit":
            raise SystemExit(0)
        if self._how == "raise":
            raise ValueError("a bug of the executor")
        return "nonsense"

    def start(self, run: RunSettings) -> None:
        self._fail("start")

    def capacity(self) -> int:
        # One that fails at the end alone never had a place.
        answer: int = self._fail("capacity") or (0 if self._where == "close" else 1 - len(self._jobs))
        return answer

    def submit(self, job: Job) -> None:
        self._fail("submit")
        self._jobs.append(job)

    def next(self, timeout: float | None = None) -> Ended | None:
        answer: Ended | None = self._fail("next")
        return answer

    def cancel(self, job: Job) -> None:
        self._fail("cancel")

    def close(self) -> None:
        self._fail("close")


class NoExecutor:
    """Has no method of an executor."""


@hookimpl
def harness_components() -> list[Component]:
    return [
        Component("executor", "faulty", f"{__name__}:Faulty"),
        Component("executor", "none", f"{__name__}:NoExecutor"),
        Component("executor", "absent", f"{__name__}:Faulty", requires=("no-such-distribution",)),
    ]
