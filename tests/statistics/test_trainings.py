"""The difference of two recipes over their trainings."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from harness.statistics.trainings import welch_difference


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    for n, m in ((2, 2), (3, 5), (10, 4)):
        a, b = rng.normal(0, 1, n), rng.normal(0.5, 3, m)
        found = welch_difference(a.tolist(), b.tolist(), 0.01)
        expected = scipy.stats.ttest_ind(b, a, equal_var=False)
        assert found.p == pytest.approx(expected.pvalue)
        assert (found.low, found.high) == pytest.approx(expected.confidence_interval())


def test_values_that_do_not_vary_are_known_to_half_an_example() -> None:
    """By hand for three and three of 60 examples: t = difference / (1 / 120 * sqrt(2 / 3)), 4 degrees of freedom."""
    one_example = welch_difference([1.0] * 3, [1 - 1 / 60] * 3, 1 / 60)
    assert one_example.p == pytest.approx(2 * scipy.stats.t.sf(2 / np.sqrt(2 / 3), 4))
    assert one_example.p is not None
    assert one_example.p > 0.05
    everything = welch_difference([1.0] * 3, [0.0] * 3, 1 / 60)
    assert everything.p is not None
    assert everything.p < 1e-6
    assert welch_difference([1.0] * 3, [1.0] * 3, 1 / 60).p == 1.0


def test_false_alarms_stay_at_the_level() -> None:
    rng = np.random.default_rng(1)
    p = [welch_difference(rng.normal(size=3).tolist(), rng.normal(size=4).tolist(), 0.01).p for _ in range(400)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.08
