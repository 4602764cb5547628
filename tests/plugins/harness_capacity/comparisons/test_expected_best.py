"""The expected best of k tries, against sums over all subsets and simulations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from harness_capacity.comparisons.expected_best import (
    chances_of_best,
    expected_best,
    expected_of_chosen,
    interval_of_best,
)

SCORES = [0.3, 0.9, 0.5, 0.5, 0.8]


def test_one_try_is_the_mean_and_all_tries_the_maximum() -> None:
    curve = expected_best(SCORES)
    assert curve[0] == pytest.approx(np.mean(SCORES), abs=1e-12)
    assert curve[-1] == pytest.approx(0.9, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_the_mean_of_the_maximum_over_all_subsets(k: int) -> None:
    by_hand = np.mean([max(subset) for subset in combinations(SCORES, k)])
    assert expected_best(SCORES)[k - 1] == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_what_is_reported_of_the_chosen(k: int) -> None:
    others = [0.1, 0.7, 0.2, 0.6, 0.9]
    pairs = list(zip(SCORES, others, strict=True))
    means = []
    for subset in combinations(pairs, k):
        best = max(score for score, _ in subset)
        means.append(np.mean([other for score, other in subset if score == best]))
    assert expected_of_chosen(SCORES, others)[k - 1] == pytest.approx(np.mean(means), abs=1e-12)
    distinct = [0.3, 0.9, 0.5, 0.51, 0.8]
    exact = [dict(zip(distinct, others, strict=True))[max(subset)] for subset in combinations(distinct, k)]
    assert expected_of_chosen(distinct, others)[k - 1] == pytest.approx(np.mean(exact), abs=1e-12)


def test_chances_sum_to_one() -> None:
    np.testing.assert_allclose(chances_of_best(30).sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_the_interval_holds_the_truth(k: int) -> None:
    # Uniform scores: the expected maximum of k is k / (k + 1).
    rng = np.random.default_rng(0)
    held, widths = 0, []
    for _ in range(200):
        low, high = interval_of_best(rng.random(10), k)
        held += low <= k / (k + 1) <= high
        widths.append(high - low)
    assert held >= 190
    assert np.mean(widths) < 0.65


def test_the_interval_holds_the_estimate_and_lies_within_the_range() -> None:
    for k in range(1, 6):
        low, high = interval_of_best(SCORES, k)
        assert 0 <= low <= expected_best(SCORES)[k - 1] <= high <= 1


def test_a_known_upper_limit_shortens_the_interval() -> None:
    assert interval_of_best(SCORES, 3, most=0.95)[1] < interval_of_best(SCORES, 3)[1]
