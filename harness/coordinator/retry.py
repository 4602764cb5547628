"""Which failures of a cell are tried again, and with what batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from harness.contract.rows import Status
from harness.store.cell_result import CellResult

_MAX_RETRIES = {Status.LOST: 3, Status.CRASHED: 1}


@dataclass(frozen=True)
class Attempt:
    """An attempt that did not give the cell's result."""

    status: Status
    reason: str
    batch_size: int

    @classmethod
    def of(cls, result: CellResult) -> Attempt:
        """Return the attempt that gave this result."""
        return cls(result.status, result.reason, result.batch_size)


def batch_size_of_next_attempt(result: CellResult, before: Sequence[Attempt]) -> int | None:
    """Return the batch size of the next attempt, or None if the result stands.

    Out of memory: half the batch, down to 1, since records do not depend on it. Lost, when the worker was killed from
    outside or its machine went away: up to three times more. Crashed: once more, since some crashes are chance.
    Whatever else failed would fail again.
    """
    if result.status is Status.OOM:
        return result.batch_size // 2 or None
    same = sum(attempt.status is result.status for attempt in before)
    return result.batch_size if same < _MAX_RETRIES.get(result.status, 0) else None


def with_attempts(result: CellResult, before: Sequence[Attempt]) -> CellResult:
    """Return the result with the attempts before it."""
    if not before:
        return result
    attempts = [asdict(attempt) | {"status": str(attempt.status)} for attempt in before]
    reason = result.reason and f"{result.reason} (attempt {len(before) + 1})"
    return replace(result, attempts=attempts, reason=reason)
