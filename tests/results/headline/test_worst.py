"""Rows that take the worst of several cells are paired example by example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.contract.rows import Row
from harness.results.comparison.compare import ExampleValues, Side
from harness.results.headline.worst import with_worst_cases
from harness.statistics.intervals import proportion

N = 200
VALUES = {"m.fgsm": np.arange(N) % 2, "m.pgd": np.arange(N) % 3 > 0}


@pytest.fixture
def side(row: Callable[..., Row]) -> Side:
    cells = [row("m", int(VALUES[f"m.{attack}"].sum()), attack) for attack in ("fgsm", "pgd")]
    both = int((VALUES["m.fgsm"].astype(bool) & VALUES["m.pgd"]).sum())
    worst = row("m", both, "worst case", derived="worst_case", cell="")
    other = row("other", 3, "fgsm")

    def values(one: Row, metric: str) -> ExampleValues:
        order = np.arange(N)[:: -1 if one.cell == "m.pgd" else 1]
        return ExampleValues([str(i) for i in order], VALUES[one.cell][order].astype(np.float64))

    return Side("run", Path("run"), [*cells, other, worst], values=values)


def test_the_smallest_of_each_example(side: Side) -> None:
    found = with_worst_cases(side).values(side.rows[-1], "accuracy")
    assert found is not None
    by_id = dict(zip(found.ids, found.values, strict=True))
    assert [by_id[str(i)] for i in range(6)] == [0, 1, 0, 0, 0, 1]
    assert len(found.ids) == N


def test_a_number_that_is_no_worst_case_has_no_values(side: Side) -> None:
    made_otherwise = replace(side.rows[-1], estimates={"accuracy": proportion(5, N)})
    assert with_worst_cases(side).values(made_otherwise, "accuracy") is None


def test_other_threats_do_not_count(side: Side) -> None:
    elsewhere = replace(side.rows[-1], facts={"display": {"threat": "l2 ≤ 1"}})
    assert with_worst_cases(side).values(elsewhere, "accuracy") is None


def test_cells_are_as_before(side: Side) -> None:
    found = with_worst_cases(side).values(side.rows[0], "accuracy")
    assert found is not None
    assert found.values.mean() == 0.5
