"""Plots of a metric over a swept number: width, examples, shift."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from harness.api import Row, figures
from harness_capacity.comparisons.sweeps import Sweep, sweeps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale = Literal["linear", "log"]
_MANY_TICKS = 7


class SweepCurve:
    """A PNG: a metric over a swept number; a panel for each dataset, a line for each model through the median seed.

    Every seed is a dot, and the band reaches from the worst to the best.

    Args:
        metric: the label of the metric.
        over: the number: role and parameter with dots between, such as `model.width` or `model.trained_on.n`.
        across: parameters whose values are draws of the same thing, dots like seeds.
        x, y: the scales.
        target: a value of the metric that is marked by a line.
    """

    def __init__(
        self,
        metric: str,
        over: str = "model.width",
        across: list[str] | None = None,
        x: Scale = "log",
        y: Scale = "linear",
        target: float | None = None,
    ) -> None:
        self._metric, self._over, self._across = metric, over, across or []
        self._x, self._y, self._target = x, y, target

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write sweep-<experiment>-<metric>.png. Raises HarnessError if no rows differ in the number alone."""
        found = sweeps(rows, self._over, self._across)
        drawn = [(sweep, values) for sweep in found if (values := sweep.values_of(self._metric))]
        if drawn:
            name = re.sub(r"[^\w-]+", "-", f"{found[0].first.experiment}-{self._metric}")
            yield self._draw(drawn, folder / f"sweep-{name}.png")

    def _draw(self, drawn: Sequence[tuple[Sweep, Mapping[float, Sequence[float]]]], path: Path) -> Path:
        panels = list(dict.fromkeys(_panel(sweep) for sweep, _ in drawn))
        names = _line_names([sweep for sweep, _ in drawn])
        styles = list(dict.fromkeys(names))
        columns = min(2, len(panels))
        figure, axes = figures.panels(len(panels), 2, (5.0 / columns, 2.3), (1.6, 0.3), sharex=True, sharey=True)
        ends: dict[Axes, list[figures.LineEnd]] = {}
        for (sweep, values), name in zip(drawn, names, strict=True):
            axis = axes.flat[panels.index(_panel(sweep))]
            ends.setdefault(axis, []).append(_curve(axis, values, styles.index(name), name))
        for axis, title in zip(axes.flat, panels, strict=False):
            self._finish(axis, title, sorted({size for _, values in drawn for size in values}))
            if self._target is not None:
                ends[axis].append(_target(axis, self._target))
        over = self._over.removeprefix("model.").replace("_", " ").replace(".", ": ")
        figures.name_axes(axes, over, self._metric.replace("_", " "))
        figures.name_lines(figure, ends)
        return figures.save(figure, path)

    def _finish(self, axis: Axes, title: str, sizes: Sequence[float]) -> None:
        axis.set_xscale(self._x)
        axis.set_yscale(self._y)
        axis.set_xticks(sizes, [f"{size:g}" for size in sizes], rotation=90 if len(sizes) > _MANY_TICKS else 0)
        axis.minorticks_off()
        figures.title(axis, title)
        figures.faint_grid(axis)


def _target(axis: Axes, value: float) -> figures.LineEnd:
    axis.axhline(value, color=figures.PALE, linewidth=1, linestyle=":", label=f"target {value:g}")
    return figures.LineEnd(axis.get_xlim()[1], value, value, f"target {value:g}", figures.PALE)


def _panel(sweep: Sweep) -> str:
    return sweep.labels.get("data", "")


def _line_names(found: Sequence[Sweep]) -> list[str]:
    """The model of each line, with what else tells lines apart, such as the attack."""
    roles = dict.fromkeys(role for sweep in found for role in sweep.labels if role != "data")
    told = [r for r in roles if r == "model" or len({sweep.labels.get(r) for sweep in found}) > 1]
    return [" / ".join(sweep.labels[role] for role in told if role in sweep.labels) for sweep in found]


def _curve(axis: Axes, values: Mapping[float, Sequence[float]], number: int, label: str) -> figures.LineEnd:
    colour, dashes, marker = figures.line_style(number)
    sizes = list(values)
    axis.plot(sizes, [median(values[size]) for size in sizes], dashes, color=colour, linewidth=1.4, label=label)
    axis.fill_between(
        sizes,
        [min(values[size]) for size in sizes],
        [max(values[size]) for size in sizes],
        color=colour,
        alpha=0.12,
        linewidth=0,
    )
    dots = [(size, value) for size in sizes for value in values[size]]
    axis.plot(*zip(*dots, strict=True), marker, color=colour, markersize=3, linestyle="none")
    middles = [median(values[size]) for size in sizes]
    return figures.LineEnd(sizes[-1], middles[-1], sum(middles) / len(middles), label, colour)
