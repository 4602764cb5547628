"""Rows that differ by the seed alone."""

from __future__ import annotations

import pytest

from harness.contract.rows import Row, Status
from harness.results.comparison import training
from harness.results.comparison.training import same_but_for_seed


def row(model: str, seed: int, status: Status = Status.OK, derived: str = "") -> Row:
    return Row("e", {"model": model}, seed, status, derived=derived)


def test_the_seeds_of_a_row_are_those_that_were_measured_with_its_labels() -> None:
    rows = [row("a", 0), row("b", 0), row("a", 1), row("a", 2, Status.FAILED), row("a", 3, derived="worst")]
    assert [(each.labels["model"], each.seed) for each in same_but_for_seed(rows)(rows[0])] == [("a", 0), ("a", 1)]


def test_a_row_is_compared_with_those_of_its_labels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at all rows for each made 10,000 rows 100 million looks."""
    looked: list[Row] = []

    def differ(one: Row, other: Row) -> bool:
        looked.append(other)
        return False

    monkeypatch.setattr(training, "_differ", differ)
    rows = [row(str(model), seed) for model in range(300) for seed in range(2)]
    alike = same_but_for_seed(rows)
    assert all(len(alike(each)) == 2 for each in rows)
    assert len(looked) == 2 * len(rows)
