"""Plots of robust accuracy over the budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Row, Status, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SWEPT_EPS = re.compile(r"\s*\beps=\S+")
NORM_NAMES = {"linf": "L∞", "l2": "L2", "l1": "L1", "l0": "L0"}


class RobustnessCurve:
    """A PNG per norm: robust accuracy over eps with 95 % bands, a panel for each model, a line for each attack.

    The curves start at eps 0 with the accuracy without attack; the worst case over attacks is drawn in black.
    """

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write curve-<norm>.png for each norm with at least one budget."""
        measured = [row for row in rows if row.status is Status.OK and _point(row) is not None]
        for norm in sorted({point[0] for row in measured if (point := _point(row))}):
            own = [row for row in measured if (point := _point(row)) and point[0] == norm]
            yield _draw(norm, own, rows, folder / f"curve-{norm}.png")


def _point(row: Row) -> tuple[str, float] | None:
    """The norm and budget of a row that is drawn on a curve."""
    threat = row.protocol.get("threat") or {}
    value = row.estimates.get("robust_accuracy")
    if threat.get("eps") is None or threat.get("minimal") or value is None or value.value is None:
        return None
    return str(threat["norm"]), float(threat["eps"])


def _draw(norm: str, rows: Sequence[Row], all_rows: Sequence[Row], path: Path) -> Path:
    panels = list(dict.fromkeys(panel_of(row) for row in rows))
    families = list(dict.fromkeys(_family(row) for row in rows if not row.derived))
    styles = {family: figures.line_style(i)[:2] for i, family in enumerate(families)}
    figure, axes = figures.panels(len(panels), 3, (3.4, 3.0), (1.2, 1.1), sharex=True, sharey=True)
    for axis, panel in zip(axes.flat, panels, strict=False):
        clean = _clean(panel, all_rows)
        for family in families:
            own = [row for row in rows if panel_of(row) == panel and not row.derived and _family(row) == family]
            _line(axis, own, clean, style=styles[family], label=family)
        worst = [row for row in rows if panel_of(row) == panel and row.derived]
        _line(axis, worst, clean, style=("black", "-"), label="worst case", is_worst=True)
        axis.set_title(" / ".join(panel), fontsize=10)
        axis.set_ylim(-0.02, 1.02)
        figures.faint_grid(axis)
    for axis in axes[-1]:
        axis.set_xlabel(f"budget eps, {NORM_NAMES.get(norm, norm)}")
    for line in axes:
        line[0].set_ylabel("robust accuracy")
    figures.legend(figure, axes.flat)
    return figures.save(figure, path)


def panel_of(row: Row) -> tuple[str, ...]:
    """The model, with the seed where it is not the first."""
    seed = (f"seed {row.seed}",) if row.seed else ()
    return (row.labels.get("model", ""), *seed)


def _family(row: Row) -> str:
    """The label of the attack without the budget that the curve runs over."""
    return _SWEPT_EPS.sub("", row.labels.get("attack", ""))


def _clean(panel: tuple[str, ...], rows: Sequence[Row]) -> Any:
    for row in rows:
        accuracy = row.estimates.get("accuracy")
        if panel_of(row) == panel and row.status is Status.OK and accuracy is not None and accuracy.value is not None:
            return accuracy
    return None


def _line(
    axis: Axes, rows: Sequence[Row], clean: Any, *, style: tuple[str, str], label: str, is_worst: bool = False
) -> None:
    points = sorted((point[1], row.estimates["robust_accuracy"]) for row in rows if (point := _point(row)))
    if not points:
        return
    if clean is not None and points[0][0] > 0:
        points.insert(0, (0.0, clean))
    budgets = [budget for budget, _ in points]
    value, low, high = ([float(getattr(e, end)) for _, e in points] for end in ("value", "low", "high"))
    # The worst case lies under the attacks that make it up, thick enough to be seen beside them.
    width, order, opacity = (4.0, 1, 0.18) if is_worst else (1.3, 2, 0.06)
    colour, dashes = style
    axis.plot(
        budgets, value, dashes, color=colour, label=label, linewidth=width, marker="o", markersize=3, zorder=order
    )
    axis.fill_between(budgets, low, high, color=colour, alpha=opacity, linewidth=0, zorder=order)
