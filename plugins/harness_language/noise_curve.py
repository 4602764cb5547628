"""Plots of a metric over the rate of noise in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Estimate, Row, Status, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SWEPT_RATE = re.compile(r"\s*\brate=\S+")


@dataclass(frozen=True)
class _Point:
    """A row with what is drawn of it; `noise` is empty without noise."""

    panel: str
    seed: int
    noise: str
    model: str
    rate: float
    estimate: Estimate


class NoiseCurve:
    """A PNG: a metric with its 95 % bands over the rate of the noise, a panel for each noise, a line for each model.

    Every line starts at rate 0 with the text as it is. Each seed has a line, in the colour of its model. Data have
    panels of their own.

    Args:
        metric: the label of the metric.
    """

    def __init__(self, metric: str = "bits_per_byte") -> None:
        self._metric = metric

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write noise-<metric>.png if any row has the metric under a noise with a rate."""
        points = [point for row in rows if (point := _point(row, self._metric)) is not None]
        if any(point.noise for point in points):
            yield _draw(points, self._metric, folder / f"noise-{_slug(self._metric)}.png")


def _point(row: Row, metric: str) -> _Point | None:
    estimate = row.estimates.get(metric)
    if row.status is not Status.OK or row.derived or estimate is None or estimate.value is None:
        return None
    attack = row.components.get("attack")
    rate = attack["parameters"].get("rate") if attack else 0.0
    if rate is None:
        return None
    noise = _SWEPT_RATE.sub("", row.labels.get("attack", "")) if attack else ""
    return _Point(row.labels.get("data", ""), row.seed, noise, row.labels.get("model", ""), float(rate), estimate)


def _draw(points: Sequence[_Point], metric: str, path: Path) -> Path:
    panels = list(dict.fromkeys((point.panel, point.noise) for point in points if point.noise))
    shown = panels[: figures.MOST_PANELS]
    models = list(dict.fromkeys(point.model for point in points))
    columns = 2 if len(shown) in (2, 4) else 3
    figure, axes = figures.panels(len(shown), columns, (6.6 / columns, 2.3), (0.0, 0.35), sharex=True, sharey=True)
    several = len({panel for panel, _ in panels}) > 1
    lines: dict[Axes, list[figures.LineEnd]] = {}
    for number, (axis, (panel, noise)) in enumerate(zip(axes.flat, shown, strict=False)):
        own = [p for p in points if p.panel == panel and p.noise in ("", noise)]
        ends = [end for place, model in enumerate(models) for end in _lines(axis, own, place, model)]
        # Lines have the same colours in all panels, so the last of each line of panels names them.
        if number % columns == columns - 1 or number == len(shown) - 1 or len(models) > figures.MOST_DIRECT_LABELS:
            lines[axis] = ends
        figures.title(axis, " / ".join((noise, *((panel,) if several else ()))))
        figures.faint_grid(axis)
    figures.name_axes(axes, "rate of the noise", metric.replace("_", " "))
    figures.left_out(figure, len(panels) - len(shown), "panels")
    figures.name_lines(figure, lines)
    return figures.save(figure, path)


def _lines(axis: Axes, points: Sequence[_Point], number: int, model: str) -> list[figures.LineEnd]:
    """A line for each seed of a model, from the clean text to the highest rate; the end of the first."""
    ends = []
    for seed in sorted({point.seed for point in points if point.model == model}):
        own = sorted((p for p in points if (p.model, p.seed) == (model, seed)), key=lambda point: point.rate)
        if any(point.noise for point in own):
            style = figures.LineStyle.of(number)
            drawn = [figures.Point(p.rate, float(p.estimate.value or 0), p.estimate.low, p.estimate.high) for p in own]
            ends.append(figures.draw_line(axis, drawn, style, model))
    return ends[:1]


def _slug(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)
