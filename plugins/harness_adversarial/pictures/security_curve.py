"""Plots of accuracy at every budget, from the smallest distances per example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import MeasuredCell, Row, figures, proportion
from harness_adversarial.metrics.smallest_distances import Combined, Floats, combined, smallest_of
from harness_adversarial.pictures.curve import NORM_NAMES, panel_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORST_LABEL = "all of them"


class SecurityCurve:
    """A PNG per norm: robust accuracy at every budget, from the accuracy without attack until it is zero.

    The first panel has the smallest distance over all minimal attacks of every model, with its 95 % band. Then a panel
    for each model has a line for each attack, and in black all of them. A curve that ends above zero names the share
    of examples that were not fooled at any distance.
    """

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write security-<norm>.png for each norm that a minimal attack has."""
        panels = combined(cells)
        for norm, targeted in sorted({(str(panel.threat.norm), panel.threat.targeted) for panel in panels}):
            own = [panel for panel in panels if (panel.threat.norm, panel.threat.targeted) == (norm, targeted)]
            yield _draw(norm, own, folder / f"security-{norm}{'-targeted' if targeted else ''}.png")


def survival(distances: Floats) -> tuple[Floats, Floats]:
    """Budgets `[k]` at which robust accuracy changes, from 0 on, and its value from each of them on `[k]`."""
    defined = distances[~np.isnan(distances)]
    budgets = np.unique(np.concatenate([[0.0], defined[np.isfinite(defined)]]))
    robust = np.array([(defined > budget).mean() for budget in budgets])
    return budgets, robust


def _draw(norm: str, panels: Sequence[Combined], path: Path) -> Path:
    shown = panels[: figures.MOST_PANELS - 1]
    attacks = list(dict.fromkeys(name for panel in shown for name in panel.attacks))
    has_overview = len(shown) > 1
    count = len(shown) + has_overview
    figure, axes = figures.panels(count, 2, (3.3, 2.35), (0.0, 0.35), sharex=True, sharey=True)
    finite = [panel.distances[np.isfinite(panel.distances)] for panel in panels]
    # Single attacks reach further than all of them together.
    end = 1.15 * max((float(values.max()) for values in finite if len(values)), default=1.0) or 1.0
    lines: dict[Axes, list[figures.LineEnd]] = {}
    if has_overview:
        lines[axes.flat[0]] = _overview(axes.flat[0], shown, end)
    for axis, panel in zip(axes.flat[has_overview:], shown, strict=False):
        lines[axis] = _panel(axis, panel, attacks, end)
        figures.title(axis, _title(panel.first, [panel.first for panel in panels]))
    for axis in axes.flat[:count]:
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlim(0, end)
        figures.faint_grid(axis)
    figures.name_axes(axes, f"budget eps, {NORM_NAMES.get(norm, norm)}", "robust accuracy")
    figures.left_out(figure, len(panels) - len(shown), "models")
    figures.name_lines(figure, lines)
    return figures.save(figure, path)


def _title(row: Row, rows: Sequence[Row]) -> str:
    several = len({other.labels.get("data", "") for other in rows}) > 1
    return " / ".join([*panel_of(row), *([row.labels.get("data", "")] if several else [])])


def _overview(axis: Axes, panels: Sequence[Combined], end: float) -> list[figures.LineEnd]:
    """The smallest distances of every model, which answer what the single attacks only explain."""
    figures.title(axis, _WORST_LABEL)
    titles = [_title(panel.first, [panel.first for panel in panels]) for panel in panels]
    ends = []
    for number, (panel, name) in enumerate(zip(panels[: figures.MOST_DIRECT_LABELS], titles, strict=False)):
        style = replace(figures.LineStyle.of(number), width=2.2)
        ends.append(_steps(axis, panel.distances, end, style, name, has_band=True))
    return ends


def _panel(axis: Axes, panel: Combined, attacks: Sequence[str], end: float) -> list[figures.LineEnd]:
    """The minimal attacks on a model, and the smallest distance over them."""
    ends = []
    for cell in panel.cells:
        distances, name = smallest_of(cell.records()), cell.row.labels["attack"]
        if distances is not None and len(panel.cells) > 1:
            ends.append(_steps(axis, distances, end, figures.LineStyle.of(attacks.index(name)), name))
    name = _WORST_LABEL if len(panel.cells) > 1 else panel.attacks[0]
    ends.append(_steps(axis, panel.distances, end, figures.WORST, name, has_band=True))
    _name_the_unfooled(axis, ends[-1])
    return ends


def _steps(
    axis: Axes, distances: Floats, end: float, style: figures.LineStyle, name: str, *, has_band: bool = False
) -> figures.LineEnd:
    budgets, robust = survival(distances)
    budgets, robust = budgets[budgets < end], robust[budgets < end]
    x, y = [*budgets, end], [*robust, robust[-1]]
    axis.step(
        x, y, style.dashes, where="post", color=style.colour, label=name, linewidth=style.width, zorder=style.order
    )
    if has_band:
        n = int((~np.isnan(distances)).sum())
        rates = [proportion(round(share * n), n) for share in y]
        low, high = ([float(getattr(rate, side)) for rate in rates] for side in ("low", "high"))
        axis.fill_between(x, low, high, step="post", color=style.colour, alpha=style.band, linewidth=0)
    return figures.LineEnd(end, float(y[-1]), float(np.trapezoid(y, x)), name, style.colour)


def _name_the_unfooled(axis: Axes, end: figures.LineEnd) -> None:
    if end.y > 0:
        axis.annotate(
            f"{end.y:.0%} never fooled",
            (end.x, end.y),
            (-4, 10),
            textcoords="offset points",
            ha="right",
            fontsize=figures.SMALLEST_TEXT,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
