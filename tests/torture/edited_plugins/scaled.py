"""A task that scales numbers by what its helpers say, and edits files as if somebody did so while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import scaled_helper

from harness.api import Component, Context, Dataset, Estimate, Examples, Outcome, Records, hookimpl


@hookimpl
def harness_components() -> Iterator[Component]:
    yield Component("task", "scale", f"{__name__}:Scale")
    yield Component("dataset", "three", f"{__name__}:three")
    yield Component("metric", "mean", f"{__name__}:Mean")
    yield Component("metric", "late_mean", f"{__name__}:LateMean")


def three(factor: Path | None = None, sleep: int = 0) -> Examples:
    """Three numbers.

    Args:
        factor: a file with what they are multiplied with.
        sleep: only tells data apart.
    """
    times = float(factor.read_text(encoding="utf-8")) if factor else 1.0
    return Examples(["a", "b", "c"], {"number": [times * i for i in (1.0, 2.0, 3.0)]})


class Scale:
    """Scales numbers.

    Args:
        number: only tells tasks apart.
    """

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def run(self, data: Dataset, ctx: Context) -> Outcome:
        numbers = [scaled_helper.SCALE * float(number) for number in data.take([0, 1, 2])["number"]]
        _edit(self.number)
        import scaled_late

        return Outcome({"id": list(data.ids), "value": [scaled_late.SCALE * number for number in numbers]}, {})


class Mean:
    """The mean of the numbers."""

    columns = ("value",)
    unit = ""
    direction = ""

    def estimate(self, records: Records) -> Estimate:
        return Estimate(float(records["value"].mean()), None, None, 0.95, "mean", len(records))


class LateMean(Mean):
    """The mean of the numbers, scaled by what is imported late."""

    def estimate(self, records: Records) -> Estimate:
        import scaled_metric

        value = scaled_metric.SCALE * float(records["value"].mean())
        return Estimate(value, None, None, 0.95, "mean", len(records))


def _edit(number: int) -> None:
    """Move `edits/<number>/*` beside this file."""
    here = Path(__file__).parent
    for path in sorted((here / "edits" / str(number)).glob("*")):
        path.replace(here / path.name)
