"""Intervals against published values, scipy as an independent implementation, and their measured coverage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from harness.statistics.intervals import mean, proportion, ratio_of_sums

# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3 (score without continuity correction).
NEWCOMBE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("successes", "n", "low", "high"), NEWCOMBE)
def test_wilson_reproduces_newcombes_table(successes: int, n: int, low: float, high: float) -> None:
    estimate = proportion(successes, n)
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("n", [1, 5, 30, 360, 10_000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_against_scipy(n: int, share: float, level: float) -> None:
    successes = round(share * n)
    expected = scipy.stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    estimate = proportion(successes, n, level=level)
    assert (estimate.low, estimate.high) == (
        pytest.approx(expected.low, abs=1e-12),
        pytest.approx(expected.high, abs=1e-12),
    )


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_student_against_scipy(n: int) -> None:
    half = np.random.default_rng(n).gamma(2.0, size=n)
    values = np.concatenate([half, -half]) if n > 3 else half  # Skewed ones have another interval, but for very few.
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=scipy.stats.sem(values))
    estimate = mean(values)
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))


def test_wilson_covers_where_the_bootstrap_fails() -> None:
    """5 of 5 correct: the percentile bootstrap says [1, 1] and covers .40 at p = .9; Wilson's exact coverage is .92."""
    p, n = 0.9, 5
    coverage = 0.0
    for successes in range(n + 1):
        estimate = proportion(successes, n)
        assert estimate.low is not None
        assert estimate.high is not None
        if estimate.low <= p <= estimate.high:
            coverage += scipy.stats.binom.pmf(successes, n, p)
    assert coverage == pytest.approx(0.919, abs=0.001)


@pytest.mark.slow
def test_coverage_of_the_clustered_ratio() -> None:
    """Nominal 95 %, 40 clusters of 10 correlated rows: resampling clusters covers about 93 %, rows far less."""
    rng = np.random.default_rng(0)
    truth, covered = 2.0, {"clusters": 0, "rows": 0}
    repeats, clusters, size = 300, 40, 10
    names = np.repeat(np.arange(clusters), size)
    for _ in range(repeats):
        weight = 1 + rng.random(clusters * size)
        effect = np.repeat(rng.normal(0, 1, clusters), size)
        top = weight * (truth + effect) + rng.normal(0, 0.1, clusters * size)
        for what, groups in (("clusters", names), ("rows", None)):
            estimate = ratio_of_sums(top, weight, clusters=groups, draws=400)
            assert estimate.low is not None
            assert estimate.high is not None
            covered[what] += estimate.low <= truth <= estimate.high
    assert 0.90 <= covered["clusters"] / repeats <= 0.98
    assert covered["rows"] / repeats < 0.6
