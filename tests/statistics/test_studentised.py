"""The bootstrap-t beside a plain loop over its definition, and the means that rest on it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from harness.statistics.intervals import mean
from harness.statistics.studentised import studentised_quantiles

SKEWED = np.exp(np.random.default_rng(0).normal(size=40))


def test_quantiles_are_those_of_the_definition() -> None:
    deviations = SKEWED - SKEWED.mean()
    low, high = studentised_quantiles(deviations, 39, np.random.default_rng(1), 4000)
    rng, ts = np.random.default_rng(2), []
    for _ in range(20_000):
        drawn = rng.choice(deviations, 40)
        ts.append(drawn.mean() / (drawn.std(ddof=1) / 40**0.5))
    below, above = np.quantile(ts, [0.025, 0.975])
    assert low == pytest.approx(-below, rel=0.05)
    assert high == pytest.approx(max(above, t.ppf(0.975, 39)), rel=0.05)
    assert low > 1.2 * high, "the long tail is on the right, so means of few values lie too low"


def test_a_mean_of_skewed_values_reaches_farther_towards_the_long_tail() -> None:
    found, mirrored = mean(SKEWED), mean(-SKEWED)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    half = t.ppf(0.975, 39) * SKEWED.std(ddof=1) / 40**0.5
    assert found.high - found.value > 1.2 * half
    assert found.value - found.low == pytest.approx(half, rel=0.05)
    assert found.method == "student-t, bootstrapped where skewed"
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), rel=0.1)


def test_the_order_of_values_means_nothing() -> None:
    found, other = mean(SKEWED), mean(np.random.default_rng(3).permutation(SKEWED))
    assert (found.low, found.high) == pytest.approx((other.low, other.high), rel=1e-9)


@pytest.mark.parametrize("values", [np.arange(60.0), np.repeat([0.0, 1.0], 50), np.linspace(-1, 1, 8)])
def test_symmetrical_values_keep_the_interval_of_student(values: np.ndarray) -> None:
    found = mean(values)
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.method == "student-t"


def test_few_values_do_not_show_their_skewness_and_the_estimate_says_so() -> None:
    assert mean([1.0, 2.0, 10.0]).reason == "too few to show whether they are skewed: 3"
    assert mean([1.0, 2.0, 10.0]).method == "student-t"
    assert not mean(SKEWED[:6]).reason


def test_equal_values_that_are_so_by_design_are_certain() -> None:
    found = mean([4.0] * 9, fixed=True)
    assert (found.low, found.high, found.reason) == (4.0, 4.0, "")
