"""Gaps between groups: values by hand, empty denominators, false alarms, and the coverage of the intervals."""

from __future__ import annotations

import numpy as np
import pytest

from fairness_records import table
from harness.api import permutation_p, permuted_counts
from harness_fairness.metrics.intervals import gap_of_rates, stretch_of_rates
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


def test_no_false_alarms_among_twenty_equal_groups() -> None:
    """Twenty separate tests at .05 give some alarm with probability .64; this one gives one in 20 at most."""
    rng, alarms, draws = np.random.default_rng(5), 0, 400
    trials = np.full(20, 50)
    for _ in range(draws):
        successes = rng.binomial(trials, 0.9)
        drawn = permuted_counts(int(successes.sum()), trials, rng, draws=399) / 50
        observed = float(np.ptp(successes / 50))
        alarms += permutation_p(observed, np.ptp(drawn, axis=1)) <= 0.05
    assert alarms / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5


@pytest.mark.parametrize("n", [5, 10, 30])
@pytest.mark.parametrize("shares", [[0.9, 0.9], [0.9] * 20, [0.6, 0.9], [0.5, 0.7, 0.9, 0.9, 0.9]])
def test_the_interval_covers(n: int, shares: list[float]) -> None:
    rng, draws = np.random.default_rng(n), 250
    truth = max(shares) - min(shares)
    ends = [gap_of_rates(rng.binomial(n, shares), [n] * len(shares)) for _ in range(draws)]
    covered = np.mean([low - 1e-12 <= truth <= high + 1e-12 for low, high in ends])
    assert covered >= 0.95 - 3 * (0.95 * 0.05 / draws) ** 0.5


def test_a_real_gap_is_found_among_many_groups() -> None:
    equal = {f"g{i}": (450, 50, 50, 450) for i in range(9)}
    estimate = SubgroupErrorGap("g").estimate(table(**equal, worse=(350, 150, 150, 350)))
    assert estimate.p == 1 / 2000
    assert estimate.low is not None
    assert estimate.low > 0.1


def test_handfuls_beside_large_groups_raise_no_alarms() -> None:
    """Ten groups of 8 and ten of 120 without a gap: the intervals alone exclude 0 in 9 % of draws."""
    trials = np.array([8] * 10 + [120] * 10)
    rng, draws, alarms = np.random.default_rng(6), 150, {True: 0, False: 0}
    for _ in range(draws):
        successes = rng.binomial(trials, 0.02)
        stretch = stretch_of_rates(permuted_counts(int(successes.sum()), trials, rng, draws=399), trials)
        for stretched in alarms:
            alarms[stretched] += gap_of_rates(successes, trials, stretch=stretch if stretched else 1.0)[0] > 0
    assert alarms[True] / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5
    assert alarms[True] < alarms[False]


def test_large_groups_are_not_stretched() -> None:
    trials = np.array([500, 500, 500])
    drawn = permuted_counts(150, trials, np.random.default_rng(0))
    assert stretch_of_rates(drawn, trials) == 1.0
