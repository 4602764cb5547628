"""Values and intervals stay inside what a metric can be: a fraction lies between 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

from harness.contract.cells import Use
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate, is_within
from harness.contract.rows import Row
from harness.isolation import Fault
from harness.scoring.plugin_calls import Limits, PluginCalls

_FRACTION: Limits = (0.0, 1.0)


def inside_limits(rows: Sequence[Row], metrics: Sequence[Use], calls: PluginCalls) -> list[Row]:
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
    asked = {name: calls.limits(uses[name]) for name in outside}
    limits = {name: answer for name, answer in asked.items() if not isinstance(answer, Fault)}
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


def checked(estimate: Any, metric: Any) -> Estimate:
    """Return what a metric returned, if it is an estimate whose value the metric can have. Raises InvalidOutput."""
    if not isinstance(estimate, Estimate):
        raise InvalidOutput(f"it returned a {type(estimate).__name__}, not an Estimate")
    least, most = limits_of(metric)
    if estimate.value is not None and not is_within(estimate.value, least, most):
        unit = getattr(metric, "unit", "")
        what = f"a {unit}" if unit == "fraction" and (least, most) == _FRACTION else "the metric"
        raise InvalidOutput(f"the value {estimate.value:.6g} lies outside what {what} can be, {least:g} to {most:g}")
    # Anew, since its class may be one of the plugin, which need not check itself.
    return Estimate(**{name: getattr(estimate, name) for name in Estimate.__slots__})


def limits_of(metric: Any) -> Limits:
    """Return what the values of a metric, or of its class, lie between. Raises InvalidOutput."""
    default = _FRACTION if getattr(metric, "unit", "") == "fraction" else (-inf, inf)
    limits = getattr(metric, "limits", default)
    try:
        least, most = map(float, limits)
    except (TypeError, ValueError):
        raise InvalidOutput(f"its limits are {limits!r}, not two numbers") from None
    return least, most
