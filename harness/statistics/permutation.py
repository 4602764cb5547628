"""The gap of a mean or a ratio of sums between the best and the worst of several groups, and whether it is real.

The largest difference of several groups is above 0 by chance alone, the more so the more groups there are. So it comes
with what chance alone would give, on average and as a p-value, by permuting who belongs to which group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
PERMUTATIONS = 1999
_MAX_VALUES_AT_ONCE = 2**24


@dataclass(frozen=True)
class GapTest:
    """The result of a permutation test of a gap.

    Attributes:
        gap: the largest ratio of a group less the smallest.
        null: the mean gap over the permutations.
        p: the share of permutations with a gap as large, the observed one counted (Phipson & Smyth 2010).
    """

    gap: float
    null: float
    p: float


def permuted_gap(
    numerators: Floats, denominators: Floats, group: Whole, groups: int, rng: np.random.Generator
) -> GapTest:
    """The gap of sum(numerators) / sum(denominators) between groups, tested by permutation.

    Values that are only 0 and 1 over denominators of 1 are counted, which is exact and needs no rows: the counts of a
    permutation are multivariate hypergeometric.

    Args:
        numerators, denominators: `[n]`, finite.
        group: `[n]`, from 0 to groups - 1, each with at least one row of a positive denominator.
        groups: the number of groups.
        rng: draws the permutations.
    """
    sizes = np.bincount(group, minlength=groups)
    tops, bottoms = (np.bincount(group, each, minlength=groups)[None] for each in (numerators, denominators))
    observed = _gaps(tops.astype(np.float64), bottoms.astype(np.float64))[0]
    if bool(np.all(denominators == 1) and np.all((numerators == 0) | (numerators == 1))):
        counts = permuted_counts(int(numerators.sum()), sizes, rng)
        drawn = _gaps(counts.astype(np.float64), sizes[None].astype(np.float64))
    else:
        drawn = _permuted(numerators, denominators, sizes, rng)
    return GapTest(float(observed), float(drawn.mean()), permutation_p(observed, drawn))


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
    at_least = int((drawn >= observed - 1e-12 * max(1.0, abs(observed))).sum())
    return (at_least + 1) / (len(drawn) + 1)


def _permuted(numerators: Floats, denominators: Floats, sizes: Whole, rng: np.random.Generator) -> Floats:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    n, gaps = len(numerators), []
    at_once = max(1, _MAX_VALUES_AT_ONCE // max(1, n))
    for start in range(0, PERMUTATIONS, at_once):
        rows = min(at_once, PERMUTATIONS - start)
        order = rng.permuted(np.broadcast_to(np.arange(n), (rows, n)), axis=1)
        tops, bottoms = (np.add.reduceat(each[order], starts, axis=1) for each in (numerators, denominators))
        gaps.append(_gaps(tops, bottoms))
    return np.concatenate(gaps)


def _gaps(tops: Floats, bottoms: Floats) -> Floats:
    """The gap of each row of sums `[draws, groups]`; groups without a denominator take no part."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = tops / bottoms
    gaps: Floats = np.nanmax(ratios, axis=1) - np.nanmin(ratios, axis=1)
    return gaps
