"""What noise in a text costs, as a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Estimate, Row, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SWEPT_RATE = re.compile(r"\s*\brate=\S+")
# Okabe & Ito's palette, which most people with colour blindness can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
_DASHES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class _Point:
    """A row as it is drawn; `noise` is empty for a text as it is."""

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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((point.panel, point.noise) for point in points if point.noise))
    models = list(dict.fromkeys(point.model for point in points))
    columns = 2 if len(panels) == 4 else min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1.6 + 3.2 * columns, 1.0 + 2.7 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    several = len({panel for panel, _ in panels}) > 1
    for axis, (panel, noise) in zip(axes.flat, panels, strict=False):
        for number, model in enumerate(models):
            own = [p for p in points if (p.panel, p.model) == (panel, model) and p.noise in ("", noise)]
            _line(axis, own, number, model)
        axis.set_title(" / ".join((noise, *(panel if several else ()))), fontsize=10)
        axis.grid(alpha=0.25, linewidth=0.6)
    for number in range(len(panels)):
        # The lowest panel of its column, under which there may be an empty place.
        if number + columns >= len(panels):
            axes.flat[number].set_xlabel("rate of the noise")
            axes.flat[number].tick_params(labelbottom=True)
    for line in axes:
        line[0].set_ylabel(metric.replace("_", " "))
    handles = {
        label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(handles.values()), list(handles), loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(path, dpi=130)
    return path


def _legend(axes: Iterable[Axes]) -> list[tuple[Any, str]]:
    """Each model once, whichever panel it is in."""
    found: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return [(handle, label) for label, handle in found.items()]


def _line(axis: Axes, points: Sequence[_Point], number: int, label: str) -> None:
    """One model's line, from the text as it is to the highest rate; nothing for a model without noise."""
    if not any(point.noise for point in points):
        return
    points = sorted(points, key=lambda point: point.rate)
    rates: Sequence[float] = [point.rate for point in points]
    values = [float(point.estimate.value or 0) for point in points]
    colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
    marker = _MARKERS[number % len(_MARKERS)]
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
