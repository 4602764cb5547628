"""The largest error, by hand."""

from __future__ import annotations

from harness.api import Records
from harness_capacity.metrics.sup_error import SupError


def test_the_largest_error_of_either_sign_without_an_interval() -> None:
    found = SupError().estimate(Records.of({"id": ["a", "b", "c"], "error": [0.5, -2.0, 1.0]}))
    assert (found.value, found.low, found.high, found.n) == (2.0, None, None, 3)


def test_a_missing_prediction_may_be_the_worst() -> None:
    found = SupError().estimate(Records.of({"id": ["a", "b"], "error": [0.5, None]}))
    assert found.value is None
    assert "1 of 2 predictions are missing" in found.reason
