"""Models as points of quality and cost: rows that differ in their seed only are one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.api import Estimate, Row, mean

_LEAST_SEEDS_OF_INTERVAL = 3


@dataclass(frozen=True)
class Point:
    """A model on some data, under one treatment, over all of its seeds.

    Attributes:
        model: its label.
        quality: the mean of the metric over seeds with Student's t interval from three seeds on; of one seed its own.
        rows: a row for each seed.
    """

    model: str
    quality: Estimate
    rows: tuple[Row, ...]

    @property
    def value(self) -> float:
        """The metric."""
        assert self.quality.value is not None
        return self.quality.value

    def cost(self, name: str) -> float | None:
        """The mean over seeds of a cost: a number of the cost block, effort such as `passes`, or a metric by its label.

        None where any seed does not know it.
        """
        values = [value for row in self.rows if (value := cost_of(row, name)) is not None]
        return fmean(values) if len(values) == len(self.rows) else None


def cost_of(row: Row, name: str) -> float | None:
    """A cost of a row, by the name of a number in its cost block, of an effort or of a metric; None if not known."""
    number = getattr(row.cost_block, name, None)
    if isinstance(number, int | float):
        return float(number)
    if name in row.cost:
        return row.cost[name]
    estimate = row.estimates.get(name)
    return None if estimate is None else estimate.value


def merged_points(rows: Sequence[Row], metric: str) -> dict[str, list[Point]]:
    """Points by what they may be compared within, named by data and treatment; rows without the metric are left out.

    Rows that may not be compared are apart. Where the metric is the same under every treatment, as that of clean inputs
    is under every attack, it is shown once, under the name of the data.
    """
    groups: dict[tuple[str, str, str], dict[str, list[Row]]] = {}
    for row in rows:
        estimate = row.estimates.get(metric)
        if not row.derived and row.status.is_measured and estimate is not None and estimate.value is not None:
            treatment = ", ".join(label for role, label in row.labels.items() if role not in ("data", "model"))
            group = (row.labels.get("data", ""), treatment, row.key)
            groups.setdefault(group, {}).setdefault(row.labels.get("model", ""), []).append(row)
    return _named({group: [_point(m, own, metric) for m, own in models.items()] for group, models in groups.items()})


def _point(model: str, rows: Sequence[Row], metric: str) -> Point:
    estimates = [row.estimates[metric] for row in rows]
    if len(rows) == 1:
        return Point(model, estimates[0], tuple(rows))
    values = [float(estimate.value) for estimate in estimates if estimate.value is not None]
    over = mean(values)
    if len(rows) < _LEAST_SEEDS_OF_INTERVAL:
        over = Estimate(over.value, None, None, over.level, over.method, over.n)
    return Point(model, over, tuple(rows))


def _named(groups: dict[tuple[str, str, str], list[Point]]) -> dict[str, list[Point]]:
    distinct: dict[tuple[str, tuple[tuple[str, float], ...]], list[tuple[str, str, str]]] = {}
    for group, points in groups.items():
        content = tuple((point.model, point.value) for point in points)
        distinct.setdefault((group[0], content), []).append(group)
    names: dict[str, list[Point]] = {}
    for (data, _), same in distinct.items():
        _, treatment, key = same[0]
        name = " / ".join(part for part in (data, treatment if len(same) == 1 else "") if part)
        names[f"{name} (key {key[:8]})" if name in names else name] = groups[same[0]]
    return names
