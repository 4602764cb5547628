"""The mean over groups whose values vary, each known only up to an interval of its own: seeds of a training."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import fmean, stdev

from harness.contract.estimates import Estimate
from harness.statistics.intervals import ALL_EQUAL, TOO_FEW
from harness.statistics.quantiles import LEVEL, student_quantile

MIN_GROUPS = 3
"""Fewest groups of which the spread says something of others."""


def mean_over_groups(estimates: Sequence[Estimate], *, n_missing: int = 0) -> Estimate:
    """The mean of estimates, one for each group, with what varies between groups and what varies within them.

    Two errors that do not depend on each other are added in squares, on either side of the mean by itself (as Zou &
    Donner 2008 do, Statistics in Medicine 27:1693-1702): Student's t interval of the values over groups, and the mean
    of the intervals of the groups. The groups are measured on the same examples or compared with the same reference, so
    that the error within does not average out over them; where it does, the interval is wider than it need be.

    Without intervals of their own the groups have Student's t alone. Equal values say nothing of the spread between
    groups; then the interval is that within them, or none.

    Args:
        estimates: with values, two at least.
        n_missing: groups that should have counted and gave no number.
    """
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    count, centre = len(values), fmean(values)
    equal = len(set(values)) == 1
    # The mean of equal numbers may differ from them by rounding, and a fraction of 1 must not become more.
    centre = values[0] if equal else centre
    within = _reach(estimates)
    if count < MIN_GROUPS:
        return Estimate(centre, None, None, LEVEL, "student-t", count, n_missing, f"{TOO_FEW}: {count} seeds")
    if equal and within is None:
        return Estimate(centre, None, None, LEVEL, "student-t", count, n_missing, f"{ALL_EQUAL} ({count})")
    between = 0.0 if equal else student_quantile(count - 1) * stdev(values) / sqrt(count)
    below, above = within or (0.0, 0.0)
    method = "student-t" if within is None else "within seeds" if equal else "student-t and within seeds"
    return Estimate(
        centre, centre - hypot(between, below), centre + hypot(between, above), LEVEL, method, count, n_missing
    )


def _reach(estimates: Sequence[Estimate]) -> tuple[float, float] | None:
    """How far the intervals of the groups reach below and above their values on average; None if one has none."""
    reaches = [
        (estimate.value - estimate.low, estimate.high - estimate.value)
        for estimate in estimates
        if estimate.value is not None and estimate.low is not None and estimate.high is not None
    ]
    if len(reaches) < len(estimates):
        return None
    below, above = zip(*reaches, strict=True)
    return fmean(below), fmean(above)
