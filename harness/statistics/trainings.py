"""The difference of two recipes, each trained several times: the seeds are the sample, not the examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.statistics.paired import Difference
from harness.statistics.quantiles import student_quantile


def welch_difference(a: Sequence[float], b: Sequence[float], step: float) -> Difference:
    """The difference of the means of two independent samples, whose spreads may differ (Welch 1947, Biometrika 34).

    Where neither sample varies, each value is taken to vary by half a step: 1 in all trainings against 0 in all is a
    difference, one example in all is none.

    Args:
        a, b: one value a training, at least two each.
        step: by how much one example changes a value, positive.
    """
    from scipy.special import stdtr

    value = float(np.mean(b) - np.mean(a))
    spreads = [float(np.var(each, ddof=1)) for each in (a, b)]
    # The variance of equal values need not be 0 to the last bit.
    if all(len(set(each)) == 1 for each in (a, b)):
        spreads = [(step / 2) ** 2] * 2
    parts = [spread / len(each) for spread, each in zip(spreads, (a, b), strict=True)]
    error = math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, (a, b), strict=True))
    half = student_quantile(freedom) * error
    p = 2 * float(stdtr(freedom, -abs(value) / error)) if value else 1.0
    return Difference(value, value - half, value + half, p, f"Welch's t over {len(a)} and {len(b)} trainings")
