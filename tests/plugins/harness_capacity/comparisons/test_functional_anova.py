"""Shares of variance, against functions whose shares are known."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.tree import DecisionTreeRegressor

from harness_capacity.comparisons.functional_anova import main_effects, variance_shares_of

GRID = np.array(list(product(range(4), range(3), range(2))), dtype=float)
A, B, C = GRID.T


def shares(scores: npt.NDArray[np.float64], grid: npt.NDArray[np.float64] = GRID) -> npt.NDArray[np.float64]:
    """Of a tree that knows every score of a grid."""
    total, main = main_effects([DecisionTreeRegressor(random_state=0).fit(grid, scores).tree_], grid)
    assert total == pytest.approx(scores.var())
    return main / total


def test_a_sum_has_the_variances_of_its_parts() -> None:
    # Variances of 0..3, 0..2 and 0..1 are 5/4, 2/3 and 1/4.
    parts = np.array([4 * 5 / 4, 2 / 3, 0.0])
    np.testing.assert_allclose(shares(2 * A + B), parts / parts.sum(), atol=1e-12)


def test_a_combination_is_in_no_single_share() -> None:
    # A product of signs has no main effects.
    np.testing.assert_allclose(shares((2 * (A > 1) - 1) * (2 * C - 1)), [0, 0, 0], atol=1e-12)
    # x y on 0..3 and 0..2: main effects 5/4 * 1 and 2/3 * 9/4, combination 5/4 * 2/3.
    parts = np.array([5 / 4 * 1, 2 / 3 * 9 / 4, 0.0])
    np.testing.assert_allclose(shares(A * B), parts / (parts.sum() + 5 / 4 * 2 / 3), atol=1e-12)


def test_a_value_that_is_more_frequent_counts_more() -> None:
    # A parameter that is 1 in one of four has variance 3/16, beside one of 1/4.
    grid = np.array([[a, b] for a in (0, 0, 0, 1) for b in (0, 1)], dtype=float)
    np.testing.assert_allclose(shares(grid[:, 0] + grid[:, 1], grid), [3 / 7, 4 / 7], atol=1e-12)


def test_the_mean_of_trees_is_decomposed() -> None:
    # Two trees, one of a + c and one of a: their mean is a + c / 2, with variances 5/4 and 1/16.
    trees = [DecisionTreeRegressor(random_state=0).fit(GRID, scores).tree_ for scores in (A + C, A)]
    total, main = main_effects(trees, GRID)
    np.testing.assert_allclose([total, *main], [5 / 4 + 1 / 16, 5 / 4, 0, 1 / 16], atol=1e-12)


def test_a_forest_on_a_latin_square() -> None:
    # Each value of x, y and z once with each of another: orthogonal, so that shares of a sum are those of its parts.
    k = 7
    square = np.array([[x, y, (x + y) % k] for x in range(k) for y in range(k)], dtype=float)
    found = variance_shares_of(square, 2 * square[:, 0] + square[:, 1])
    assert found is not None
    np.testing.assert_allclose(found.main, [0.8, 0.2, 0.0], atol=0.06)
    assert found.explained > 0.9


def test_a_logarithm_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((30, 2))
    y = 3 * x[:, 0] + x[:, 1]
    one, other = variance_shares_of(x, y), variance_shares_of(np.exp(5 * x), y)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.main, other.main)


def test_scores_that_are_equal_have_no_shares_and_noise_is_not_explained() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((30, 2))
    assert variance_shares_of(x, np.ones(30)) is None
    noise = variance_shares_of(x, rng.random(30))
    assert noise is not None
    assert noise.explained < 0.1
