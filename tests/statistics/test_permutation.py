"""Permutations: p-values with the value that decides them, and permuted counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.permutation import critical_value, permutation_p, permuted_counts


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


@given(
    st.lists(st.integers(0, 30), min_size=19, max_size=200),
    st.sampled_from([0.8, 0.9, 0.95]),
    st.integers(0, 31),
)
def test_what_exceeds_the_critical_value_has_a_small_p(drawn: list[int], level: float, observed: int) -> None:
    values = np.array(drawn) / 3
    small = permutation_p(observed / 3, values) <= 1 - level + 1e-12
    assert small == (observed / 3 > critical_value(values, level))
