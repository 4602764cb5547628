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
    """PNGs: metrics over the severity of corruptions, with 95 % bands; a column for each kind, a line for each model.

    Severity 0 is the row of the same data without corruption, if the experiment has one.

    Args:
        metrics: labels of the metrics, a line of panels each; by default all that the rows have.
    """

    def __init__(self, metrics: list[str] | None = None) -> None:
        self._metrics = metrics

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write shift-<experiment>.png if any row is of corrupted data."""
        points = points_of(rows)
        if not points:
            return
        names = [name for point in points for name, estimate in point.estimates.items() if estimate.value is not None]
        metrics = [m for m in dict.fromkeys(names) if self._metrics is None or m in self._metrics]
        if not metrics:
            return
        name = re.sub(r"[^\w-]+", "-", rows[0].experiment)
        yield _draw(points, metrics, folder / f"shift-{name}.png")


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


def _draw(points: Sequence[Point], metrics: Sequence[str], path: Path) -> Path:
    kinds = list(dict.fromkeys(point.kind for point in points))
    models = list(dict.fromkeys(point.model for point in points))
    count = len(metrics) * len(kinds)
    figure, axes = figures.panels(count, len(kinds), (2.0, 1.9), (1.6, 0.9), sharex=True, sharey="row")
    for line, metric in zip(axes, metrics, strict=True):
        for axis, kind in zip(line, kinds, strict=True):
            for number, model in enumerate(models):
                own = [p for p in points if (p.model, p.kind) == (model, kind)]
                _line(axis, own, metric, number, model)
            figures.faint_grid(axis)
            axis.tick_params(labelsize=7)
        line[0].set_ylabel(metric.replace("_", " "), fontsize=9)
    for axis, kind in zip(axes[0], kinds, strict=True):
        axis.set_title(kind, fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("severity", fontsize=8)
        axis.set_xticks(range(max(point.severity for point in points) + 1))
    figures.legend(figure, axes.flat, "outside upper center", ncols=min(5, len(models)))
    return figures.save(figure, path)


def _line(axis: Axes, points: Sequence[Point], metric: str, number: int, label: str) -> None:
    estimates = {p.severity: p.estimates[metric] for p in points if metric in p.estimates}
    severities = [severity for severity in sorted(estimates) if estimates[severity].value is not None]
    colour, _, marker = figures.line_style(number)
    values = [_end(estimates[severity], "value") for severity in severities]
    axis.plot(severities, values, color=colour, marker=marker, markersize=3, linewidth=1.2, label=label)
    lows, highs = ([_end(estimates[severity], end) for severity in severities] for end in ("low", "high"))
    axis.fill_between(severities, lows, highs, color=colour, alpha=0.08, linewidth=0)


def _end(estimate: Estimate, name: str) -> float:
    """An end of the interval; the value where there is none."""
    end = getattr(estimate, name)
    return float(estimate.value if end is None else end)  # type: ignore[arg-type]
