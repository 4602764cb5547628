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
        found = welch_difference(a.tolist(), b.tolist())
        expected = scipy.stats.ttest_ind(b, a, equal_var=False)
        assert found.p == pytest.approx(expected.pvalue)
        assert (found.low, found.high) == pytest.approx(expected.confidence_interval())


def test_values_that_do_not_vary_have_the_p_of_a_permutation() -> None:
    """Of three and three that are apart, 2 of 20 orders are as far apart."""
    assert welch_difference([1.0] * 3, [2.0] * 3).p == pytest.approx(2 / 20)
    assert welch_difference([1.0] * 3, [1.0] * 3).p == 1.0


def test_false_alarms_stay_at_the_level() -> None:
    rng = np.random.default_rng(1)
    p = [welch_difference(rng.normal(size=3).tolist(), rng.normal(size=4).tolist()).p for _ in range(400)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.08
