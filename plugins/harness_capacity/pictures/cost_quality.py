"""Plots of quality against what it takes: parameters, operations, training time, energy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import HarnessError, Row, figures, markdown_cell
from harness_capacity.comparisons.merged_points import Point, merged_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COSTS = ("parameters", "flops", "training_seconds", "training_joules")
_TITLES = {
    "flops": "FLOPs per example",
    "training_seconds": "training, seconds",
    "training_joules": "training, joules",
    "peak_memory": "peak memory, bytes",
    "training_peak_memory": "peak memory of training, bytes",
    "joules": "joules",
}
_BETTER: Mapping[str, figures.Better] = {"max": "more", "min": "less"}
_FRONT_STYLE = (figures.PALETTE[0], "on the Pareto front")
_BEATEN_STYLE = (figures.PALE, "another is as cheap and better")
_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
# The x axis reaches over this factor at least: models of about the same cost stand together.
_LEAST_SPAN = 4.0


class CostQuality:
    """A PNG and a table: a metric against what it takes, a panel for each cost, with the Pareto front.

    A model is on the Pareto front if no other is as cheap and as good and in one of both better. Its seeds are one
    point: the mean with Student's t interval from three seeds on, of one seed its own interval. What may not be
    compared stands in lines of panels of its own. Models whose cost is not known are named below the panel.

    Args:
        metric: the label of the metric.
        cost: what it takes: numbers of the cost block (`parameters`, `flops`, `training_seconds`, `training_joules`,
            `joules`, `peak_memory`), efforts such as `passes`, or the label of another metric; by default the first
            four of these, as far as they are known.
        better: whether less or more of the metric is better; by default what the metric says of itself.

    Attributes:
        directions: label of a metric to "max", "min" or "none".
    """

    def __init__(self, metric: str, cost: list[str] | None = None, better: figures.Better | None = None) -> None:
        self._metric, self._costs, self._better = metric, cost, better
        self.directions: Mapping[str, str] = {}

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write cost-quality-<experiment>-<metric>.png and .md.

        Raises:
            HarnessError: no row knows a cost that was named, or which way the metric is better.
        """
        panels = merged_points(rows, self._metric)
        points = [point for own in panels.values() for point in own]
        if not points:
            return
        costs = [cost for cost in self._costs or _COSTS if any(point.cost(cost) for point in points)]
        if missing := [cost for cost in self._costs or () if cost not in costs]:
            raise HarnessError(f"no row knows the cost {missing[0]!r}; leave it out, or name another")
        if costs:
            name = re.sub(r"[^\w-]+", "-", f"{points[0].rows[0].experiment}-{self._metric}")
            yield self._draw(panels, costs, folder / f"cost-quality-{name}.png")
            yield self._write(panels, costs, folder / f"cost-quality-{name}.md")

    def _draw(self, panels: Mapping[str, Sequence[Point]], costs: Sequence[str], path: Path) -> Path:
        places = [(title, cost) for title in panels for cost in costs]
        shown = places[: figures.MOST_PANELS]
        figure, axes = figures.panels(len(shown), 2, (3.3, 2.7), (0.0, 0.4))
        known = {cost: [x for own in panels.values() for x, _ in _known(own, cost)] for cost in costs}
        grid = [(axis, panels[title], cost) for axis, (title, cost) in zip(axes.flat, shown, strict=False)]
        first: dict[str, Axes] = {}
        for (axis, own, cost), (title, _) in zip(grid, shown, strict=True):
            # What is measured on the same data has the same scale.
            if first.setdefault(title, axis) is not axis:
                axis.sharey(first[title])
            self._panel(axis, own, cost, known[cost])
            figures.title(axis, title)
            figures.log_if_wide(axis, [point.value for point in own])
        for line in axes:
            line[0].set_ylabel(self._metric.replace("_", " "))
        figures.left_out(figure, len(places) - len(shown), "panels")
        figures.legend(figure, axes.flat, "outside lower center", ncols=2)
        figures.settle(figure)
        for axis, own, cost in grid:
            self._label(axis, own, cost)
        return figures.save(figure, path)

    def _panel(self, axis: Axes, points: Sequence[Point], cost: str, all_costs: Sequence[float]) -> None:
        front = self._front(points, cost)
        for x, point in sorted(_known(points, cost), key=lambda known: (known[0], known[1].value) not in front):
            colour, group = _FRONT_STYLE if (x, point.value) in front else _BEATEN_STYLE
            low, high = point.quality.low, point.quality.high
            if low is not None and high is not None:
                axis.vlines(x, low, high, color=colour, linewidth=1.2, alpha=0.6, zorder=2)
            axis.plot([x], [point.value], "o", color=colour, markersize=6, zorder=3, label=group)
        for (x0, y0), (x1, y1) in figures.front_steps(front):
            axis.plot([x0, x1], [y0, y1], color=_FRONT_STYLE[0], linewidth=1.2, alpha=0.5, zorder=1)
        figures.log_cost_axis(axis, all_costs, _seconds if "seconds" in cost else _short)
        axis.tick_params(which="minor", bottom=False)
        _widen(axis, all_costs)
        figures.faint_grid(axis)
        unknown = [point.model for point in points if not point.cost(cost)]
        note = f"\nnot known: {', '.join(unknown)}" if unknown else ""
        axis.set_xlabel(f"{_TITLES.get(cost, cost.replace('_', ' '))}{note}", fontsize=9)

    def _label(self, axis: Axes, points: Sequence[Point], cost: str) -> None:
        known = _known(points, cost)
        ends = [(x, point.quality.low, point.quality.high) for x, point in known]
        bars = [((x, low), (x, high)) for x, low, high in ends if low is not None and high is not None]
        labels = [figures.Label(x, point.value, point.model) for x, point in known]
        lines = [*figures.front_steps(self._front(points, cost)), *bars]
        figures.place_labels(axis, labels, [(x, point.value) for x, point in known], lines)

    def _front(self, points: Sequence[Point], cost: str) -> list[tuple[float, float]]:
        better = self._better or _BETTER.get(self.directions.get(self._metric, "none"))
        if better is None:
            raise HarnessError(f"{self._metric} does not say which way is better; add `better: less` or `better: more`")
        return figures.pareto_front([(x, point.value) for x, point in _known(points, cost)], better)

    def _write(self, panels: Mapping[str, Sequence[Point]], costs: Sequence[str], path: Path) -> Path:
        """Write the members of every front as a table in Markdown."""
        lines = [
            f"| data | cost | | model | {markdown_cell(self._metric.replace('_', ' '))} |",
            "|---|---|---|---|---|",
        ]
        for title, points in panels.items():
            for cost in costs:
                front = self._front(points, cost)
                for x, point in sorted(_known(points, cost), key=lambda each: each[0]):
                    if (x, point.value) in front:
                        cells = (
                            title,
                            _TITLES.get(cost, cost.replace("_", " ")),
                            _short(x),
                            point.model,
                            _quality(point),
                        )
                        lines.append(f"| {' | '.join(map(markdown_cell, cells))} |")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def _known(points: Sequence[Point], cost: str) -> list[tuple[float, Point]]:
    """The points whose cost is known and positive, with it."""
    return [(x, point) for point in points if (x := point.cost(cost))]


def _widen(axis: Axes, costs: Sequence[float]) -> None:
    low, high = min(costs), max(costs)
    if high < _LEAST_SPAN * low:
        middle, half = (low * high) ** 0.5, _LEAST_SPAN**0.5
        axis.set_xlim(middle / half, middle * half)


def _short(value: float) -> str:
    """A number with a letter for thousands, such as 5k."""
    size, letter = next(((size, letter) for size, letter in _THOUSANDS if value >= size), (1.0, ""))
    return f"{value / size:.4g}{letter}"


def _seconds(value: float) -> str:
    return f"{value:g}"


def _quality(point: Point) -> str:
    low, high = point.quality.low, point.quality.high
    return f"{point.value:.4g}" + (f" [{low:.4g}, {high:.4g}]" if low is not None and high is not None else "")
