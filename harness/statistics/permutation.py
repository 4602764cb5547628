"""Permutations of who belongs to which group: p-values, the value above which they are small, and permuted counts."""

from __future__ import annotations

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
