"""The worst group: unbiased where there is none, near the truth where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from fairness_records import table
from harness.api import wilson
from harness_fairness.metrics.worst_group import WorstGroup, random_splits


@pytest.mark.parametrize(("groups", "n"), [(20, 50), (5, 10)])
def test_equal_groups_have_no_worst_one(groups: int, n: int) -> None:
    """Twenty groups of 50 at .9: their smallest accuracy is .82 on average, the split one .90."""
    rng, draws = np.random.default_rng(groups), 250
    trials, naive, split, covered = np.full(groups, n), [], [], 0
    for _ in range(draws):
        successes = rng.binomial(trials, 0.9)
        found = random_splits(successes, trials, True, 100, rng)
        low, high = wilson(found.successes / found.trials, found.trials, 1.96)
        naive.append((successes / n).min())
        split.append((found.successes / found.trials).mean())
        covered += low.mean() <= 0.9 <= high.mean()
    assert np.mean(naive) < 0.84
    assert np.mean(split) == pytest.approx(0.9, abs=3 * np.std(split) / draws**0.5)
    assert covered / draws >= 0.95 - 3 * (0.95 * 0.05 / draws) ** 0.5


def test_a_half_is_hypergeometric() -> None:
    """One group that is always the worst: the mean over splits is its own rate, the variance that of a half sample."""
    found = random_splits(np.array([10, 40]), np.array([40, 40]), True, 20_000, np.random.default_rng(0))
    assert (found.chosen == 0).all()
    assert (found.trials == 20).all()
    assert found.successes.mean() == pytest.approx(5, abs=0.05)
    assert found.successes.var() == pytest.approx(20 * 0.25 * 0.75 * 20 / 39, rel=0.04)


def test_a_group_that_is_worse_is_found() -> None:
    some = table(a=(90, 10, 10, 90), b=(92, 8, 10, 90), c=(60, 40, 40, 60))
    estimate = WorstGroup("g").estimate(some)
    assert estimate.value == pytest.approx(0.6, abs=0.01)
    assert estimate.p == 1 / 2000
    assert estimate.null == pytest.approx((180 + 182 + 120) / 600)
    assert estimate.reason == "the worst is c in 100 % of splits"
    assert WorstGroup("g", "error").estimate(some).value == pytest.approx(0.4, abs=0.01)
    assert WorstGroup("g", "fpr").estimate(some).value == pytest.approx(0.4, abs=0.02)


def test_small_groups_are_left_out_and_listed() -> None:
    some = table(a=(50, 5, 5, 50), b=(50, 5, 5, 50), lonely=(0, 1, 0, 0))
    assert "left out, too few: lonely (1)" in WorstGroup("g").estimate(some).reason
    nothing = WorstGroup("g").estimate(table(a=(50, 5, 5, 50), lonely=(0, 1, 0, 0)))
    assert nothing.reason == "1 groups have 4 examples that count; a worst one needs 2"
