"""The difference of two recipes, each trained several times: the seeds are the sample, not the examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.statistics.intervals import LEVEL
from harness.statistics.paired import Difference


def welch_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """The difference of the means of two independent samples, whose spreads may differ (Welch 1947, Biometrika 34).

    Where neither sample varies the p-value is that of a permutation of the values, since nothing says how much they
    would vary: 2 / (n choose k) for what is apart.

    Args:
        a, b: one value a training, at least two each.
    """
    from scipy.special import stdtr, stdtrit

    value = float(np.mean(b) - np.mean(a))
    parts = [float(np.var(each, ddof=1)) / len(each) for each in (a, b)]
    error = math.sqrt(sum(parts))
    method = f"Welch's t over {len(a)} and {len(b)} trainings"
    if error == 0:
        apart = min(1.0, 2 / math.comb(len(a) + len(b), len(a)))
        return Difference(value, value, value, apart if value else 1.0, method)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, (a, b), strict=True))
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(value) / error))
    return Difference(value, value - half, value + half, p, method)
