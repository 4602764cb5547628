"""Intervals for the statistics that metrics are made of.

Every function returns an `Estimate`; an undefined value is None with a reason, never 0 or NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import inf, isfinite, sqrt
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from harness.contract.context import derive_seed
from harness.contract.estimates import Estimate
from harness.statistics.clustered_sums import ClusteredSums
from harness.statistics.quantiles import LEVEL as LEVEL
from harness.statistics.quantiles import normal_quantile as normal_quantile
from harness.statistics.quantiles import student_quantile
from harness.statistics.studentised import studentised_quantiles

Floats = npt.NDArray[np.float64]
T = TypeVar("T", float, Floats)
Ends = tuple[Floats, Floats]
Interval = tuple[Floats | float, Floats | float, Floats | float]
"""A value, or many, with the lower and the upper end."""
DRAWS = 2000
TOO_FEW = "too few for an interval"
MIN_SKEWED = 6
"""Fewer values than these cannot show that they are skewed."""
_NOT_SKEWED = 0.05
"""Skewness by the root of n, below which the ends move by less than .07 standard errors."""
ALL_EQUAL = "all values are equal, so that their spread is not known"


def proportion(successes: float, n: int, *, n_missing: int = 0, level: float = LEVEL) -> Estimate:
    """A share of n independent trials with Wilson's score interval (Wilson 1927).

    Trials that may be partly successful, such as ties that share credit, vary less than those that are all or nothing:
    the interval covers their mean at least as often.

    Raises:
        ValueError: successes outside 0..n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if n == 0:
        return Estimate.undefined("no examples to count", n_missing=n_missing)
    share = successes / n
    low, high = wilson(share, n, normal_quantile(level))
    return Estimate(share, float(low), float(high), level, "wilson", n, n_missing)


def wilson(share: npt.ArrayLike, trials: npt.ArrayLike, z: float) -> Ends:
    """The ends of Wilson's score interval (Wilson 1927), of one share or of many.

    Args:
        share: from 0 to 1.
        trials: number of trials, or of independent ones that would give the variance of the share; positive.
        z: the quantile of the standardised share, 1.96 for 95 %.
    """
    p, n = np.asarray(share, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    centre, half = score_interval(p, np.maximum(p * (1 - p), 0.0), n, z, np.sqrt)
    # At the ends the interval touches 0 and 1 exactly; the subtraction leaves 1e-17.
    return np.where(p <= 0, 0.0, np.maximum(0.0, centre - half)), np.where(p >= 1, 1.0, np.minimum(1.0, centre + half))


def score_interval(p: T, variance: T, n: T, z: float, sqrt: Callable[[T], T]) -> tuple[T, T]:
    """Centre and half the length of Wilson's interval; numbers are not made arrays, which would take 50 times as long.

    Args:
        p: one share or many.
        variance: p (1 - p).
        n: trials.
        z: the quantile of the standardised share.
        sqrt: math.sqrt of a number or numpy.sqrt of an array.
    """
    scale = 1 + z * z / n
    return (p + z * z / (2 * n)) / scale, z / scale * sqrt(variance / n + z * z / (4 * n * n))


def newcombe(s1: npt.ArrayLike, n1: npt.ArrayLike, s2: npt.ArrayLike, n2: npt.ArrayLike, z: float) -> Ends:
    """The ends of the interval for s1 / n1 - s2 / n2 (Newcombe 1998, method 10: from two Wilson intervals)."""
    one, other = np.asarray(s1) / np.asarray(n1), np.asarray(s2) / np.asarray(n2)
    below, above = square_and_add((one, *wilson(one, n1, z)), (other, *wilson(other, n2, z)))
    return one - other - below, one - other + above


def square_and_add(first: Interval, second: Interval, correlation: float = 0.0) -> Ends:
    """Return how far the interval of the first value less the second reaches below and above the difference.

    Newcombe 1998, Statistics in Medicine 17:873-890, method 10, and 17:2635-2650, method 10, for shares that are
    correlated; Zou & Donner 2008, Statistics in Medicine 27:1693-1702 (MOVER), for any values.
    """
    (one, low_one, high_one), (other, low_other, high_other) = first, second

    def reach(a: Floats | float, b: Floats | float) -> Floats:
        return np.sqrt(np.maximum(0.0, a * a - 2 * correlation * a * b + b * b))

    return reach(one - low_one, high_other - other), reach(high_one - one, other - low_other)


def mean(
    values: npt.ArrayLike,
    *,
    least: float | None = None,
    most: float | None = None,
    fixed: bool = False,
    n_missing: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """The mean of independent values with Student's t interval, made wider where values are skewed.

    Of skewed values Student's t covers too little (exponential ones .90 at n = 10, log-normal ones with sigma 1 .84),
    and the end towards the long tail is the one that misses. The quantile on each side is then the larger of Student's
    and that of the bootstrap-t (.94 and .92). Fewer than six values do not show whether they are skewed; the estimate
    says so.

    One value has no interval. Equal values have no spread: that no other occurred among n leaves room for a share of
    1 - (1 - level)^(1 / n), about 3 / n, which may lie at the ends of the range (rule of three); without a known range
    there is no interval.

    Args:
        values: `[n]`.
        least, most: the smallest and the largest value there can be; the interval is cut off there.
        fixed: whether equal values are so by design, and certain: passes of a fixed number of steps, a budget spent.
        n_missing: values that should have counted and could not.
        level: the nominal coverage.
    """
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if n == 0:
        return Estimate.undefined("no examples to average", n_missing=n_missing)
    centre = float(array.mean())
    if n == 1:
        return Estimate(centre, None, None, level, "student-t", n, n_missing, f"{TOO_FEW}: 1")
    lowest, highest = (-inf if least is None else least), (inf if most is None else most)
    if (array == array[0]).all() and not fixed:
        others = 1 - (1 - level) ** (1 / n)
        low, high = centre - others * (centre - lowest), centre + others * (highest - centre)
        if isfinite(low) and isfinite(high):
            return Estimate(centre, low, high, level, "rule of three", n, n_missing)
        return Estimate(centre, None, None, level, "student-t", n, n_missing, f"{ALL_EQUAL} ({n})")
    below, above, method = _reaches(array - centre, level)
    low, high = max(lowest, centre - below), min(highest, centre + above)
    reason = f"too few to show whether they are skewed: {n}" if n < MIN_SKEWED and below > 0 else ""
    return Estimate(centre, low, high, level, method, n, n_missing, reason)


def _reaches(deviations: Floats, level: float) -> tuple[float, float, str]:
    """How far the interval of a mean reaches below and above it, and by what method."""
    n = len(deviations)
    error = float(deviations.std(ddof=1)) / sqrt(n)
    third, second = (float((deviations**power).mean()) for power in (3, 2))
    if n < MIN_SKEWED or abs(third) <= _NOT_SKEWED * sqrt(n) * second**1.5:
        half = student_quantile(n - 1, level) * error
        return half, half, "student-t"
    # Sorted, so that the order of the values means nothing.
    rng = np.random.default_rng(derive_seed(0, "mean", n, DRAWS))
    low, high = studentised_quantiles(np.sort(deviations), n - 1, rng, DRAWS, level)
    return high * error, low * error, "student-t, bootstrapped where skewed"


def drawn_out(value: float, low: float, high: float) -> tuple[float, float]:
    """The ends of an interval, drawn out to its estimate where they miss it, as percentiles and inversions may."""
    return min(low, value), max(high, value)


def ratio_of_sums(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    interval: Literal["bootstrap", "jackknife"] = "jackknife",
    n_missing: int = 0,
    level: float = LEVEL,
    draws: int = DRAWS,
) -> Estimate:
    """sum(numerators) / sum(denominators), e.g. bits per byte, with an interval over rows or their clusters.

    Args:
        numerators, denominators: `[rows]`.
        clusters: `[rows]`, what each row belongs to, where rows of one cluster are not independent.
        interval: the jackknife with Student's t, or the percentile bootstrap, which is too short where there are few
            rows or they are of unequal length; see `ClusteredSums`.
        n_missing: rows that should have counted and could not.
        level: the nominal coverage.
        draws: number of bootstrap draws.
    """
    sums = ClusteredSums.of(numerators, denominators, clusters)
    if sums.bottom.sum() == 0:
        return Estimate.undefined("the denominator is 0", n=sums.rows, n_missing=n_missing)
    ends = sums.jackknife(level) if interval == "jackknife" else sums.bootstrap(level, draws)
    low, high, reason = None, None, f"{TOO_FEW}: {len(sums.top)}"
    if ends:
        low, high, reason = *drawn_out(sums.ratio, *ends), ""
    return Estimate(sums.ratio, low, high, level, interval + sums.clustering, sums.rows, n_missing, reason)


def bootstrap(
    statistic: Callable[[npt.NDArray[np.intp]], float],
    n: int,
    *,
    n_missing: int = 0,
    level: float = LEVEL,
    draws: int = DRAWS,
) -> Estimate:
    """A statistic of row indices with a percentile bootstrap over rows.

    Not for statistics that are biased in the sample size, such as the Frechet distance: their percentile
    interval misses the truth and even their own point estimate. It is then drawn out to the estimate.
    """
    if n == 0:
        return Estimate.undefined("no examples", n_missing=n_missing)
    value = float(statistic(np.arange(n)))
    if n == 1:
        return Estimate(value, None, None, level, "bootstrap", n, n_missing, f"{TOO_FEW}: 1")
    rng = np.random.default_rng(derive_seed(0, "bootstrap", n, draws))
    drawn = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)])
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, *drawn_out(value, float(low), float(high)), level, "bootstrap", n, n_missing)
