"""A task has one record for each example, or says which are missing; its costs take no column of tables."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from execution.cells import cell, use
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status, is_column_of_rows
from harness.execution.build import Builder
from harness.execution.cell import execute
from harness.results.table import csv_text
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult


@pytest.fixture
def run(builder: Builder, signatures: SignatureReader, tmp_path: Path) -> Any:
    def call(how: str) -> CellResult:
        folder = tmp_path / how
        folder.mkdir()
        acting = cell(how)
        return execute(
            type(acting)(acting.experiment, acting.task, acting.components, (use("metric", "total"),)),
            folder,
            builder,
            signatures,
        )

    return call


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("half", "records of 2 of 4 examples, the first that is missing is 'test-2'"),
        ("half and says some", "records of 2 of 4 examples, the first that is missing is 'test-3'"),
        ("all and says", "'test-0' is said to be missing, but has a record or is no example"),
        ("others", "4 of the records have ids that are none of the data's, first 'other-test-0'"),
        ("more", "1 of the records have ids that are none of the data's, first 'more'"),
    ],
)
def test_examples_that_are_dropped_or_replaced_make_a_row_invalid(run: Any, how: str, reason: str) -> None:
    result = run(how)
    assert result.status is Status.INVALID
    assert reason in result.reason


def test_what_is_missing_with_a_reason_stands_in_the_row_and_is_not_compared(run: Any) -> None:
    result = run("half and says")
    assert (result.status, result.n) == (Status.OK, 2)
    assert result.facts["missing"] == {"too long": 1, "too short": 1}
    whole = run("fine")
    assert "missing" not in whole.facts
    assert whole.comparability != result.comparability
    assert whole.comparability == {name: value for name, value in result.comparability.items() if name != "missing"} | {
        "task": whole.comparability["task"]
    }


@pytest.mark.parametrize("how", ["another order", "samples"])
def test_records_in_another_order_and_of_something_else_are_fine(run: Any, how: str) -> None:
    assert run(how).status is Status.OK


@pytest.mark.parametrize("name", ["n", "status", "model", "total_high", "cost_flops"])
def test_a_cost_that_would_overwrite_a_column_is_refused(run: Any, name: str) -> None:
    result = run(f"cost {name}")
    assert result.status is Status.INVALID
    assert result.reason == f"cost {name!r} has the name of a column of tables; call it otherwise"


def test_every_column_of_a_table_is_known() -> None:
    """So that a column that comes to the table comes to the check of costs too."""
    estimates = {"total": Estimate.undefined("none")}
    row = Row("e", {"data": "d", "model": "m", "group": "g"}, 0, Status.OK, estimates=estimates, cost={"passes": 1.0})
    columns = csv_text([row]).splitlines()[0].split(",")
    assert [name for name in columns if not is_column_of_rows(name, ["total"])] == ["passes"]
    assert not is_column_of_rows("effort", [field.name for field in fields(Row)])
