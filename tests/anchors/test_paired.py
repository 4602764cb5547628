"""Paired tests against scipy, published intervals, values worked out by hand, and measured coverage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from harness.contract.estimates import Estimate
from harness.statistics.intervals import mean, proportion
from harness.statistics.paired import holm, independent_difference, mcnemar, newcombe_paired, studentised_difference

# Newcombe 1998, Statistics in Medicine 17:2635-2650, table III, method 10: both, only first, only second, neither.
PAIRED = [
    ((36, 12, 2, 0), (0.0569, 0.3404)),
    ((20, 12, 2, 16), (0.0562, 0.3292)),
    ((18, 12, 2, 18), (0.0562, 0.3290)),
    ((36, 14, 0, 0), (0.1528, 0.4167)),
    ((35, 14, 0, 1), (0.1461, 0.4175)),
    ((18, 14, 0, 18), (0.1441, 0.3963)),
    ((2, 97, 1, 0), (0.8721, 0.9854)),
    ((1, 97, 1, 1), (0.8736, 0.9850)),
    ((0, 29, 1, 0), (0.6666, 0.9882)),
    ((2, 98, 0, 0), (0.9178, 0.9945)),
    ((1, 98, 0, 1), (0.9171, 0.9916)),
    ((0, 30, 0, 0), (0.8395, 1.0)),
    ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ((53, 0, 0, 1), (-0.0729, 0.0729)),
    ((30, 0, 0, 24), (-0.0358, 0.0358)),
    ((27, 0, 0, 27), (-0.0351, 0.0351)),
]

# Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10: successes and n of either sample.
INDEPENDENT = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (1, 0), (0, 6), (5, 5), (3, 11), (40, 12), (300, 200)])
def test_mcnemar_is_the_binomial_test_of_the_discordant_pairs(only_a: int, only_b: int) -> None:
    expected = scipy.stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
    assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_without_discordant_pairs() -> None:
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("cells", "interval"), PAIRED)
def test_the_paired_interval_reproduces_newcombes_table(
    cells: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    # Within one unit of the last digit: the table prints .8736 for .87367.
    assert newcombe_paired(*cells) == pytest.approx(interval, abs=1e-4)


@pytest.mark.parametrize(("one", "other", "interval"), INDEPENDENT)
def test_the_independent_interval_reproduces_newcombes_table(
    one: tuple[int, int], other: tuple[int, int], interval: tuple[float, float]
) -> None:
    found = independent_difference(proportion(*other), proportion(*one))
    assert found.value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert (found.low, found.high) == pytest.approx(interval, abs=6e-5)
    assert found.method == "Newcombe independent"


@pytest.mark.parametrize(("one", "other"), [((56, 70), (48, 80)), ((20, 20), (12, 20)), ((30, 360), (80, 360))])
def test_the_p_value_is_the_level_at_which_the_interval_touches_zero(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found = independent_difference(proportion(*other), proportion(*one))
    assert found.p is not None
    ends = [scipy.stats.binomtest(*each).proportion_ci(1 - found.p, method="wilson") for each in (one, other)]
    p, q = one[0] / one[1], other[0] / other[1]
    reach = np.hypot(p - ends[0].low, ends[1].high - q) if p > q else np.hypot(ends[0].high - p, q - ends[1].low)
    assert abs(p - q) - reach == pytest.approx(0.0, abs=1e-9)


def test_square_and_add_of_any_intervals() -> None:
    """Arms of 3 and 4 make an arm of 5 (Zou & Donner 2008); the nearer end is 5 away at the 95 % quantile."""
    a = Estimate(10.0, 8.0, 13.0, 0.95, "student-t", 500)
    b = Estimate(20.0, 16.0, 21.0, 0.95, "bootstrap", 500)
    found = independent_difference(a, b)
    assert (found.value, found.low, found.high) == (10.0, 5.0, pytest.approx(10 + 5**0.5))
    assert found.p == pytest.approx(2 * scipy.stats.norm.sf(2 * scipy.stats.norm.ppf(0.975)), rel=1e-6)


def test_square_and_add_of_means_is_close_to_welchs_test() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(0.0, 1.0, 300), rng.normal(0.3, 2.0, 400)
    found = independent_difference(mean(one), mean(other))
    welch = scipy.stats.ttest_ind(other, one, equal_var=False)
    assert found.p == pytest.approx(welch.pvalue, rel=0.1)
    interval = welch.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.01)


def test_holm_by_hand() -> None:
    # Ascending .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; the last may not be smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6, 0.9]) == [1.0, 1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_holm_against_statsmodels() -> None:
    p = np.random.default_rng(0).random(40) ** 4
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_the_studentised_difference_agrees_with_the_paired_t_test() -> None:
    """At least as careful, and not much more so where nothing is skewed."""
    rng = np.random.default_rng(5)
    a = rng.gamma(2.0, size=400)
    b = a + rng.normal(0.1, 1.0, size=400)
    found = studentised_difference(a, b, np.random.default_rng(0))
    student = scipy.stats.ttest_rel(b, a)
    interval = student.confidence_interval()
    assert found.value == pytest.approx(b.mean() - a.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.01)
    assert found.p is not None
    assert 0.99 * student.pvalue <= found.p <= 1.5 * student.pvalue


def test_coverage_of_the_studentised_difference_where_examples_do_not_all_count() -> None:
    """The success rate of an attack on two models: an example counts where the model is right. Nominal 95 %."""
    rng = np.random.default_rng(1)
    n, repeats, covered, rejected = 120, 400, 0, 0
    for _ in range(repeats):
        ease = rng.random(n)
        values = []
        for shift in (0.0, 0.1, 0.0):
            fooled = (rng.random(n) < 0.7 * ease + shift).astype(float)
            values.append(np.where(rng.random(n) < 0.9, fooled, np.nan))
        found = studentised_difference(values[0], values[1], rng, draws=400)
        assert found.low is not None
        assert found.high is not None
        assert found.p is not None
        covered += found.low <= 0.1 <= found.high
        null = studentised_difference(values[0], values[2], rng, draws=400)
        assert null.p is not None
        rejected += null.p < 0.05
    assert 0.92 <= covered / repeats <= 0.98
    assert 0.02 <= rejected / repeats <= 0.08


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (1, 40), (337, 360), (17, 1000)])
def test_wilson_against_statsmodels(successes: int, n: int) -> None:
    estimate = proportion(successes, n)
    expected = proportion_confint(successes, n, alpha=0.05, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-12)
