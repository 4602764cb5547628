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

    panel: tuple[str, ...]
    noise: str
    model: str
    rate: float
    estimate: Estimate


class NoiseCurve:
    """A PNG: a metric with its 95 % bands over the rate of the noise, a panel for each noise, a line for each model.

    Every line starts at rate 0 with the text as it is. Data and seeds have panels of their own.

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
    seed = (f"seed {row.seed}",) if row.seed else ()
    return _Point((row.labels.get("data", ""), *seed), noise, row.labels.get("model", ""), float(rate), estimate)


def _draw(points: Sequence[_Point], metric: str, path: Path) -> Path:
    panels = list(dict.fromkeys((point.panel, point.noise) for point in points if point.noise))
    models = list(dict.fromkeys(point.model for point in points))
    most = 2 if len(panels) == 4 else 3
    figure, axes = figures.panels(len(panels), most, (3.2, 2.7), (1.6, 1.0), sharex=True, sharey=True)
    several = len({panel for panel, _ in panels}) > 1
    for axis, (panel, noise) in zip(axes.flat, panels, strict=False):
        for number, model in enumerate(models):
            own = [p for p in points if (p.panel, p.model) == (panel, model) and p.noise in ("", noise)]
            _line(axis, own, number, model)
        axis.set_title(" / ".join((noise, *(panel if several else ()))), fontsize=10)
        figures.faint_grid(axis)
    for number in range(len(panels)):
        # The lowest panel of its column, under which there may be an empty place.
        if number + axes.shape[1] >= len(panels):
            axes.flat[number].set_xlabel("rate of the noise")
            axes.flat[number].tick_params(labelbottom=True)
    for line in axes:
        line[0].set_ylabel(metric.replace("_", " "))
    figures.legend(figure, axes.flat)
    return figures.save(figure, path)


def _line(axis: Axes, points: Sequence[_Point], number: int, label: str) -> None:
    """One model's line, from the clean text to the highest rate; empty for a model without noise."""
    if not any(point.noise for point in points):
        return
    points = sorted(points, key=lambda point: point.rate)
    rates: Sequence[float] = [point.rate for point in points]
    values = [float(point.estimate.value or 0) for point in points]
    colour, dashes, marker = figures.line_style(number)
    axis.plot(rates, values, dashes, color=colour, label=label, linewidth=1.4, marker=marker, markersize=4)
    bands = [
        (point.rate, point.estimate.low, point.estimate.high)
        for point in points
        if point.estimate.low is not None and point.estimate.high is not None
    ]
    if bands:
        rates, low, high = zip(*bands, strict=True)
        axis.fill_between(rates, low, high, color=colour, alpha=0.15, linewidth=0)


def _slug(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)
