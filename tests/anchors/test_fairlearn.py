"""Point estimates against fairlearn where no denominator is empty, and where one is."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records
from harness_fairness.metrics.rate_gaps import (
    DemographicParityDifference,
    EqualizedOddsDifference,
    EqualOpportunityDifference,
    SubgroupErrorGap,
)

metrics = pytest.importorskip("fairlearn.metrics")


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, 600), rng.integers(0, 2, 600), rng.choice(list("abcd"), 600)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_differences(seed: int) -> None:
    label, prediction, group = drawn(seed)
    some = Records.of({"id": [str(i) for i in range(600)], "label": label, "prediction": prediction, "group.g": group})
    given = {"y_true": label, "y_pred": prediction, "sensitive_features": group}
    assert DemographicParityDifference("g").estimate(some).value == pytest.approx(
        metrics.demographic_parity_difference(**given)
    )
    assert EqualizedOddsDifference("g").estimate(some).value == pytest.approx(
        metrics.equalized_odds_difference(**given)
    )
    assert EqualOpportunityDifference("g").estimate(some).value == pytest.approx(
        metrics.equal_opportunity_difference(**given)
    )
    frame = metrics.MetricFrame(metrics={"fpr": metrics.false_positive_rate}, **given)
    assert SubgroupErrorGap("g", "fpr").estimate(some).value == pytest.approx(frame.difference()["fpr"])


def test_an_empty_denominator_is_where_they_part() -> None:
    """A perfect classifier and a group without positives: fairlearn takes its rate for 0 and the difference for 1."""
    label = np.array([1, 0, 1, 0, 0, 0])
    group = np.array(list("aabbcc"))
    some = Records.of({"id": list("123456"), "label": label, "prediction": label, "group.g": group})
    assert metrics.equalized_odds_difference(label, label, sensitive_features=group) == 1.0
    # One positive each in a and b: too few for a gap unless single examples are let in.
    assert EqualizedOddsDifference("g", least=1).estimate(some).value == 0.0
