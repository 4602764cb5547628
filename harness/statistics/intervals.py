"""Intervals for the statistics that metrics are made of.

Every function returns an `Estimate`; an undefined value is None with a reason, never 0 or NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.context import derive_seed
from harness.contract.estimates import Estimate

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
DRAWS = 2000


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
    low, high = wilson(share, n, NormalDist().inv_cdf(0.5 + level / 2))
    return Estimate(share, float(low), float(high), level, "wilson", n, n_missing)


def wilson(share: npt.ArrayLike, trials: npt.ArrayLike, z: float) -> tuple[Floats, Floats]:
    """The ends of Wilson's score interval (Wilson 1927), of one share or of many.

    Args:
        share: from 0 to 1.
        trials: how many there were, or how many independent ones would give the variance of the share; positive.
        z: the quantile of the standardised share, 1.96 for 95 %.
    """
    p, n = np.asarray(share, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(np.maximum(p * (1 - p), 0.0) / n + z * z / (4 * n * n))
    # At the ends the interval touches 0 and 1 exactly; the subtraction leaves 1e-17.
    return np.where(p <= 0, 0.0, np.maximum(0.0, centre - half)), np.where(p >= 1, 1.0, np.minimum(1.0, centre + half))


def mean(values: npt.ArrayLike, *, least: float | None = None, n_missing: int = 0, level: float = LEVEL) -> Estimate:
    """The mean of independent values with Student's t interval. With one value there is no interval.

    Args:
        values: `[n]`.
        least: the smallest value there can be; the interval is cut off there.
        n_missing: values that should have counted and could not.
        level: the nominal coverage.
    """
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if n == 0:
        return Estimate.undefined("no examples to average", n_missing=n_missing)
    centre = float(array.mean())
    if n == 1:
        return Estimate(centre, None, None, level, "student-t", n, n_missing)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.5 + level / 2) * array.std(ddof=1) / np.sqrt(n))
    low = centre - half if least is None else max(least, centre - half)
    return Estimate(centre, low, centre + half, level, "student-t", n, n_missing)


def ratio_of_sums(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    n_missing: int = 0,
    level: float = LEVEL,
    draws: int = DRAWS,
) -> Estimate:
    """sum(numerators) / sum(denominators), e.g. bits per byte, with a percentile bootstrap over clusters.

    Whole clusters are resampled, since examples of one author or document are not independent. The draws
    are multinomial counts of the clusters, which is the same as resampling rows and needs no copies.
    """
    top: npt.NDArray[np.float64] = np.asarray(numerators, dtype=np.float64)
    bottom: npt.NDArray[np.float64] = np.asarray(denominators, dtype=np.float64)
    if bottom.sum() == 0:
        return Estimate.undefined("the denominator is 0", n=len(top), n_missing=n_missing)
    n_rows = len(top)
    if clusters is not None:
        _, of_row = np.unique(np.asarray(clusters), return_inverse=True)
        top, bottom = np.bincount(of_row, top).astype(np.float64), np.bincount(of_row, bottom).astype(np.float64)
    value = float(top.sum() / bottom.sum())
    units = len(top)
    method = "bootstrap" if clusters is None else f"bootstrap over {units} clusters"
    if units < 2:
        return Estimate(value, None, None, level, method, n_rows, n_missing)
    rng = np.random.default_rng(derive_seed(0, "bootstrap", units, draws))
    counts = rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)
    denominators_drawn = counts @ bottom
    drawn = (counts @ top)[denominators_drawn != 0] / denominators_drawn[denominators_drawn != 0]
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, float(low), float(high), level, method, n_rows, n_missing)


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
    interval misses the truth and even their own point estimate.
    """
    if n == 0:
        return Estimate.undefined("no examples", n_missing=n_missing)
    value = float(statistic(np.arange(n)))
    if n == 1:
        return Estimate(value, None, None, level, "bootstrap", n, n_missing)
    rng = np.random.default_rng(derive_seed(0, "bootstrap", n, draws))
    drawn = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)])
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, float(low), float(high), level, "bootstrap", n, n_missing)
