"""The interval of a ratio of two rates, and the exact test of their difference."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, normal_quantile, wilson

Floats = npt.NDArray[np.float64]
Ends = tuple[float, float]


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
