"""Intervals and tests for two or more rates or means at once."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, newcombe, normal_quantile, wilson

Floats = npt.NDArray[np.float64]
Ends = tuple[float, float]
_MIN_DRAWS, _MAX_DRAWS, _MAX_VALUES_AT_ONCE = 99, 399, 1_000_000
"""Permutations that intervals are stretched by, and how many numbers they may hold."""
_NORMAL_FROM = 1000
"""The mean of so many values is taken for normal."""


def ratio(s1: float, n1: float, s2: float, n2: float, *, level: float = LEVEL) -> Ends:
    """Interval for (s1 / n1) / (s2 / n2) from two Wilson intervals (Donner & Zou 2012, equation 9); s2 positive."""
    (l1, l2), (u1, u2) = wilson([s1 / n1, s2 / n2], [n1, n2], normal_quantile(level))
    p1, p2 = s1 / n1, s2 / n2
    product = p1 * p2

    def end(sign: float, one: float, other: float) -> float:
        bottom = other * (2 * p2 - other)
        root = math.sqrt(max(0.0, product**2 - one * (2 * p1 - one) * bottom))
        if abs(bottom) < 1e-15:  # The limit of the expression below, by l'Hôpital.
            return one * (2 * p1 - one) / (2 * product) if product else 0.0
        return (product + sign * root) / bottom

    return max(0.0, float(end(-1.0, l1, u2))), float(end(1.0, u1, l2))


def gap_of_rates(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, level: float = LEVEL, stretch: float = 1.0
) -> Ends:
    """Interval for the largest less the smallest of k rates, of simultaneous intervals for all their differences.

    Newcombe's intervals at the quantile of the studentised range over the square root of 2 (Agresti, Bini, Bertaccini &
    Ryu 2008): with two groups they are Newcombe's. If all differences lie in their intervals then so does the largest,
    so the gap is covered at least as often as they all are, however many groups there are.

    Args:
        successes, trials: `[k]` with k at least 2, trials positive.
        level: the nominal coverage.
        stretch: how many times as long every interval shall be; see `stretch_of_rates`.
    """
    s, n = np.asarray(successes), np.asarray(trials)
    low, high = newcombe(s[:, None], n[:, None], s, n, range_quantile(len(s), level) / math.sqrt(2))
    difference, others = s[:, None] / n[:, None] - s / n, ~np.eye(len(s), dtype=bool)
    low, high = difference + stretch * (low - difference), difference + stretch * (high - difference)
    return max(0.0, float(low[others].max())), min(1.0, float(high[others].max()))


def stretch_of_rates(drawn: npt.ArrayLike, trials: npt.ArrayLike, *, level: float = LEVEL) -> float:
    """How much longer intervals must be so that no more than 1 - level of permutations show a difference; 1 or more.

    Beside groups of hundreds the intervals of groups of a handful are too short: with ten groups of 8 and ten of 120
    some difference is found 9 % of the time where there is none.

    Args:
        drawn: successes `[draws, k]` if the groups meant nothing.
        trials: `[k]`.
    """
    n = np.asarray(trials)
    share = np.asarray(drawn)[: _draws(len(n) ** 2)] / n
    low, high = wilson(share, n, range_quantile(len(n), level) / math.sqrt(2))
    half = np.sqrt((share - low)[:, :, None] ** 2 + (high - share)[:, None, :] ** 2)
    return _stretch(share[:, :, None] - share[:, None, :], half, level)


def _draws(pairs: int) -> int:
    return max(_MIN_DRAWS, min(_MAX_DRAWS, _MAX_VALUES_AT_ONCE // pairs))


def _stretch(difference: Floats, half: Floats, level: float) -> float:
    """The quantile over draws of the largest difference in units of its interval; pairs without spread do not count."""
    units = np.divide(difference, half, out=np.zeros_like(difference), where=half > 0)
    largest = units.reshape(len(units), -1).max(axis=1)
    # What a few hundred draws may be off by is no reason to stretch.
    noise = 2 * math.sqrt(level * (1 - level) / len(units))
    return max(1.0, float(np.quantile(largest, level - noise, method="higher")))


@cache
def range_quantile(k: int, level: float) -> float:
    """The quantile of the range of k standard normals.

    P(range < q) = k * integral of density(x) * (cdf(x) - cdf(x - q))^(k - 1); scipy.stats has it too, but takes
    a second to import.
    """
    from scipy.special import ndtr

    x = np.linspace(-8.5, 8.5, 3401)
    weight = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0]) * k
    below = 0.0
    above = 20.0
    for _ in range(60):
        middle = (below + above) / 2
        covered = float((weight * (ndtr(x) - ndtr(x - middle)) ** (k - 1)).sum())
        below, above = (middle, above) if covered < level else (below, middle)
    return (below + above) / 2


def gap_of_means(
    means: Floats, variances: Floats, n: npt.ArrayLike, *, level: float = LEVEL, stretch: float = 1.0
) -> Ends:
    """Interval for the largest less the smallest of k means, of simultaneous Welch intervals for all differences.

    Args:
        means: `[k]`.
        variances: `[k]`, of single values, with n - 1 in the denominator.
        n: `[k]`, at least 2.
        level: the nominal coverage, divided over the pairs (Bonferroni).
        stretch: how many times as long every interval shall be; see `stretch_of_means`.
    """
    difference, half = _pairwise_welch(means, variances, np.asarray(n, dtype=np.float64), level)
    half = stretch * half
    return max(0.0, float((difference - half).max())), float((difference + half).max())


def stretch_of_means(
    values: Floats, n: npt.ArrayLike, rng: np.random.Generator, *, floor: Floats | None = None, level: float = LEVEL
) -> float:
    """How much longer intervals must be so that no more than 1 - level of permutations show a difference; 1 or more.

    Welch's intervals take means for normal. Of skewed values, beside groups of hundreds, those of a handful are not:
    with ten groups of 8 and ten of 120 some difference of exponential values is found 22 % of the time where there is
    none. The permuted differences are in units of their own intervals (Janssen 1997).

    Args:
        values: `[n.sum()]`.
        n: sizes of the groups, `[k]`, at least 2.
        rng: draws the permutations.
        floor: `[n.sum()]`, the least variance of each value, where something is known of it.
    """
    sizes = np.asarray(n, dtype=np.intp)
    if sizes.min() >= _NORMAL_FROM:
        return 1.0
    starts, pairs = np.cumsum(sizes) - sizes, len(sizes) * (len(sizes) - 1) // 2
    moments = []
    for _ in range(min(_draws(pairs), _draws(len(values)))):
        order = rng.permutation(len(values))
        mine = values[order]
        means = np.add.reduceat(mine, starts) / sizes
        squares = np.add.reduceat((mine - np.repeat(means, sizes)) ** 2, starts) / (sizes - 1)
        least = 0.0 if floor is None else np.add.reduceat(floor[order], starts) / sizes
        moments.append((means, np.maximum(squares, least)))
    drawn, spread = (np.stack(values) for values in zip(*moments, strict=True))
    return _stretch(*_pairwise_welch(drawn, spread, sizes.astype(np.float64), level), level)


def _pairwise_welch(means: Floats, variances: Floats, size: Floats, level: float) -> tuple[Floats, Floats]:
    """Sizes of the differences `[..., pairs]` of means `[..., k]`, and half the lengths of their intervals."""
    from scipy.special import stdtrit

    one, other = np.triu_indices(len(size), 1)
    share = variances / size
    first, second = share[..., one], share[..., other]
    square = first + second
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = square**2 / (first**2 / (size[one] - 1) + second**2 / (size[other] - 1))
    quantile = stdtrit(np.where(np.isfinite(freedom), freedom, 1.0), 1 - (1 - level) / (2 * len(one)))
    half: Floats = np.where(square > 0, quantile * np.sqrt(square), 0.0)
    return np.abs(means[..., one] - means[..., other]), half


def fisher(s1: int, n1: int, s2: int, n2: int) -> float:
    """Two-sided p-value of Fisher's exact test for equal rates: all tables at most as likely as this one."""
    from scipy.special import gammaln

    total, n = s1 + s2, n1 + n2
    x = np.arange(max(0, total - n2), min(total, n1) + 1)

    def log_choose(a: int, b: npt.NDArray[np.int_]) -> Floats:
        return np.asarray(gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1), dtype=np.float64)

    log = log_choose(n1, x) + log_choose(n2, total - x) - log_choose(n, np.array([total]))
    mine = log[s1 - int(x[0])]
    return min(1.0, float(np.exp(log[log <= mine + 1e-7]).sum()))
