"""Which ends of a cell are worth another attempt."""

from __future__ import annotations

import pytest

from harness.contract.rows import Status
from harness.coordinator.retry import Attempt, batch_size_of_next_attempt, with_attempts
from harness.store.cell_result import CellResult


def result(status: Status, batch_size: int = 64) -> CellResult:
    return CellResult(status, "why", batch_size=batch_size)


def history(status: Status, batch_size: int = 64) -> list[int]:
    """The batch sizes of all attempts, if every one ends like this."""
    sizes, before = [batch_size], list[Attempt]()
    while (again := batch_size_of_next_attempt(result(status, sizes[-1]), before)) is not None:
        before.append(Attempt.of(result(status, sizes[-1])))
        sizes.append(again)
    return sizes


@pytest.mark.parametrize(
    ("status", "sizes"),
    [
        (Status.OK, [64]),
        (Status.SKIPPED, [64]),
        (Status.FAILED, [64]),
        (Status.INVALID, [64]),
        (Status.TIMEOUT, [64]),
        (Status.CRASHED, [64, 64]),
        (Status.LOST, [64, 64, 64, 64]),
        (Status.OOM, [64, 32, 16, 8, 4, 2, 1]),
    ],
)
def test_policy(status: Status, sizes: list[int]) -> None:
    assert history(status) == sizes


def test_a_crash_after_running_out_of_memory_is_still_tried_once_more() -> None:
    before = [Attempt.of(result(Status.OOM)), Attempt.of(result(Status.LOST, 32))]
    assert batch_size_of_next_attempt(result(Status.CRASHED, 32), before) == 32


def test_attempts_are_told() -> None:
    final = with_attempts(result(Status.CRASHED), [Attempt.of(result(Status.CRASHED))])
    assert final.reason == "why (attempt 2)"
    assert final.attempts == [{"status": "crashed", "reason": "why", "batch_size": 64}]
    assert with_attempts(CellResult(Status.OK), [Attempt.of(result(Status.LOST))]).reason == ""
    assert with_attempts(result(Status.FAILED), []) == result(Status.FAILED)
