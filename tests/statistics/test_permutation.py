"""The permutation test of a gap: exact for counts, and for means and ratios against enumerating all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from harness.statistics.permutation import PERMUTATIONS, permutation_p, permuted_counts, permuted_gap

RNG = np.random.default_rng(0)
ONES = np.ones


def enumerated(tops: np.ndarray, bottoms: np.ndarray, group: np.ndarray) -> tuple[float, float, float]:  # type: ignore[type-arg]
    """The gap, its mean and the share as large over all permutations."""
    groups = group.max() + 1

    def gap(order: tuple[int, ...]) -> float:
        picked = list(order)
        ratios = np.bincount(group, tops[picked], groups) / np.bincount(group, bottoms[picked], groups)
        return float(np.ptp(ratios))

    observed = gap(tuple(range(len(tops))))
    gaps = np.array([gap(order) for order in itertools.permutations(range(len(tops)))])
    return observed, float(gaps.mean()), float((gaps >= observed - 1e-12).mean())


@pytest.mark.parametrize("kind", ["counts", "means", "ratios"])
def test_against_all_permutations(kind: str) -> None:
    rng = np.random.default_rng(4)
    group = np.array([0, 0, 0, 1, 1, 2, 2])
    tops = np.array([1.0, 1, 1, 0, 0, 1, 0]) if kind == "counts" else rng.gamma(1.0, size=7)
    bottoms = rng.integers(1, 9, 7).astype(float) if kind == "ratios" else ONES(7)
    gap, null, p = enumerated(tops, bottoms, group)
    test = permuted_gap(tops, bottoms, group, 3, np.random.default_rng(0))
    assert test.gap == pytest.approx(gap)
    error = 4 * (p * (1 - p) / PERMUTATIONS) ** 0.5 + 1 / PERMUTATIONS
    assert test.p == pytest.approx(p, abs=error)
    assert test.null == pytest.approx(null, rel=0.05)


def test_two_groups_of_counts_agree_with_fisher() -> None:
    values = np.array([1.0] * 14 + [0.0] * 6 + [1.0] * 7 + [0.0] * 13)
    test = permuted_gap(values, ONES(40), np.repeat([0, 1], 20), 2, np.random.default_rng(0))
    expected = scipy.stats.fisher_exact([[14, 6], [7, 13]])[1]
    assert test.p == pytest.approx(expected, abs=4 * (expected / PERMUTATIONS) ** 0.5)


def test_the_smallest_p_counts_the_observation() -> None:
    values = np.repeat([1.0, 0.0], 200)
    test = permuted_gap(values, ONES(400), np.repeat([0, 1], 200), 2, np.random.default_rng(0))
    assert (test.gap, test.p) == (1.0, 1 / (PERMUTATIONS + 1))


def test_no_difference_at_all() -> None:
    test = permuted_gap(ONES(30), ONES(30), np.repeat([0, 1, 2], 10), 3, np.random.default_rng(0))
    assert (test.gap, test.null, test.p) == (0.0, 0.0, 1.0)


def test_the_order_of_rows_does_not_matter() -> None:
    values, group = RNG.random(60), np.repeat([0, 1, 2], 20)
    order = RNG.permutation(60)
    one = permuted_gap(values, ONES(60), group, 3, np.random.default_rng(0))
    other = permuted_gap(values[order], ONES(60), group[order], 3, np.random.default_rng(0))
    assert one.gap == pytest.approx(other.gap)
    assert one.null == pytest.approx(other.null, rel=0.1)


@pytest.mark.parametrize("counts", [True, False])
def test_false_alarms_are_as_rare_as_promised(counts: bool) -> None:
    """Twenty groups and no gap: p is at most .05 in at most 5 % of draws, up to Monte Carlo error."""
    rng, draws = np.random.default_rng(7), 200 if counts else 60
    group = np.repeat(np.arange(20), 10)
    alarms = 0
    for _ in range(draws):
        values = (rng.random(200) < 0.9).astype(float) if counts else rng.exponential(size=200)
        alarms += permuted_gap(values, ONES(200), group, 20, rng).p <= 0.05
    assert alarms / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5


def test_permuted_counts_are_those_of_permuted_rows() -> None:
    """Mean and variance of the multivariate hypergeometric distribution, in closed form."""
    trials, successes = np.array([40, 10, 50]), np.array([20, 1, 9])
    drawn = permuted_counts(int(successes.sum()), trials, np.random.default_rng(0), draws=50_000)
    assert (drawn.sum(axis=1) == 30).all()
    share = trials / 100
    assert drawn.mean(axis=0) == pytest.approx(30 * share, abs=0.05)
    assert drawn.var(axis=0) == pytest.approx(30 * share * (1 - share) * 70 / 99, rel=0.03)


def test_the_observed_value_counts_among_the_permutations() -> None:
    assert permutation_p(0.5, np.array([0.1, 0.5, 0.7])) == 3 / 4
    assert permutation_p(2.0, np.array([0.1, 0.5, 0.7])) == 1 / 4
    # The same gap by another order of summation is as large.
    assert permutation_p(0.3, np.array([0.1 + 0.2 - 1e-15, 0.2])) == 2 / 3
