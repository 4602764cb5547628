"""Plots of quality against cost: over passes through the model, and row by row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.api import Estimate, Row, Status, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cost = Literal["seconds", "nfe"]

_SWEPT_STEPS = re.compile(r"\s*\bsteps=\S+")
# How far apart lines are drawn that meet at one cost, as a factor.
_APART = 1.03
_FLOORS = {"fid_proxy": "fid_floor"}
_FREE = figures.PALETTE[2]
_COST_NAMES = {"seconds": "seconds per sample", "nfe": "passes through the model per sample (NFE)"}


class NfeQuality:
    """A PNG: a metric with its intervals over passes through the model, a line for each model and family of samplers.

    A family is the label of a sampler without `steps=`. The line goes through the mean over seeds. Samples that took no
    pass, such as those of another system, are dotted lines; the floor, what real data reach, is a dashed one. Rows that
    may not be compared are drawn in panels of their own.

    Args:
        metric: the label of the metric.
        floor: the label of the metric that holds the floor; by default `fid_floor` where the metric is `fid_proxy`.
    """

    def __init__(self, metric: str = "fid_proxy", floor: str | None = None) -> None:
        self._metric = metric
        self._floor = floor or _FLOORS.get(metric, "")

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write nfe-quality.png if any row has the metric and was drawn from a model."""
        points = _points(rows, self._metric, "nfe", self._floor)
        if not any(point.cost for point in points):
            return
        styles = _Styles.of(points)
        figure, panels = _panels(points)
        for axis, own in panels:
            paid = _apart([point for point in own if point.cost])
            for model, family in dict.fromkeys((p.model, p.family) for p in paid):
                _line(axis, [p for p in paid if (p.model, p.family) == (model, family)], styles)
        path = folder / "nfe-quality.png"
        _finish(figure, panels, points, self._metric, "nfe")
        for axis, own in panels:
            paid = _apart([point for point in own if point.cost])
            lines = [*_joins(paid), *(bar for point in paid for bar in point.bar), *_levels(axis, own)]
            figures.place_labels(axis, _names(paid, styles), [(point.cost, point.value) for point in paid], lines)
        yield figures.save(figure, path)


class SampleCost:
    """A PNG: a metric against the cost of a sample, a labelled point for each row, and the Pareto front.

    A row is on the Pareto front if no other in its panel is as cheap and as good and in one of both better. Rows that
    may not be compared are drawn in panels of their own; samples that took no pass are dotted lines.

    Args:
        metric: the label of the metric.
        cost: what a sample costs: time (of the metric `seconds_per_sample`) or passes through the model.
        better: whether less or more of the metric is better.
        floor: as that of `nfe_quality`.
    """

    def __init__(
        self,
        metric: str = "fid_proxy",
        cost: Cost = "seconds",
        better: figures.Better = "less",
        floor: str | None = None,
    ) -> None:
        self._metric, self._cost, self._better = metric, cost, better
        self._floor = floor or _FLOORS.get(metric, "")

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write sample-cost.png if any row has both the metric and the cost."""
        points = _points(rows, self._metric, self._cost, self._floor)
        if not any(point.cost for point in points):
            return
        styles = _Styles(list(dict.fromkeys(point.model for point in points)), [])
        figure, panels = _panels(points)
        for axis, own in panels:
            paid = [point for point in own if point.cost]
            for point in paid:
                _marker(axis, point, styles.colour(point), "o")
            front = figures.pareto_front([(p.cost, p.value) for p in paid], self._better)
            for (x0, y0), (x1, y1) in figures.front_steps(front):
                axis.plot([x0, x1], [y0, y1], color=figures.PALE, linewidth=1.0, zorder=1)
        _finish(figure, panels, points, self._metric, self._cost)
        for axis, own in panels:
            paid = [point for point in own if point.cost]
            spots = [(point.cost, point.value) for point in paid]
            front = figures.pareto_front(spots, self._better)
            bars = [bar for point in paid for bar in point.bar]
            lines = [*figures.front_steps(front), *bars, *_levels(axis, own)]
            figures.place_labels(axis, _labels(paid), spots, lines)
        path = folder / "sample-cost.png"
        yield figures.save(figure, path)


@dataclass(frozen=True)
class _Point:
    """A row with what is drawn of it.

    Attributes:
        panel: what it may be compared with: the data and what was asked for, in words, and the comparability key.
        model, sampler: labels; `family` is that of the sampler without the steps.
        cost: the cost of a sample; 0 for one that took no pass.
        estimate: the estimate of the metric.
        value: its value.
        floor: what real data reach, if the row says so.
    """

    panel: tuple[str, str]
    model: str
    sampler: str
    cost: float
    estimate: Estimate
    value: float
    floor: float | None

    @property
    def bar(self) -> list[figures.Line]:
        """The interval as a line, if there is one."""
        low, high = self.estimate.low, self.estimate.high
        return [] if low is None or high is None else [((self.cost, low), (self.cost, high))]

    @property
    def family(self) -> str:
        """The sampler without the number of its steps, over which a curve runs."""
        return _SWEPT_STEPS.sub("", self.sampler)


@dataclass(frozen=True)
class _Styles:
    """The styles of models and families: colour, marker and dashes; both show the family if there is one model."""

    models: Sequence[str]
    families: Sequence[str]

    @classmethod
    def of(cls, points: Sequence[_Point]) -> _Styles:
        return cls(
            list(dict.fromkeys(p.model for p in points)), list(dict.fromkeys(p.family for p in points if p.cost))
        )

    def colour(self, point: _Point) -> str:
        drawn = [self.models.index(point.model)]
        if len(self.models) == 1 and point.family in self.families:
            drawn = [self.families.index(point.family)]
        return figures.line_style(drawn[0])[0]

    def shape(self, point: _Point) -> tuple[str, str]:
        """The dashes and the marker."""
        _, dashes, marker = figures.line_style(self.families.index(point.family))
        return dashes, marker


def _points(rows: Sequence[Row], metric: str, cost: Cost, floor: str) -> list[_Point]:
    points = []
    for row in rows:
        estimate = row.estimates.get(metric)
        if row.status is not Status.OK or row.derived or estimate is None or estimate.value is None:
            continue
        # Older runs call the cost as the metric is called.
        passes = _value(row, "nfe") or row.cost.get("passes", row.cost.get("nfe", 0.0))
        paid = passes if cost == "nfe" or not passes else _value(row, "seconds_per_sample")
        if paid is None:
            continue
        asked = row.display.get("asked for", "")
        panel = (row.labels.get("data", "") + (f", asked for {asked}" if asked else ""), row.key)
        labels = (row.labels.get("model", ""), row.labels.get("sampler", ""))
        points.append(_Point(panel, *labels, paid, estimate, estimate.value, _value(row, floor)))
    return points


def _value(row: Row, metric: str) -> float | None:
    estimate = row.estimates.get(metric)
    return None if estimate is None else estimate.value


def _panels(points: Sequence[_Point]) -> tuple[Figure, list[tuple[Axes, list[_Point]]]]:
    """A figure with a panel for every set of comparable points."""
    names = list(dict.fromkeys(point.panel for point in points))
    shown = names[: figures.MOST_PANELS]
    figure, axes = figures.panels(len(shown), 1, (figures.WIDTH, 3.0), (0.0, 0.1))
    figures.left_out(figure, len(names) - len(shown), "panels")
    panels = []
    data = [name for name, _ in names]
    for axis, name in zip(axes.flat, shown, strict=True):
        # The same data twice differ in what else must be equal, e.g. the number of samples.
        title = f"{name[0]} (key {name[1][:8]})" if data.count(name[0]) > 1 else name[0]
        figures.title(axis, title)
        panels.append((axis, [point for point in points if point.panel == name]))
    return figure, panels


def _line(axis: Axes, points: Sequence[_Point], styles: _Styles) -> None:
    """A model with a family of samplers: every row with its interval, a line through the mean over seeds."""
    colour, (dashes, marker) = styles.colour(points[0]), styles.shape(points[0])
    by_cost: dict[float, list[float]] = {}
    for point in points:
        _marker(axis, point, colour, marker)
        by_cost.setdefault(point.cost, []).append(point.value)
    costs = sorted(by_cost)
    means = [sum(by_cost[cost]) / len(by_cost[cost]) for cost in costs]
    drawn = dashes if len(costs) > 1 else "none"
    axis.plot(costs, means, linestyle=drawn, color=colour, linewidth=1.3, zorder=2)


def _names(points: Sequence[_Point], styles: _Styles) -> list[figures.Label]:
    """A name at the dearest point of each model and family of samplers; the model alone where it has one family."""
    last = {(point.model, point.family): point for point in sorted(points, key=lambda point: point.cost)}
    families = [model for model, _ in last]
    labels = []
    for (model, family), point in last.items():
        name = model if families.count(model) == 1 else f"{model}, {family}"
        labels.append(figures.Label(point.cost, point.value, family if len(styles.models) == 1 else name))
    return labels


def _joins(points: Sequence[_Point]) -> list[figures.Line]:
    """The lines between the points of a model with a family of samplers, which no label should cover."""
    lines: list[figures.Line] = []
    for model, family in dict.fromkeys((point.model, point.family) for point in points):
        own = sorted((p for p in points if (p.model, p.family) == (model, family)), key=lambda point: point.cost)
        lines += [((one.cost, one.value), (other.cost, other.value)) for one, other in pairwise(own)]
    return lines


def _apart(points: Sequence[_Point]) -> list[_Point]:
    """Shift points of several lines at one cost apart, so that their intervals do not overlap."""
    moved = []
    for point in points:
        there = list(dict.fromkeys((p.model, p.family) for p in points if p.cost == point.cost))
        position = there.index((point.model, point.family)) - (len(there) - 1) / 2
        moved.append(replace(point, cost=point.cost * _APART**position))
    return moved


def _marker(axis: Axes, point: _Point, colour: str, marker: str) -> None:
    for (x, low), (_, high) in point.bar:
        axis.vlines(x, low, high, color=colour, linewidth=1.0, alpha=0.6, zorder=2)
    axis.plot([point.cost], [point.value], marker, color=colour, markersize=5, zorder=3)


def _labels(points: Sequence[_Point]) -> list[figures.Label]:
    """Labels of points: the model, with its sampler if it has several, which stands alone if there is one model.

    Of several seeds one is labelled.
    """
    once = {(point.model, point.sampler): point for point in reversed(points)}
    models = [model for model, _ in once]

    def name(model: str, sampler: str) -> str:
        if models.count(model) == 1 or not sampler:
            return model
        return sampler if len(set(models)) == 1 else f"{model}, {sampler}"

    return [figures.Label(point.cost, point.value, name(*labels)) for labels, point in reversed(once.items())]


def _reference_lines(axis: Axes, points: Sequence[_Point]) -> list[figures.LineEnd]:
    """Draw lines of samples without cost, and of the floor; return their ends at the right of the panel."""
    right = axis.get_xlim()[1]
    ends = [figures.LineEnd(right, mean, mean, model, _FREE) for model, mean in _free(points).items()]
    for end in ends:
        axis.axhline(end.y, color=_FREE, linestyle=":", linewidth=1.4, zorder=1)
    floor = _floor(points)
    if floor is not None:
        axis.axhline(floor, color="black", linestyle="--", linewidth=1.0, zorder=1)
        ends.append(figures.LineEnd(right, floor, floor, "real data", "black"))
    return ends


def _free(points: Sequence[_Point]) -> dict[str, float]:
    """The mean over seeds of each model whose samples took no pass."""
    values: dict[str, list[float]] = {}
    for point in points:
        if not point.cost:
            values.setdefault(point.model, []).append(point.value)
    return {model: sum(own) / len(own) for model, own in values.items()}


def _floor(points: Sequence[_Point]) -> float | None:
    floors = [point.floor for point in points if point.floor is not None]
    return sum(floors) / len(floors) if floors else None


def _levels(axis: Axes, points: Sequence[_Point]) -> list[figures.Line]:
    """The lines of reference, which no label should cover."""
    left, right = axis.get_xlim()
    floor = _floor(points)
    heights = [*_free(points).values(), *([] if floor is None else [floor])]
    return [((left, height), (right, height)) for height in heights]


def _finish(
    figure: Figure, panels: Sequence[tuple[Axes, list[_Point]]], points: Sequence[_Point], metric: str, cost: Cost
) -> None:
    """Set scales and names, draw the lines of reference, and settle the layout."""
    values = [point.value for point in points]
    costs = [point.cost for point in points if point.cost]
    ends = {}
    for axis, own in panels:
        figures.log_cost_axis(axis, costs)
        figures.log_if_wide(axis, values)
        axis.set_xlabel(_COST_NAMES[cost])
        figures.faint_grid(axis)
        ends[axis] = _reference_lines(axis, own)
        axis.set_ylabel(metric.replace("_", " "))
    figures.name_lines(figure, ends)
