"""The exit code that the rows and expectations of a run imply."""

from __future__ import annotations

import pytest

from harness.contract.errors import Exit
from harness.contract.rows import Row, Status
from harness.coordinator.state import RunState
from harness.coordinator.writing import exit_code_of, summary_of
from harness.results.expectations import ExpectationResult

FAILED = ExpectationResult("tiny", "accuracy ≥ 0.5", "linear", "failed", "0.4")
PASSED = ExpectationResult("tiny", "accuracy ≥ 0.5", "linear", "passed", "0.6")


def rows(*statuses: Status) -> list[Row]:
    return [Row("tiny", {}, 0, status) for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "expectations", "is_interrupted", "code"),
    [
        ([Status.OK], [PASSED], False, Exit.OK),
        ([Status.OK, Status.SKIPPED, Status.SUSPECT], [], False, Exit.OK),
        ([Status.SUSPECT], [], False, Exit.OK),
        ([Status.OK], [PASSED, FAILED], False, Exit.GATE_FAILED),
        ([Status.SKIPPED], [], False, Exit.CELL_NOT_OK),
        ([], [], False, Exit.OK),  # A shard may have none of the cells.
        *(
            [
                ([Status.OK, status], [FAILED], False, Exit.CELL_NOT_OK)
                for status in Status
                if status not in (Status.OK, Status.SUSPECT, Status.SKIPPED)
            ]
        ),
        ([Status.OK, Status.INTERRUPTED], [FAILED], True, Exit.INTERRUPTED),
    ],
)
def test_exit_code(
    statuses: list[Status], expectations: list[ExpectationResult], is_interrupted: bool, code: Exit
) -> None:
    assert exit_code_of(rows(*statuses), expectations, is_interrupted=is_interrupted) == code


def test_the_summary_counts_statuses_and_says_how_each_cell_was_done() -> None:
    state = RunState({}, {"a": "key of a", "b": "key of b"}, {"a": "reused"})
    summary = summary_of(state, rows(Status.OK, Status.OK, Status.FAILED), [PASSED], Exit.CELL_NOT_OK)
    assert summary["status"] == "finished"
    assert summary["cells"] == {"a": {"how": "reused", "key": "key of a"}, "b": {"how": "", "key": "key of b"}}
    assert summary["statuses"] == {"failed": 1, "ok": 2}
    assert summary["exit_code"] == 1
    assert summary["expectations"][0]["verdict"] == "passed"
    assert summary_of(state, [], [], Exit.INTERRUPTED)["status"] == "interrupted"
