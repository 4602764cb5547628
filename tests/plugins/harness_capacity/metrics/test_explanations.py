"""Means of what was measured of maps."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records
from harness_capacity.metrics.explanations import (
    Deletion,
    Infidelity,
    Insertion,
    MaxSensitivity,
    Pointing,
    RandomisedSimilarity,
)

RECORDS = Records.of(
    {
        "id": ["a", "b", "c", "d"],
        "deletion.zero": [0.2, 0.4, 0.1, 0.1],
        "insertion.blur": [0.9, 0.7, 0.8, 0.8],
        "unexplained": [0.5, None, 0.3, 0.1],
        "infidelity": [4.0, 6.0, 0.0, 2.0],
        "sensitivity": [0.0, 2.0, 1.0, 1.0],
        "similarity.all": [0.1, -0.1, 0.3, -0.3],
        "similarity.top 2": [0.5, 0.5, 0.6, 0.4],
        "pointing": [1.0, 0.5, 0.0, 1.0],
        "cause_share": [0.25, 0.25, 0.5, 0.0],
    }
)


@pytest.mark.parametrize(
    ("metric", "column", "value", "direction"),
    [
        (Deletion(), "deletion.zero", 0.2, "min"),
        (Insertion("blur"), "insertion.blur", 0.8, "max"),
        (Infidelity(), "unexplained", 0.3, "min"),
        (Infidelity(scaled=False), "infidelity", 3.0, "min"),
        (MaxSensitivity(), "sensitivity", 1.0, "min"),
        (RandomisedSimilarity(), "similarity.all", 0.0, "min"),
        (RandomisedSimilarity(top=2), "similarity.top 2", 0.5, "min"),
        (Pointing(), "pointing", 0.625, "max"),
    ],
)
def test_each_is_the_mean_of_its_column(metric: Deletion, column: str, value: float, direction: str) -> None:
    estimate = metric.estimate(RECORDS)
    assert (metric.columns[0], metric.direction) == (column, direction)
    assert estimate.value == pytest.approx(value)
    assert estimate.low is not None
    assert estimate.low >= metric.limits[0]
    np.testing.assert_array_equal(metric.per_example(RECORDS), RECORDS.floats(column))


def test_missing_values_are_counted_and_pointing_stands_beside_chance() -> None:
    assert (Infidelity().estimate(RECORDS).n, Infidelity().estimate(RECORDS).n_missing) == (3, 1)
    assert Pointing().estimate(RECORDS).null == pytest.approx(0.25)
    nothing = Records.of({"id": ["a"], "unexplained": [float("nan")]})
    assert Infidelity().estimate(nothing).value is None
