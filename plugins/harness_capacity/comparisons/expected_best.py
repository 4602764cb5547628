"""The expected best score of k tries of a random search, with an interval that holds for every distribution."""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL

Floats = npt.NDArray[np.float64]

_SAMPLES = 4000


def expected_best(scores: npt.ArrayLike) -> Floats:
    """Return the expected best of k = 1, ..., n of the n tries, drawn without replacement, `[n]`.

    sum over i of C(i - 1, k - 1) / C(n, k) x_(i), the scores in increasing order: the mean of the maximum over all
    subsets of k tries, and so an unbiased estimate for k new ones. For k = 1 it is the mean, for k = n the maximum.
    Dodge et al. 2019, arXiv:1909.03004, draw with replacement, which is too low on average (Tang et al. 2020,
    arXiv:2004.13705).

    Args:
        scores: one for each try, `[n]`; more is better.
    """
    return chances_of_best(np.size(scores)) @ np.sort(np.asarray(scores, dtype=np.float64))


def expected_of_chosen(scores: npt.ArrayLike, others: npt.ArrayLike) -> Floats:
    """Return what another score of the try that is best by `scores` is expected to be, for each k, `[n]`.

    The tries of equal score are equally likely to be chosen.

    Args:
        scores: what the try is chosen by, `[n]`.
        others: what is reported of it, `[n]`.
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(others, dtype=np.float64)
    _, level = np.unique(x, return_inverse=True)
    means = np.bincount(level, weights=y) / np.bincount(level)
    return chances_of_best(len(x)) @ means[np.sort(level)]


def chances_of_best(n: int) -> Floats:
    """The probability that the i-th smallest of n is the best of k that are drawn without replacement, `[k, i]`."""
    return np.array([[comb(i - 1, k - 1) / comb(n, k) for i in range(1, n + 1)] for k in range(1, n + 1)])


def interval_of_best(
    scores: npt.ArrayLike, tries: int, least: float = 0.0, most: float = 1.0, level: float = LEVEL
) -> tuple[float, float]:
    """Return an interval for the expected best of so many new tries, which holds whatever the scores' distribution is.

    The bound of Learned-Miller & Thomas 2019, arXiv:1905.06208, applied to the distribution of the maximum, F^k: the
    integral of 1 - F^k with the values of F at the sorted scores drawn as uniform order statistics. Phan et al. 2021,
    arXiv:2106.03163, prove it for one end. It covers more often than it promises, since between two scores F may be
    anything.

    Args:
        scores: independent tries, `[n]`.
        tries: k, from 1 to n.
        least, most: what a score can be at all.
        level: of the interval, half of the rest at each end.
    """
    x = np.sort(np.asarray(scores, dtype=np.float64))
    powers = _order_statistics(len(x)) ** tries
    below, above = np.diff(x, prepend=least), np.diff(x, append=most)
    tail = (1 - level) / 2
    low = least + float(np.quantile((1 - powers) @ below, tail))
    high = most - float(np.quantile(powers @ above, tail))
    return low, high


@cache
def _order_statistics(n: int) -> Floats:
    """Samples of n sorted uniform numbers, `[samples, n]`, the same every time."""
    return np.sort(np.random.default_rng(0).random((_SAMPLES, n)), axis=1)
