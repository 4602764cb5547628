"""Functional analysis of variance of a forest: how much of what scores differ by comes from each parameter alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_TREES = 64
_FOLDS = 5
_BLOCK = 256
_LEAF = -1


@dataclass(frozen=True)
class Shares:
    """What a forest says of the scores of configurations.

    Attributes:
        main: the share of the variance that each parameter has alone, `[d]`; the rest is of combinations.
        explained: the share of the variance of scores that a forest predicts for configurations that it has not seen,
            by cross-validation; below 0 where the mean predicts better.
    """

    main: Floats
    explained: float


def variance_shares_of(configurations: npt.ArrayLike, scores: npt.ArrayLike) -> Shares | None:
    """Fit a forest and decompose it; None where the scores do not differ.

    Hutter, Hoos & Leyton-Brown 2014 (Proceedings of ICML), with the distribution of each parameter being that of its
    values among the configurations, so that a logarithm changes nothing. The forest is one of extremely randomised
    trees (Geurts et al. 2006), and its mean is decomposed instead of each tree: single trees make combinations out of
    sums, and bootstraps halve small shares.

    Args:
        configurations: numbers `[n, d]`; categories by codes.
        scores: `[n]`.
    """
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    x, y = np.asarray(configurations, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if np.ptp(y) == 0:
        return None
    ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in x.T]).astype(np.float64)
    forest = ExtraTreesRegressor(_TREES, random_state=0)
    predicted = cross_val_predict(forest, ranks, y, cv=KFold(_FOLDS, shuffle=True, random_state=0))
    total, main = main_effects([tree.tree_ for tree in forest.fit(ranks, y).estimators_], ranks)
    return Shares(main / total, float(1 - ((y - predicted) ** 2).mean() / y.var()))


def main_effects(trees: Sequence[Any], columns: Floats) -> tuple[float, Floats]:
    """Return the variance of the mean of trees and the parts that single parameters have, `[d]`.

    Exact: a leaf is a box, and parameters are independent, so that the chance of a box is a product, and the mean over
    all parameters but one is a sum over boxes (algorithm 1 of Hutter et al. 2014).

    Args:
        trees: `tree_` of fitted trees of scikit-learn.
        columns: the values of the parameters, `[n, d]`, each as likely as it is frequent.
    """
    boxes = [_boxes(tree, columns.shape[1]) for tree in trees]
    low, high, value = (np.concatenate(parts) for parts in zip(*boxes, strict=True))
    value = value / len(trees)
    inside = ((columns[None] > low[:, None]) & (columns[None] <= high[:, None])).astype(np.float64)  # [leaves, n, d]
    chances = inside.mean(axis=1)
    chance = chances.prod(axis=1)
    mean = float(chance @ value)
    marginal = np.einsum("ld,lnd->nd", (value * chance)[:, None] / chances, inside)
    return _mean_square(value, inside) - mean**2, np.asarray(((marginal - mean) ** 2).mean(axis=0))


def _mean_square(value: Floats, inside: Floats) -> float:
    """The mean square of a sum over boxes, from the chances that a point is in two of them."""
    leaves, n, d = inside.shape
    total = 0.0
    for start in range(0, leaves, _BLOCK):
        block = inside[start : start + _BLOCK]
        both = np.ones((len(block), leaves))
        for j in range(d):
            both *= block[:, :, j] @ inside[:, :, j].T / n
        total += float(value[start : start + _BLOCK] @ both @ value)
    return total


def _boxes(tree: Any, d: int) -> tuple[Floats, Floats, Floats]:
    """The ends, low < x <= high, `[leaves, d]`, and the values `[leaves]` of the leaves."""
    low, high = np.full((tree.node_count, d), -np.inf), np.full((tree.node_count, d), np.inf)
    for node in range(tree.node_count):  # Parents come before their children.
        left, right = tree.children_left[node], tree.children_right[node]
        if left == _LEAF:
            continue
        feature, threshold = tree.feature[node], tree.threshold[node]
        for child in (left, right):
            low[child], high[child] = low[node], high[node]
        high[left, feature] = low[right, feature] = threshold
    leaves = tree.children_left == _LEAF
    return low[leaves], high[leaves], np.asarray(tree.value[leaves, 0, 0], dtype=np.float64)
