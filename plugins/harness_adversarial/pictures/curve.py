"""Plots of robust accuracy over the budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Estimate, Row, Status, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SWEPT_EPS = re.compile(r"\s*\beps=\S+")
# From this L-inf budget on, every image within [0, 1] can be made the same grey one.
_GREY = 0.5
NORM_NAMES = {"linf": "L∞", "l2": "L2", "l1": "L1", "l0": "L0"}


class RobustnessCurve:
    """A PNG per norm: robust accuracy over eps with 95 % bands; the worst case of all models, then a panel for each.

    In the panel of a model there is a line for each attack, and the worst case over attacks in black. Lines start at
    eps 0 with the accuracy without attack and join budgets that an attack swept; an attack with one budget is a point.
    An L-inf budget of 0.5 or more is left out beside smaller ones: it may make every image grey, and is there to check
    attacks.
    """

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write curve-<norm>.png for each norm with at least one budget."""
        measured = [row for row in rows if row.status is Status.OK and _budget(row) is not None]
        for norm in sorted({budget[0] for row in measured if (budget := _budget(row))}):
            own = [row for row in measured if (budget := _budget(row)) and budget[0] == norm]
            yield _draw(norm, _without_checks(norm, own), rows, folder / f"curve-{norm}.png")


def _budget(row: Row) -> tuple[str, float] | None:
    """The norm and budget of a row that is drawn on a curve."""
    threat = row.protocol.get("threat") or {}
    value = row.estimates.get("robust_accuracy")
    if threat.get("eps") is None or threat.get("minimal") or value is None or value.value is None:
        return None
    return str(threat["norm"]), float(threat["eps"])


def _eps(row: Row) -> float:
    return float(row.protocol["threat"]["eps"])


def _without_checks(norm: str, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows without budgets at which every image may become the same, unless there are no others."""
    smaller = [row for row in rows if norm != "linf" or _eps(row) < _GREY]
    return smaller or rows


def _draw(norm: str, rows: Sequence[Row], all_rows: Sequence[Row], path: Path) -> Path:
    models = list(dict.fromkeys(panel_of(row) for row in rows))
    has_overview = len(models) > 1 and any(row.derived for row in rows)
    shown = models[: figures.MOST_PANELS - has_overview]
    families = list(dict.fromkeys(_family(row) for row in rows if not row.derived))
    count = len(shown) + has_overview
    figure, axes = figures.panels(count, 2, (3.3, 2.35), (0.0, 0.35), sharex=True, sharey=True)
    lines: dict[Axes, list[figures.LineEnd]] = {}
    if has_overview:
        lines[axes.flat[0]] = _overview(axes.flat[0], shown, rows, all_rows)
    for axis, model in zip(axes.flat[has_overview:], shown, strict=False):
        own = [row for row in rows if panel_of(row) == model]
        lines[axis] = _panel(axis, own, families, _clean(model, all_rows))
        figures.title(axis, " / ".join(model))
    for axis in axes.flat[:count]:
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlim(0, 1.02 * max(_eps(row) for row in rows))
        figures.faint_grid(axis)
    figures.name_axes(axes, f"budget eps, {NORM_NAMES.get(norm, norm)}", "robust accuracy")
    figures.left_out(figure, len(models) - len(shown), "models")
    figures.name_lines(figure, lines)
    return figures.save(figure, path)


def _overview(
    axis: Axes, models: Sequence[tuple[str, ...]], rows: Sequence[Row], all_rows: Sequence[Row]
) -> list[figures.LineEnd]:
    """The worst case of every model, which answers what the others only explain."""
    figures.title(axis, "worst case")
    ends = []
    for number, model in enumerate(models[: figures.MOST_DIRECT_LABELS]):
        own = [row for row in rows if panel_of(row) == model and row.derived]
        style = replace(figures.LineStyle.of(number), width=2.2)
        ends += _line(axis, own, _clean(model, all_rows), style, " / ".join(model))
    return ends


def _panel(axis: Axes, rows: Sequence[Row], families: Sequence[str], clean: Estimate | None) -> list[figures.LineEnd]:
    """The attacks on a model, and the worst case over them."""
    ends = []
    for number, family in enumerate(families):
        own = [row for row in rows if not row.derived and _family(row) == family]
        ends += _line(axis, own, clean, replace(figures.LineStyle.of(number), band=0.06), family)
    return ends + _line(axis, [row for row in rows if row.derived], clean, figures.WORST, "worst case")


def panel_of(row: Row) -> tuple[str, ...]:
    """The model, with the seed where it is not the first."""
    seed = (f"seed {row.seed}",) if row.seed else ()
    return (row.labels.get("model", ""), *seed)


def _family(row: Row) -> str:
    """The label of the attack without the budget that the curve runs over."""
    return _SWEPT_EPS.sub("", row.labels.get("attack", ""))


def _clean(panel: tuple[str, ...], rows: Sequence[Row]) -> Estimate | None:
    for row in rows:
        accuracy = row.estimates.get("accuracy")
        if panel_of(row) == panel and row.status is Status.OK and accuracy is not None and accuracy.value is not None:
            return accuracy
    return None


def _line(
    axis: Axes, rows: Sequence[Row], clean: Estimate | None, style: figures.LineStyle, name: str
) -> list[figures.LineEnd]:
    """The line of an attack from the accuracy without one, a point for one with a single budget; nothing if none."""
    measured = sorted(((_eps(row), row.estimates["robust_accuracy"]) for row in rows), key=lambda point: point[0])
    if not measured:
        return []
    if clean is not None and len(measured) > 1 and measured[0][0] > 0:
        measured.insert(0, (0.0, clean))
    return [figures.draw_line(axis, [_point(eps, estimate) for eps, estimate in measured], style, name)]


def _point(eps: float, estimate: Estimate) -> figures.Point:
    return figures.Point(eps, float(estimate.value or 0), estimate.low, estimate.high)
