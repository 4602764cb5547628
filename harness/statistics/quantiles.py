"""Quantiles of two-sided intervals."""

from __future__ import annotations

from statistics import NormalDist

LEVEL = 0.95
"""The nominal coverage of every interval that is not said to have another."""


def normal_quantile(level: float) -> float:
    """Return the quantile of the standard normal for a two-sided interval, 1.96 for 95 %."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def student_quantile(freedom: float, level: float = LEVEL) -> float:
    """Return the quantile of Student's t for a two-sided interval, 2.78 for 95 % with 4 degrees of freedom."""
    # In the function: importing SciPy takes a third of a second.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
