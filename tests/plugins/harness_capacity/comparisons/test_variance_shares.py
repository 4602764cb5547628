"""Shares of variance of a search as rows."""

from __future__ import annotations

import pytest

from harness.api import Row
from harness_capacity.comparisons.variance_shares import VarianceShares, coded
from searched_rows import cells, rows

KINDS = ("tanh", "relu")


def shares(n: int, strong: float = 0.03, weak: float = 0.0) -> Row:
    parameters = [{"width": 8 + i, "kind": KINDS[i * 7 % 3 % 2], "steps": 5} for i in range(n)]
    scores = [[0.1 + strong * (p["width"] - 8) + weak * (p["kind"] == "relu")] for p in parameters]  # type: ignore[operator]
    (row,) = VarianceShares().rows(cells(rows("net", scores, scores, parameters)))
    return row


def test_what_decides_has_the_largest_share() -> None:
    row = shares(20)
    assert row.labels["model"] == "net (shares of variance)"
    assert list(row.estimates) == ["share_width", "share_kind", "share_combinations", "explained"]
    values = {name: estimate.value for name, estimate in row.estimates.items()}
    assert values["share_width"] > 0.9  # type: ignore[operator]
    assert values["share_kind"] < 0.05  # type: ignore[operator]
    assert sum(value for name, value in values.items() if name != "explained") == pytest.approx(1)  # type: ignore[misc]
    assert values["explained"] > 0.8  # type: ignore[operator]
    assert shares(20, strong=0.0001, weak=0.5).estimates["share_kind"].value > 0.9  # type: ignore[operator]


def test_too_few_configurations_have_no_shares() -> None:
    estimate = shares(9).estimates["share_width"]
    assert (estimate.value, estimate.reason) == (None, "9 configurations are too few; 10 are needed")


def test_equal_scores_have_no_shares() -> None:
    estimate = shares(12, strong=0.0).estimates["share_width"]
    assert (estimate.value, estimate.reason) == (None, "all configurations have the same score")


def test_what_parameters_do_not_predict_has_no_shares() -> None:
    scores = [[0.1 + 0.8 * (i * i * 7919 % 101 % 2)] for i in range(16)]
    parameters = [{"width": i * 31 % 16} for i in range(16)]
    (row,) = VarianceShares().rows(cells(rows("net", scores, scores, parameters)))
    assert row.estimates["share_width"].value is None
    assert "predict no score" in row.estimates["share_width"].reason
    assert row.estimates["explained"].value <= 0  # type: ignore[operator]


def test_categories_are_coded_in_order() -> None:
    made = coded([{"a": "x", "b": 1}, {"a": None, "b": 2.5}, {"a": "x", "b": 0}, {"a": True, "b": 9}])
    assert made[:, 1].tolist() == [1, 2.5, 0, 9]
    assert made[0, 0] == made[2, 0]
    assert len(set(made[:, 0].tolist())) == 3
