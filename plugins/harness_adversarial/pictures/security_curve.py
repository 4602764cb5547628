"""Plots of accuracy at every budget, from the smallest distances per example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    A panel for each model, a line for each minimal attack, and in black with its 95 % band the smallest distance over
    all of them. A curve that ends above zero names the share of examples that were not fooled at any distance.
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
    attacks = list(dict.fromkeys(name for panel in panels for name in panel.attacks))
    styles = {name: figures.line_style(i)[:2] for i, name in enumerate(attacks)}
    figure, axes = figures.panels(len(panels), 3, (3.2, 2.7), (1.6, 0.9), sharex=True, sharey=True)
    finite = [panel.distances[np.isfinite(panel.distances)] for panel in panels]
    # Single attacks reach further than all of them together.
    end = 1.15 * max((float(values.max()) for values in finite if len(values)), default=1.0) or 1.0
    for axis, panel in zip(axes.flat, panels, strict=False):
        for cell in panel.cells:
            distances = smallest_of(cell.records())
            if distances is not None and len(panel.cells) > 1:
                _steps(axis, distances, end, styles[cell.row.labels["attack"]], cell.row.labels["attack"])
        _worst(axis, panel, end)
        axis.set_title(_title(panel.first, [panel.first for panel in panels]), fontsize=10)
        axis.set_xlabel(f"budget eps, {NORM_NAMES.get(norm, norm)}")
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlim(0, end)
        figures.faint_grid(axis)
        axis.tick_params(labelbottom=True)
    for line in axes:
        line[0].set_ylabel("robust accuracy")
    figures.legend(figure, axes.flat)
    return figures.save(figure, path)


def _title(row: Row, rows: Sequence[Row]) -> str:
    several = len({other.labels.get("data", "") for other in rows}) > 1
    return " / ".join([*panel_of(row), *([row.labels.get("data", "")] if several else [])])


def _steps(axis: Axes, distances: Floats, end: float, style: tuple[str, str], label: str) -> None:
    budgets, robust = survival(distances)
    shown = budgets < end
    budgets, robust = budgets[shown], robust[shown]
    axis.step(
        [*budgets, end], [*robust, robust[-1]], style[1], where="post", color=style[0], label=label, linewidth=1.3
    )


def _worst(axis: Axes, panel: Combined, end: float) -> None:
    budgets, robust = survival(panel.distances)
    n = int((~np.isnan(panel.distances)).sum())
    estimates = [proportion(round(share * n), n) for share in robust]
    low, high = ([float(getattr(estimate, side)) for estimate in estimates] for side in ("low", "high"))
    label = _WORST_LABEL if len(panel.cells) > 1 else panel.attacks[0]
    # Under the attacks that make it up, thick enough to be seen beside them.
    axis.step([*budgets, end], [*robust, robust[-1]], where="post", color="black", linewidth=3.0, label=label, zorder=1)
    axis.fill_between(
        [*budgets, end], [*low, low[-1]], [*high, high[-1]], step="post", color="black", alpha=0.12, linewidth=0
    )
    if robust[-1] > 0:
        axis.annotate(
            f"{robust[-1]:.0%} never fooled",
            (end, robust[-1]),
            (-4, 14),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
