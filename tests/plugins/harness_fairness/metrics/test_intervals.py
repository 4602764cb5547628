"""Intervals and tests of two rates: limits, and values by hand. Independent references stand in the anchors."""

from __future__ import annotations

import math

import pytest

from harness_fairness.metrics.intervals import fisher, ratio


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
