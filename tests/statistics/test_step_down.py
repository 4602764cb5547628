"""Adjusted p-values of pairs: independent and dependent ones, against the exact distribution of the largest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.statistics.paired import holm
from harness.statistics.step_down import step_down


def test_the_smallest_of_three_pairs_is_that_of_the_studentised_range() -> None:
    """Three equally variable models: the largest difference is the range, Tukey's test (1953)."""
    first, second = [0, 0, 1], [1, 2, 2]
    z = 2.6
    p = 2 * stats.norm.sf(z)
    adjusted = step_down([p, 0.8, 0.9], first, second, np.eye(3))
    assert adjusted[0] == pytest.approx(stats.studentized_range.sf(z * 2**0.5, 3, np.inf), abs=0.004)
    # The others are tested as if there were only they.
    assert adjusted[2] == pytest.approx(0.9, abs=0.06)


def test_it_is_never_more_than_holm_but_for_chance_nor_less_than_its_own_p() -> None:
    rng = np.random.default_rng(0)
    first, second = map(np.array, zip(*[(i, j) for i in range(6) for j in range(i)], strict=True))
    loadings = rng.normal(size=(6, 6))
    p = rng.uniform(size=len(first)) ** 3
    adjusted = step_down(p, first, second, loadings @ loadings.T)
    assert (adjusted >= p).all()
    assert (adjusted <= np.array(holm(p.tolist())) + 0.01).all()
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= 0).all()


def test_models_that_never_differ_change_nothing() -> None:
    """The first two are the same; what is left is one pair, and its own p."""
    covariance = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    adjusted = step_down([1.0, 0.02, 0.02], [0, 0, 1], [1, 2, 2], covariance)
    assert adjusted == pytest.approx([1.0, 0.02, 0.02], abs=0.005)
