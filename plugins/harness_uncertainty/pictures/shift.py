"""Plots of metrics over the severity of corruptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Estimate, Row, Status, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COMPONENT = "corrupted"


@dataclass(frozen=True)
class Point:
    """A row on a curve.

    Attributes:
        model: its label in tables, with the seed if it is not 0.
        kind: the kind of the corruption.
        severity: 0 for the data as they are.
        estimates: the estimates of the row.
    """

    model: str
    kind: str
    severity: int
    estimates: Mapping[str, Estimate]


class ShiftCurve:
    """A PNG per metric: the metric over the severity of corruptions, a panel for each kind, a line for each model.

    Lines have 95 % bands. Severity 0 is the row of the same data without corruption, if the experiment has one.

    Args:
        metrics: labels of the metrics; by default all that the rows have.
    """

    def __init__(self, metrics: list[str] | None = None) -> None:
        self._metrics = metrics

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write shift-<experiment>-<metric>.png if any row is of corrupted data."""
        points = points_of(rows)
        if not points:
            return
        names = [name for point in points for name, estimate in point.estimates.items() if estimate.value is not None]
        metrics = [m for m in dict.fromkeys(names) if self._metrics is None or m in self._metrics]
        for metric in metrics:
            name = re.sub(r"[^\w-]+", "-", f"{rows[0].experiment}-{metric}")
            yield _draw(points, metric, folder / f"shift-{name}.png")


def points_of(rows: Sequence[Row]) -> list[Point]:
    """The rows of corrupted data, and for each kind those of the same data without corruption."""
    measured = [row for row in rows if row.status is Status.OK and not row.derived]
    shifted = [(row, corruption) for row in measured if (corruption := _corruption(row)) is not None]
    points = []
    for row, corruption in shifted:
        points.append(Point(_model(row), corruption["kind"], int(corruption["severity"]), row.estimates))
    for kind, clean in dict.fromkeys((corruption["kind"], _key(corruption["dataset"])) for _, corruption in shifted):
        same = [row for row in measured if _key(row.components.get("data")) == clean]
        points += [Point(_model(row), kind, 0, row.estimates) for row in same]
    return points


def _corruption(row: Row) -> Mapping[str, Any] | None:
    data = row.components.get("data") or {}
    name = str(data.get("name", ""))
    return data["parameters"] if re.split(r"\W", name)[-1] == _COMPONENT else None


def _key(identity: Any) -> str:
    return repr(identity)


def _model(row: Row) -> str:
    return row.labels.get("model", "") + (f", seed {row.seed}" if row.seed else "")


def _draw(points: Sequence[Point], metric: str, path: Path) -> Path:
    kinds = list(dict.fromkeys(point.kind for point in points))
    models = list(dict.fromkeys(point.model for point in points))
    shown = kinds[: figures.MOST_PANELS]
    columns = 2 if len(shown) in (2, 4) else 3
    figure, axes = figures.panels(len(shown), columns, (6.6 / columns, 2.1), (0.0, 0.35), sharex=True, sharey=True)
    lines: dict[Axes, list[figures.LineEnd]] = {}
    for number, (axis, kind) in enumerate(zip(axes.flat, shown, strict=False)):
        own = [point for point in points if point.kind == kind]
        ends = _panel(axis, own, models, metric)
        # Lines have the same colours in all panels, so the last of each line of panels names them.
        if number % columns == columns - 1 or number == len(shown) - 1 or len(models) > figures.MOST_DIRECT_LABELS:
            lines[axis] = ends
        figures.title(axis, kind.replace("_", " "))
        axis.set_xticks(range(max(point.severity for point in points) + 1))
        figures.faint_grid(axis)
    figures.name_axes(axes, "severity", metric.replace("_", " "))
    figures.left_out(figure, len(kinds) - len(shown), "corruptions")
    figures.name_lines(figure, lines)
    return figures.save(figure, path)


def _panel(axis: Axes, points: Sequence[Point], models: Sequence[str], metric: str) -> list[figures.LineEnd]:
    ends = []
    for number, model in enumerate(models):
        own = {p.severity: p.estimates[metric] for p in points if p.model == model and metric in p.estimates}
        known = [
            figures.Point(severity, estimate.value, estimate.low, estimate.high)
            for severity, estimate in sorted(own.items())
            if estimate.value is not None
        ]
        if known:
            ends.append(figures.draw_line(axis, known, figures.LineStyle.of(number), model))
    return ends
