"""Intervals and tests of several rates: limits, and values by hand. Independent references stand in the anchors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.api import newcombe, normal_quantile
from harness_fairness.metrics.intervals import (
    fisher,
    gap_of_means,
    gap_of_rates,
    range_quantile,
    ratio,
)


def test_two_groups_have_newcombes_interval_folded_at_zero() -> None:
    low, high = newcombe(56, 70, 48, 80, normal_quantile(0.95))
    assert gap_of_rates([48, 56], [80, 70]) == (pytest.approx(low), pytest.approx(high))
    low, high = newcombe(50, 100, 52, 100, normal_quantile(0.95))
    assert gap_of_rates([50, 52], [100, 100]) == (0.0, pytest.approx(max(-low, high)))


def test_the_gap_lies_within_its_interval() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = rng.integers(1, 60, 7)
        s = rng.binomial(n, rng.random(7))
        low, high = gap_of_rates(s, n)
        assert 0 <= low <= (s / n).max() - (s / n).min() <= high <= 1


def test_a_ratio_of_equal_rates_holds_one_and_turns_over() -> None:
    low, high = ratio(30, 100, 60, 200)
    assert low < 1 < high
    turned = ratio(60, 200, 30, 100)
    assert turned == (pytest.approx(1 / high), pytest.approx(1 / low))
    low, high = ratio(0, 10, 5, 10)
    assert low == 0
    assert 0 < high < 1.5


def test_a_ratio_where_the_formula_divides_by_nothing() -> None:
    """Where the upper Wilson end is twice the rate the expression is 0/0; values beside it are near."""
    for successes in range(1, 12):
        low, high = ratio(40, 80, successes, 9 * successes)
        assert 0 < low < 0.5 * 9 < high
        assert math.isfinite(high)


def test_fisher_tasting_tea() -> None:
    """Fisher's lady: 3 of 4 against 1 of 4 has the two-sided p 34/70."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(0, 5, 0, 7) == 1.0


def test_two_means_have_welchs_interval() -> None:
    # Means 10 and 12, variances 4 and 9, n 8 and 10: se^2 = .5 + .9, df = 1.96 / (.25 / 7 + .81 / 9) = 15.59.
    low, high = gap_of_means(np.array([10.0, 12.0]), np.array([4.0, 9.0]), [8, 10])
    half = 2.1247 * math.sqrt(1.4)  # t of 15.59 degrees of freedom at .975
    assert (low, high) == (0.0, pytest.approx(2 + half, abs=2e-3))


def test_means_without_spread_have_an_exact_gap() -> None:
    assert gap_of_means(np.array([1.0, 3.0, 2.0]), np.zeros(3), [4, 4, 4]) == (2.0, 2.0)


def test_the_range_of_two_normals() -> None:
    assert range_quantile(2, 0.95) == pytest.approx(1.959964 * math.sqrt(2), abs=1e-5)
