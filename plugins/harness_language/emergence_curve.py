"""Plots of exact match and likelihood per token over the size of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import Estimate, Row, Status, figures
from harness_language.growth_curve import fit_growth
from harness_language.size_sweeps import DeclaredSizes, SizeSweep, declared_sweeps, size_sweeps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES = (figures.line_style(0), figures.line_style(1))
# How far apart seeds and metrics of one size are drawn, in doublings.
_APART = 0.05


class EmergenceCurve:
    """A PNG: metrics over size, a panel for every model that was run at three sizes or more.

    Each cell is a point with its interval over prompts, each curve the logistic fit through the means over seeds, as in
    the aggregate `emergence`. Where that has made rows, the bar across the threshold is the interval of the size that
    reaches it.

    Args:
        size: the parameter of the model that is its size; by default the only number that varies.
        exact: the label of the metric that needs the whole answer right.
        smooth: the label of the metric that grows with every token.
        sizes: the label of each model of a family to its size, in place of a parameter.
        counted: what these sizes count.
    """

    def __init__(
        self,
        size: str | None = None,
        exact: str = "exact_match",
        smooth: str = "answer_likelihood",
        sizes: DeclaredSizes | None = None,
        counted: str = "parameters",
    ) -> None:
        self._size, self._metrics, self._sizes, self._counted = size, (exact, smooth), sizes, counted

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write emergence.png. Raises HarnessError if no model was run at three sizes."""
        declared = None if self._sizes is None else declared_sweeps(rows, self._sizes, self._counted)
        sweeps = size_sweeps(rows, self._size) if declared is None else declared
        shown = sweeps[: figures.MOST_PANELS]
        columns = min(2, len(shown))
        figure, axes = figures.panels(len(shown), 2, (5.0 / columns, 2.9), (1.6, 0.0))
        ends = {axis: self._draw(axis, sweep, rows) for axis, sweep in zip(axes.flat, shown, strict=False)}
        figures.left_out(figure, len(sweeps) - len(shown), "models")
        figures.name_lines(figure, ends)
        yield figures.save(figure, folder / "emergence.png")

    def _draw(self, axis: Axes, sweep: SizeSweep, rows: Sequence[Row]) -> list[figures.LineEnd]:
        ends = []
        derived = _derived(rows, sweep)
        for number, (metric, (colour, dashes, marker)) in enumerate(zip(self._metrics, _STYLES, strict=True)):
            points = _points(rows, sweep, metric)
            for point in points:
                x = point.size * 2 ** (_APART * (point.seed_place + 0.35 * number))
                axis.vlines(x, point.low, point.high, color=colour, linewidth=1.0, alpha=0.6)
                axis.plot([x], [point.value], marker, color=colour, markersize=4, alpha=0.8)
            end = _curve(axis, points, colour, dashes)
            if end is not None:
                ends.append(figures.LineEnd(*end, end[1], metric.replace("_", " "), colour))
            _crossing(axis, derived.sizes[number] if len(derived.sizes) > number else None, derived.threshold, colour)
        if derived.threshold is not None:
            axis.axhline(derived.threshold, color=figures.PALE, linewidth=0.8, zorder=0)
        axis.set_xscale("log", base=2)
        axis.set_xticks(sweep.sizes, [f"{size:g}" for size in sweep.sizes])
        axis.minorticks_off()
        axis.set_ylim(-0.03, 1.03)
        axis.set_xlabel(sweep.parameter)
        figures.title(axis, "\n".join([_title(rows, sweep), *([derived.verdict] if derived.verdict else [])]))
        figures.faint_grid(axis)
        return ends


@dataclass(frozen=True)
class _Point:
    """A cell with what is drawn of it; seed_place is 0 for the middle one of its seeds."""

    size: float
    seed_place: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Derived:
    """The results of the aggregate for a sweep: the threshold, the sizes that reach it by metric, and the verdict."""

    threshold: float | None
    sizes: Sequence[Estimate]
    verdict: str


def _points(rows: Sequence[Row], sweep: SizeSweep, metric: str) -> list[_Point]:
    points = []
    for size, places in sweep.members.items():
        for i, index in enumerate(places):
            estimate = rows[index].estimates.get(metric)
            if rows[index].status is not Status.OK or estimate is None or estimate.value is None:
                continue
            value = estimate.value
            low, high = (value if end is None else end for end in (estimate.low, estimate.high))
            points.append(_Point(size, i - (len(places) - 1) / 2, value, low, high))
    return points


def _curve(axis: Axes, points: Sequence[_Point], colour: str, dashes: str) -> tuple[float, float] | None:
    """Draw the fit through the means over seeds, and return its end; None where there are too few sizes."""
    values: dict[float, list[float]] = {}
    for point in points:
        values.setdefault(point.size, []).append(point.value)
    if len(values) < 2:
        return None
    sizes = list(values)
    curve = fit_growth(sizes, [[sum(of_seeds) / len(of_seeds) for of_seeds in values.values()]])
    x = np.linspace(np.log2(sizes[0]), np.log2(sizes[-1]), 200)
    y = [curve.at(log_size)[0] for log_size in x]
    axis.plot(2.0**x, y, dashes, color=colour, linewidth=1.4)
    return float(2.0 ** x[-1]), float(y[-1])


def _crossing(axis: Axes, size: Estimate | None, threshold: float | None, colour: str) -> None:
    """The size that reaches the threshold, with its interval; an unknown end is the edge of the panel."""
    if size is None or size.value is None or threshold is None:
        return
    axis.plot([size.value], [threshold], "D", color=colour, markersize=6, markerfacecolor="white", zorder=4)
    if size.low is None and size.high is None:
        return
    low, high = (size.low or size.value / 2), (size.high or size.value * 2)
    axis.hlines(threshold, low, high, color=colour, linewidth=3.0, alpha=0.5, zorder=3)


def _derived(rows: Sequence[Row], sweep: SizeSweep) -> _Derived:
    first = rows[next(iter(sweep.members.values()))[0]]
    start = f"{sweep.label} over {sweep.parameter}: "
    own = [
        row
        for row in rows
        if row.derived
        and "emergence" in row.protocol
        and row.experiment == first.experiment
        and row.labels.get("model", "").startswith(start)
        and _others(row.labels) == _others(first.labels)
    ]
    sizes = [row.estimates["size_at_threshold"] for row in own if "size_at_threshold" in row.estimates]
    verdicts = [row.labels["model"].removeprefix(start) for row in own if "difference_in_rise" in row.estimates]
    threshold = own[0].protocol["emergence"]["threshold"] if own else None
    return _Derived(threshold, sizes, verdicts[0] if verdicts else "")


def _others(labels: Mapping[str, str]) -> dict[str, str]:
    return {role: label for role, label in labels.items() if role != "model"}


def _title(rows: Sequence[Row], sweep: SizeSweep) -> str:
    labels = rows[next(iter(sweep.members.values()))[0]].labels
    rest = [label for role, label in labels.items() if role != "model" and label != "none"]
    return " / ".join([sweep.label, *rest])
