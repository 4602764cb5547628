"""The gap of rates between groups, by the largest difference in units of the error that the pooled rate gives it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.contract.context import derive_seed
from harness.statistics.intervals import LEVEL, newcombe
from harness.statistics.permutation import PERMUTATIONS, GapTest, critical_value, permutation_p, permuted_counts
from harness.statistics.quantiles import normal_cdf

Floats = npt.NDArray[np.float64]
Counts = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]
"""Successes and trials of groups, `[groups]` each."""
_RANGE_PRECISION = 1e-10


def gap_of_rates(rates: Sequence[Counts], *, level: float = LEVEL) -> GapTest:
    """The largest rate of a group less the smallest, or the largest such gap of several rates with disjoint trials.

    The statistic is the largest difference of two groups over its standard error under the pooled rate (Tukey-Kramer),
    which a permutation leaves as it is; the counts of a permutation are multivariate hypergeometric. The lower end of
    the interval is the smallest gap that the same test does not reject, see `_lower_end`; the upper end is Newcombe's
    for all pairs of groups at once (Agresti, Bini, Bertaccini & Ryu 2008), and for all rates (Bonferroni).

    Args:
        rates: successes and trials of each rate, `[groups]`, with at least 2 groups and positive trials.
        level: the nominal coverage.
    """
    drawn = [_drawn(successes, trials) for successes, trials in rates]
    statistics = [largest_difference(some, trials) for some, (_, trials) in zip(drawn, rates, strict=True)]
    observed = max(float(largest_difference(successes, trials)) for successes, trials in rates)
    largest = np.max(statistics, axis=0)
    critical = critical_value(largest, level)
    gaps = [np.ptp(some / trials, axis=1) for some, (_, trials) in zip(drawn, rates, strict=True)]
    upper_level = 1 - (1 - level) / len(rates)
    return GapTest(
        gap=max(float(np.ptp(successes / trials)) for successes, trials in rates),
        low=max(_lower_end(successes, trials, critical) for successes, trials in rates),
        high=max(_upper_end(successes, trials, upper_level) for successes, trials in rates),
        null=float(np.max(gaps, axis=0).mean()),
        p=permutation_p(observed, largest),
        method=f"simultaneous newcombe by {PERMUTATIONS} permutations",
    )


def _drawn(successes: npt.ArrayLike, trials: npt.ArrayLike) -> npt.NDArray[np.intp]:
    total, sizes = int(np.sum(successes)), np.asarray(trials)
    rng = np.random.default_rng(derive_seed(0, "gap of rates", total, int(sizes.sum()), len(sizes)))
    return permuted_counts(total, sizes, rng)


def largest_difference(successes: npt.ArrayLike, trials: npt.ArrayLike) -> Floats:
    """Return max |p_i - p_j| / sqrt(p (1 - p) (1/n_i + 1/n_j)) over pairs of groups, with p the rate of all.

    Of groups of one size only the largest and the smallest rate matter, so the cost grows with the number of sizes.

    Args:
        successes: `[..., groups]`.
        trials: `[groups]`.
    """
    s, n = np.asarray(successes), np.asarray(trials, dtype=np.float64)
    order = np.argsort(n, kind="stable")
    sizes, starts = np.unique(n[order], return_index=True)
    shares = (s / n)[..., order]
    top, bottom = (each.reduceat(shares, starts, axis=-1) for each in (np.maximum, np.minimum))
    largest = np.zeros(shares.shape[:-1])
    for i, size in enumerate(sizes):
        differences = (top[..., i, None] - bottom) / np.sqrt(1 / size + 1 / sizes)
        largest = np.maximum(largest, differences.max(axis=-1))
    pooled = s.sum(axis=-1) / n.sum()
    error = np.sqrt(pooled * (1 - pooled))
    return np.asarray(np.divide(largest, error, out=np.zeros_like(largest), where=error > 0))


def _lower_end(successes: npt.ArrayLike, trials: npt.ArrayLike, critical: float) -> float:
    """Return the largest over pairs of the smallest difference that a score test does not reject; 0 where that is 0.

    The difference d of two groups is rejected as being u d where d (1 - u) is above `critical` standard errors. These
    are of rates on the way from the pooled rate (u = 0, which is the permutation test) to the observed ones (u = 1),
    so that their variances are quadratic in u: between 0 and 1 there is one solution, if 0 is rejected.
    """
    s, n = np.asarray(successes), np.asarray(trials, dtype=np.float64)
    share, pooled = s / n, s.sum() / n.sum()
    one, other = np.triu_indices(len(n), 1)
    off = share - pooled
    linear = (1 - 2 * pooled) * ((off / n)[one] + (off / n)[other])
    square = (off**2 / n)[one] + (off**2 / n)[other]
    difference = np.abs(share[one] - share[other])
    at_zero = difference**2 - critical**2 * pooled * (1 - pooled) * (1 / n[one] + 1 / n[other])
    leading = difference**2 + critical**2 * square
    middle = 2 * difference**2 + critical**2 * linear
    rejected = at_zero > 0
    root = np.sqrt(np.maximum(0.0, middle**2 - 4 * leading * at_zero))
    u = np.divide(2 * at_zero, middle + root, out=np.zeros_like(root), where=rejected)
    return float((u * difference).max())


def _upper_end(successes: npt.ArrayLike, trials: npt.ArrayLike, level: float) -> float:
    s, n = np.asarray(successes), np.asarray(trials)
    _, high = newcombe(s[:, None], n[:, None], s, n, range_quantile(len(s), level) / math.sqrt(2))
    return min(1.0, float(high[~np.eye(len(s), dtype=bool)].max()))


@cache
def range_quantile(k: int, level: float) -> float:
    """The quantile of the range of k standard normals.

    P(range < q) = k * integral of density(x) * (cdf(x) - cdf(x - q))^(k - 1); scipy.stats has it too, but takes
    a second to import.
    """
    x = np.linspace(-8.5, 8.5, 3401)
    weight = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0]) * k
    below_x = normal_cdf(x)
    below, above = 0.0, 20.0
    while above - below > _RANGE_PRECISION:
        middle = (below + above) / 2
        covered = float((weight * (below_x - normal_cdf(x - middle)) ** (k - 1)).sum())
        below, above = (middle, above) if covered < level else (below, middle)
    return (below + above) / 2
