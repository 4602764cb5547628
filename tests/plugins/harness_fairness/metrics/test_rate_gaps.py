"""Gaps between groups: values by hand, empty denominators, false alarms, and the coverage of the intervals."""

from __future__ import annotations

import pytest

from fairness_records import table
from harness_fairness.metrics.rate_gaps import (
    DemographicParityDifference,
    EqualizedOddsDifference,
    EqualOpportunityDifference,
    SubgroupErrorGap,
)

SOME = table(a=(80, 20, 30, 70), b=(40, 10, 10, 40), c=(5, 0, 0, 0))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (SubgroupErrorGap("g", "fpr"), 0.2),
        (SubgroupErrorGap("g"), 0.25),
        (DemographicParityDifference("g"), 0.5),
        (EqualOpportunityDifference("g"), 0.1),
        (EqualizedOddsDifference("g"), 0.2),
    ],
)
def test_the_gap_by_hand(metric: SubgroupErrorGap, value: float) -> None:
    estimate = metric.estimate(SOME)
    assert estimate.value == pytest.approx(value)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= value <= estimate.high
    assert estimate.null is not None
    assert 0 < estimate.null < 0.3


def test_a_group_without_the_denominator_is_left_out_and_listed() -> None:
    estimate = EqualOpportunityDifference("g").estimate(SOME)
    assert estimate.reason == "left out of tpr: c (0)"
    assert estimate.n == 150


def test_a_perfect_classifier_has_no_gap_though_a_group_has_no_positives() -> None:
    """A tool that takes an empty denominator for 0 gives it an equalized-odds difference of 1."""
    estimate = EqualizedOddsDifference("g").estimate(table(a=(50, 0, 0, 50), b=(50, 0, 0, 50), c=(50, 0, 0, 0)))
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.reason == "left out of tpr: c (0)"
    assert estimate.p == 1.0


def test_an_undefined_gap_is_none_with_a_reason() -> None:
    estimate = EqualizedOddsDifference("g").estimate(table(a=(50, 3, 0, 0), b=(50, 1, 0, 0)))
    assert estimate.value is None
    assert "only 0 groups have enough examples whose label is positive (a (0), b (0) do not)" in estimate.reason


def test_a_group_with_one_member_takes_no_part() -> None:
    estimate = SubgroupErrorGap("g").estimate(table(a=(50, 10, 10, 50), b=(50, 10, 10, 50), lonely=(0, 1, 0, 0)))
    assert estimate.value == 0.0
    assert estimate.reason == "left out of error: lonely (1)"
    assert SubgroupErrorGap("g", least=1).estimate(table(a=(2, 0, 0, 2), lonely=(0, 1, 0, 0))).value == 1.0


def test_one_group_alone_has_no_gap() -> None:
    assert not SubgroupErrorGap("g").estimate(table(a=(5, 1, 1, 5))).applies


def test_the_same_number_each_time() -> None:
    assert EqualizedOddsDifference("g").estimate(SOME) == EqualizedOddsDifference("g").estimate(SOME)


def test_a_real_gap_is_found_among_many_groups() -> None:
    equal = {f"g{i}": (450, 50, 50, 450) for i in range(9)}
    estimate = SubgroupErrorGap("g").estimate(table(**equal, worse=(350, 150, 150, 350)))
    assert estimate.p == 1 / 2000
    assert estimate.low is not None
    assert estimate.low > 0.1
