"""A metric that imports no helper, so that edits of helpers are none of its business."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import Component, Estimate, Records, hookimpl


@hookimpl
def harness_components() -> Iterator[Component]:
    yield Component("metric", "plain_mean", f"{__name__}:PlainMean")


class PlainMean:
    """The mean of the numbers."""

    columns = ("value",)
    unit = ""
    direction = ""

    def estimate(self, records: Records) -> Estimate:
        return Estimate(float(records["value"].mean()), None, None, 0.95, "mean", len(records))
