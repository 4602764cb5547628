"""Intervals and tests of subgroups against statsmodels and scipy, and ratios by exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from harness.api import holm, newcombe, normal_quantile, wilson
from harness.statistics.gaps_of_rates import range_quantile
from harness_fairness.metrics.intervals import fisher, ratio

Z = normal_quantile(0.95)
PAIRS = [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 10), (0, 10, 0, 20), (5, 56, 0, 29), (805, 1795, 349, 1488)]


@pytest.mark.parametrize(("s1", "n1", "s2", "n2"), PAIRS)
def test_newcombe_against_statsmodels(s1: int, n1: int, s2: int, n2: int) -> None:
    assert newcombe(s1, n1, s2, n2, Z) == pytest.approx(confint_proportions_2indep(s1, n1, s2, n2, method="newcomb"))


def test_newcombe_reproduces_his_table() -> None:
    """Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10."""
    assert newcombe(56, 70, 48, 80, Z) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10, Z) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert newcombe(5, 56, 0, 29, Z) == pytest.approx((-0.0381, 0.1926), abs=5e-5)


def test_wilson_against_statsmodels() -> None:
    s, n = np.array([0, 1, 7, 30, 30]), np.array([5, 9, 12, 31, 30])
    expected = proportion_confint(s, n, method="wilson")
    assert np.array(wilson(s / n, n, Z)) == pytest.approx(np.array(expected), abs=1e-12)


def test_wilson_covers_small_groups() -> None:
    """Exact coverage at p = .9: .92 with 5 examples, .93 with 10, .97 with 30; the bootstrap has .40 with 5."""
    for n, expected in ((5, 0.919), (10, 0.930), (30, 0.974)):
        s = np.arange(n + 1)
        low, high = wilson(s / n, np.full(n + 1, n), Z)
        covered = scipy.stats.binom.pmf(s, n, 0.9)[(low <= 0.9) & (high >= 0.9)].sum()
        assert covered == pytest.approx(expected, abs=1e-3)


def test_holm_against_statsmodels() -> None:
    p = np.random.default_rng(0).random(20) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(("s1", "n1", "s2", "n2"), PAIRS)
def test_fisher_against_scipy(s1: int, n1: int, s2: int, n2: int) -> None:
    expected = scipy.stats.fisher_exact([[s1, n1 - s1], [s2, n2 - s2]])[1]
    assert fisher(s1, n1, s2, n2) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("k", [2, 3, 20, 100])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_the_studentised_range_against_scipy(k: int, level: float) -> None:
    assert range_quantile(k, level) == pytest.approx(scipy.stats.studentized_range.ppf(level, k, np.inf), abs=1e-4)


@pytest.mark.parametrize(("n1", "n2", "p1", "p2"), [(30, 30, 0.5, 0.5), (20, 60, 0.9, 0.6), (50, 50, 0.3, 0.1)])
def test_the_ratio_covers(n1: int, n2: int, p1: float, p2: float) -> None:
    """By enumeration of all tables, given that the reference has a rate above 0; near Koopman's score interval."""
    covered = total = 0.0
    for s1 in range(n1 + 1):
        for s2 in range(1, n2 + 1):
            weight = scipy.stats.binom.pmf(s1, n1, p1) * scipy.stats.binom.pmf(s2, n2, p2)
            if weight < 1e-9:
                continue
            low, high = ratio(s1, n1, s2, n2)
            covered += weight * (low <= p1 / p2 <= high)
            total += weight
    assert covered / total >= 0.94


def test_the_ratio_is_near_the_score_interval() -> None:
    for s1, n1, s2, n2 in ((805, 1795, 349, 1488), (60, 100, 40, 120)):
        expected = confint_proportions_2indep(s1, n1, s2, n2, compare="ratio", method="score")
        assert np.log(ratio(s1, n1, s2, n2)) == pytest.approx(np.log(expected), abs=0.01)
