"""Permutations of who belongs to which group: p-values, the value above which they are small, and permuted counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
PERMUTATIONS = 1999
_ROUNDING = 1e-9
"""Statistics of the same groups, summed in another order, are equal up to this share."""


@dataclass(frozen=True)
class GapTest:
    """A gap between groups with its interval and its permutation test.

    Attributes:
        gap: the largest value of a group less the smallest.
        low, high: the ends of its interval; low is above 0 if and only if p is at most 1 - level.
        null: the mean gap over the permutations.
        p: the share of permutations with a statistic as large, the observed one counted.
        method: how.
    """

    gap: float
    low: float
    high: float
    null: float
    p: float
    method: str


def can_be_found(sizes: Sequence[npt.ArrayLike], level: float) -> bool:
    """Whether there are permutations enough for a p-value of at most 1 - level.

    Two groups of three members can be divided in 10 ways, so that a p-value is .1 or more, whatever the values are.

    Args:
        sizes: the members of each group, `[groups]`, of each of the quantities that are permuted independently.
        level: such as 0.95.
    """
    ways = sum(_log_ways(np.asarray(each, dtype=np.intp)) for each in sizes)
    return ways >= -math.log(1 - level) - _ROUNDING


def _log_ways(sizes: Whole) -> float:
    """The logarithm of the number of ways to divide members among groups; those of one size are not told apart."""
    _, alike = np.unique(sizes, return_counts=True)
    below = sum(math.lgamma(size + 1) for size in (*sizes.tolist(), *alike.tolist()))
    return math.lgamma(int(sizes.sum()) + 1) - below


def permuted_counts(successes: int, sizes: Whole, rng: np.random.Generator, draws: int = PERMUTATIONS) -> Whole:
    """Draw the number of successes in each group, `[draws, groups]`, when members are exchanged at random.

    Args:
        successes: of all groups together.
        sizes: `[groups]`.
        rng: draws the permutations.
        draws: number of permutations.
    """
    return np.asarray(rng.multivariate_hypergeometric(sizes, successes, size=draws))


def permutation_p(observed: float, drawn: Floats) -> float:
    """The share of permutations with a value as large, the observed one counted (Phipson & Smyth 2010)."""
    at_least = int((drawn >= observed - _rounding(observed)).sum())
    return (at_least + 1) / (len(drawn) + 1)


def critical_value(drawn: Floats, level: float) -> float:
    """The value that a statistic must exceed for `permutation_p` to be at most 1 - level; infinite for too few draws.

    What a test does not reject is then also inside the interval that is made with this value.

    Args:
        drawn: `[draws]`, the statistic under permutation.
        level: such as 0.95.
    """
    may_exceed = int((1 - level) * (len(drawn) + 1) + 1e-9) - 1
    if may_exceed < 0:
        return float("inf")
    value = float(np.partition(drawn, len(drawn) - 1 - may_exceed)[len(drawn) - 1 - may_exceed])
    return value + 2 * _rounding(value)


def _rounding(value: float) -> float:
    return _ROUNDING * abs(value)
