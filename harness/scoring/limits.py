"""Intervals stay inside what a metric can be: a fraction lies between 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from harness.contract.cells import Use
from harness.contract.estimates import Estimate
from harness.contract.rows import Row
from harness.plugins import Catalog

Limits = tuple[float, float]
_FRACTION: Limits = (0.0, 1.0)


def inside_limits(rows: Sequence[Row], metrics: Sequence[Use], catalog: Catalog) -> list[Row]:
    """The rows, with the ends of intervals no further than the limits of their metrics.

    Student's interval of three seeds at .93 may reach to 1.22; of a fraction all beyond 1 is impossible.
    """
    uses = {use.label: use for use in metrics}
    outside = {
        name
        for row in rows
        for name, estimate in row.estimates.items()
        if name in uses and cut(estimate, _FRACTION) is not estimate
    }
    limits = {name: _limits_of(uses[name], catalog) for name in outside}
    return [
        replace(
            row, estimates={name: cut(e, limits[name]) if name in limits else e for name, e in row.estimates.items()}
        )
        if outside & row.estimates.keys()
        else row
        for row in rows
    ]


def cut(estimate: Estimate, limits: Limits) -> Estimate:
    """The estimate with its ends inside the limits; one whose value lies outside is left as it is."""
    least, most = limits
    if estimate.value is None or not least <= estimate.value <= most:
        return estimate
    low = estimate.low if estimate.low is None else max(least, estimate.low)
    high = estimate.high if estimate.high is None else min(most, estimate.high)
    return estimate if (low, high) == (estimate.low, estimate.high) else replace(estimate, low=low, high=high)


def _limits_of(use: Use, catalog: Catalog) -> Limits:
    metric = catalog.find("metric", use.name).component.load()
    default = _FRACTION if getattr(metric, "unit", "") == "fraction" else (-inf, inf)
    limits: Limits = getattr(metric, "limits", default)
    return limits
