"""Differences of two estimates: paired where both sides have the same examples, else from their two intervals.

A difference is always B minus A. Every p-value is two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.contract.estimates import Estimate
from harness.statistics.intervals import DRAWS, score_interval, square_and_add, wilson
from harness.statistics.quantiles import LEVEL, normal_quantile, student_quantile
from harness.statistics.studentised import studentised_quantiles

Values = npt.NDArray[np.float64]

ROUND_OFF = 1e-6
"""Relative difference of two means that float32 arithmetic can make; smaller ones are no differences."""

MIN_DIFFERING = 6
"""With fewer examples that differ, no test of their signs can give p < .05: 2 / 2^5."""

_LARGEST_QUANTILE = 40.0
_STUDENTISED = "student-t, bootstrapped where skewed"


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of B and A.

    Attributes:
        value: B minus A.
        low, high: the ends of its 95 % interval; None where there is none.
        p: the two-sided p-value of no difference; None where no test could be made.
        method: how interval and p-value were made.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    method: str


def paired_difference(a: Values, b: Values, rng: np.random.Generator) -> Difference:
    """The difference of the means of two metrics over the same examples.

    Truth values of the same counted examples get the exact McNemar test and Newcombe's paired interval, anything
    else Student's t, widened by the bootstrap.

    Args:
        a, b: `[n]`, one value per example in the same order; NaN where an example does not count.
        rng: for the bootstrap.
    """
    counted = ~np.isnan(a)
    values = np.concatenate([a[counted], b[~np.isnan(b)]])
    if np.array_equal(counted, ~np.isnan(b)) and counted.any() and bool(np.isin(values, (0.0, 1.0)).all()):
        return binary_difference(a[counted] == 1, b[counted] == 1)
    return studentised_difference(a, b, rng)


def binary_difference(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> Difference:
    """The difference of two shares of the same `[n]` examples: exact McNemar test, Newcombe's paired interval."""
    both, only_a = int((a & b).sum()), int((a & ~b).sum())
    only_b, neither = int((~a & b).sum()), int((~a & ~b).sum())
    low, high = newcombe_paired(both, only_b, only_a, neither)
    value, p = (only_b - only_a) / len(a), mcnemar(only_a, only_b)
    if p > 1 - LEVEL:
        # The exact test is the more careful one; the interval must not claim what it does not.
        low, high = min(low, 0.0), max(high, 0.0)
    return Difference(value, low, high, p, "exact McNemar, Newcombe paired")


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact p-value of McNemar's test (McNemar 1947): of the discordant pairs half are expected on either side."""
    from scipy.special import bdtr

    return min(1.0, 2.0 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def newcombe_paired(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """Interval of first minus second share of the same examples.

    Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10: Wilson's intervals of the two shares put
    together with their correlation, which is corrected for continuity.
    """
    n = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    excess = both * neither - only_first * only_second
    phi = (max(excess - n / 2, 0.0) if excess > 0 else excess) / math.sqrt(margins) if margins else 0.0
    shares = np.array([both + only_first, both + only_second]) / n
    first, second = zip(shares, *wilson(shares, n, normal_quantile(LEVEL)), strict=True)
    below, above = map(float, square_and_add(first, second, phi))
    difference = (only_first - only_second) / n
    return max(-1.0, difference - below), min(1.0, difference + above)


def studentised_difference(a: Values, b: Values, rng: np.random.Generator, *, draws: int = DRAWS) -> Difference:
    """The difference of two means over the same examples: Student's t, made wider where the bootstrap asks for it.

    The bootstrap-t (Efron 1979; Hall 1988) draws examples with replacement and takes the quantiles of the
    studentised difference, which minds skewness. On each side the quantile is the larger of that and Student's. The
    p-value is Student's after the observed t is scaled by the ratio of the two, so it is .05 where the interval
    touches 0, and may be as small as a correction for many tests needs. It is never smaller than 2^(1-m), the least
    that a sign-flip test can give where m examples differ; with fewer than `MIN_DIFFERING` there is no interval. Means
    that differ by round-off only have p = 1.

    False alarms at a nominal .05 in 400 simulations: .02 to .04 for normal differences (n = 5 to 200), .04 to .08 for
    exponential ones, and .11, .13, .08, .08, .05 for lognormal ones (n = 5, 10, 20, 50, 200; deviation of the logarithm
    1.2), where Student's t alone gives .23, .21, .18, .15, .07.

    Args:
        a, b: `[n]`, NaN where an example does not count.
        rng: the source of the draws.
        draws: number of bootstrap draws.
    """
    in_a, in_b = ~np.isnan(a), ~np.isnan(b)
    counted = min(int(in_a.sum()), int(in_b.sum()))
    if counted == 0:
        raise ValueError("no example counts")
    mean_a, mean_b = float(a[in_a].mean()), float(b[in_b].mean())
    value = 0.0 if mean_a == mean_b else mean_b - mean_a
    if np.array_equal(a, b, equal_nan=True):
        return Difference(0.0, 0.0, 0.0, 1.0, _STUDENTISED)
    differing = int((~((a == b) | ~(in_a | in_b))).sum())
    least = min(1.0, 2.0 ** (1 - differing))
    if min(differing, counted) < MIN_DIFFERING:
        return Difference(value, None, None, least, f"too few examples differ: {differing}")
    # What each example adds to the difference beyond its mean, times their number.
    n = int((in_a | in_b).sum())
    of_b = np.where(in_b, b - mean_b, 0.0) * n / in_b.sum()
    added = (of_b - np.where(in_a, a - mean_a, 0.0) * n / in_a.sum())[in_a | in_b]
    error = float(np.sqrt(added @ added / (n - 1) / n))
    below, above = studentised_quantiles(added, counted - 1, rng, draws)
    low, high = value - above * error, value + below * error
    p = max(least, _tail(value, error, above if value > 0 else below, counted - 1))
    if abs(value) <= ROUND_OFF * max(abs(mean_a), abs(mean_b)):
        low, high, p = min(low, 0.0), max(high, 0.0), 1.0
    return Difference(value, low, high, p, _STUDENTISED)


def influence_difference(
    value: float, a: Mapping[str, Values], b: Mapping[str, Values], freedom: int | None = None
) -> Difference | None:
    """The difference of two estimates whose contributions are known piece by piece (jackknife; Jaeckel 1972).

    What both share, such as a reference, takes part with the difference of its contributions, so that it cancels as far
    as it moves both alike.

    Args:
        value: the difference.
        a, b: by what was drawn, contributions `[n]` in a common order whose squares add up to the variance of either.
        freedom: degrees of freedom of the variance; None if there are many.

    Returns:
        None if they do not rest on the same data, or do not vary.
    """
    from scipy.special import stdtr

    if {name: part.shape for name, part in a.items()} != {name: part.shape for name, part in b.items()}:
        return None
    error = math.sqrt(sum(float(np.square(b[name] - a[name]).sum()) for name in a))
    if error <= ROUND_OFF * abs(value) and value != 0:
        return None
    reach = error * (normal_quantile(LEVEL) if freedom is None else student_quantile(freedom))
    z = abs(value) / error if value != 0 else 0.0
    p = math.erfc(z / math.sqrt(2)) if freedom is None else 2.0 * float(stdtr(freedom, -z))
    return Difference(value, value - reach, value + reach, p, "paired jackknife")


def _tail(value: float, error: float, quantile: float, freedom: int) -> float:
    """The two-sided p-value of a difference, where `quantile` is the number of standard errors at which it is .05."""
    from scipy.special import stdtr

    if value == 0:
        return 1.0
    if error <= ROUND_OFF * abs(value):
        return 0.0
    return 2.0 * float(stdtr(freedom, -abs(value) / error * student_quantile(freedom) / quantile))


def independent_difference(a: Estimate, b: Estimate) -> Difference:
    """The difference of two estimates, from their intervals alone.

    The square-and-add rule: Newcombe 1998, Statistics in Medicine 17:873-890, method 10, for Wilson's intervals,
    and Zou & Donner 2008, Statistics in Medicine 27:1693-1702 (MOVER), for any. The p-value belongs to the level
    at which the interval touches 0; Wilson's intervals are computed again for it, the ends of others are taken to
    move out in proportion to the normal quantile. Where both estimates rest on the same examples this asks for
    more than a paired test would.

    Raises:
        ValueError: an estimate has no value.
    """
    if a.value is None or b.value is None:
        raise ValueError("an estimate has no value")
    value = 0.0 if a.value == b.value else b.value - a.value
    reach_a, reach_b = _reach(a), _reach(b)
    if reach_a is None or reach_b is None:
        return Difference(value, None, None, None, "no interval")

    def low(z: float) -> float:
        return value - math.hypot(reach_b(z)[0], reach_a(z)[1])

    def high(z: float) -> float:
        return value + math.hypot(reach_b(z)[1], reach_a(z)[0])

    z = normal_quantile(LEVEL)
    p = 1.0 if value == 0 else math.erfc(_touching(low if value > 0 else lambda z: -high(z)) / math.sqrt(2))
    both_wilson = a.method == b.method == "wilson"
    if not both_wilson and value != 0:
        p = max(p, 2.0 ** (1 - max(1, min(a.n, b.n))))
    return Difference(value, low(z), high(z), p, "Newcombe independent" if both_wilson else "square-and-add")


Reach = Callable[[float], tuple[float, float]]


def _reach(estimate: Estimate) -> Reach | None:
    """Return how far the interval reaches below and above the value, as a function of the normal quantile."""
    share, low, high, n = estimate.value, estimate.low, estimate.high, estimate.n
    if share is None or low is None or high is None or not all(map(math.isfinite, (share, low, high))):
        return None
    # An interval that holds for certain, or never, has no quantile.
    if not 0 < estimate.level < 1:
        return None
    nominal = normal_quantile(estimate.level)
    if estimate.method == "wilson" and n and np.allclose(wilson(share, n, nominal), (low, high), rtol=0, atol=1e-9):
        return lambda z: _wilson_reach(share, n, z)
    below, above = max(0.0, share - low), max(0.0, high - share)
    return lambda z: (below * z / nominal, above * z / nominal)


def _wilson_reach(share: float, n: int, z: float) -> tuple[float, float]:
    centre, half = score_interval(share, share * (1 - share), n, z, math.sqrt)
    return share - max(0.0, centre - half), min(1.0, centre + half) - share


def _touching(end: Callable[[float], float]) -> float:
    """The normal quantile at which the end of an interval, which falls as the quantile grows, reaches 0."""
    inside, outside = 0.0, _LARGEST_QUANTILE
    if end(outside) > 0:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if end(middle) > 0 else (inside, middle)
    return inside


def holm(p_values: Sequence[float], n_not_made: int = 0) -> list[float]:
    """p-values adjusted for their number, so that the chance of any false finding stays below the level (Holm 1979).

    Args:
        p_values: of the tests that were made.
        n_not_made: the number of further tests, each of which counts as if its p-value were 1.
    """
    m = len(p_values) + n_not_made
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
