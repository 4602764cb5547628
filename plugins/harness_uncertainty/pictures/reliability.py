"""Reliability diagrams: accuracy over confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from harness.api import MeasuredCell, Status, figures, proportion
from harness_uncertainty.metrics.calibration import Binning, bins_of
from harness_uncertainty.metrics.confidences import Confidences, confidences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_MAX_PANELS_PER_FIGURE = 12
"""Panels of a picture; what is beyond goes into the next one."""


class ReliabilityDiagram:
    """PNGs: accuracy over confidence with 95 % intervals (Wilson), and below it how many answers had that confidence.

    A panel for each model, data and treatment whose records hold a confidence. Below the diagonal the model is too
    sure, above it not sure enough.

    Args:
        bins: the number of bins.
        binning: bins of equal width in confidence, or of equally many answers each.
    """

    def __init__(self, bins: Annotated[int, Ge(1)] = 15, binning: Binning = "equal_width") -> None:
        self._bins, self._binning = bins, binning

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write reliability-<experiment>.png; several, numbered, if there are many panels."""
        panels = []
        for cell in cells:
            if cell.row.status is not Status.OK or cell.row.n is None:
                continue
            answers = confidences(cell.records())
            if answers is not None and len(answers):
                panels.append((_title(cell, cells), answers))
        for number, start in enumerate(range(0, len(panels), _MAX_PANELS_PER_FIGURE), 1):
            name = re.sub(r"[^\w-]+", "-", cells[0].row.experiment)
            suffix = f"-{number}" if len(panels) > _MAX_PANELS_PER_FIGURE else ""
            yield self._draw(panels[start : start + _MAX_PANELS_PER_FIGURE], folder / f"reliability-{name}{suffix}.png")

    def _draw(self, panels: Sequence[tuple[str, Confidences]], path: Path) -> Path:
        columns = min(_COLUMNS, len(panels))
        lines = -(-len(panels) // columns)
        heights = [ratio for _ in range(lines) for ratio in (3, 1)]
        figure, axes = figures.panels(
            2 * lines * columns,
            columns,
            (2.2, 1.35),
            (0.0, 0.0),
            sharex=True,
            sharey="row",
            height_ratios=heights,
        )
        for number in range(lines * columns):
            line, column = divmod(number, columns)
            upper, lower = axes[2 * line, column], axes[2 * line + 1, column]
            if number < len(panels):
                title, answers = panels[number]
                self._panel(upper, lower, answers)
                figures.title(upper, title)
            upper.set_visible(number < len(panels))
            lower.set_visible(number < len(panels))
        for line in range(lines):
            axes[2 * line, 0].set_ylabel("accuracy")
            axes[2 * line + 1, 0].set_ylabel("answers")
        for number in range(min(len(panels), columns)):
            lowest = 2 * ((len(panels) - 1 - number) // columns) + 1
            axes[lowest, number].set_xlabel("confidence")
            axes[lowest, number].tick_params(labelbottom=True)
        return figures.save(figure, path)

    def _panel(self, upper: Axes, lower: Axes, answers: Confidences) -> None:
        of_row = bins_of(answers.confidence, self._bins, self._binning)
        counts = np.bincount(of_row, minlength=self._bins)
        used = np.flatnonzero(counts)
        middle = np.bincount(of_row, answers.confidence, self._bins)[used] / counts[used]
        rates = [proportion(int(answers.correct[of_row == b].sum()), int(counts[b])) for b in used]
        values, lows, highs = (np.array([getattr(r, end) for r in rates]) for end in ("value", "low", "high"))
        upper.plot([0, 1], [0, 1], color=figures.PALETTE[-1], linewidth=1, linestyle="--", zorder=1)
        upper.vlines(middle, values, middle, color=figures.PALETTE[1], alpha=0.5, linewidth=4, zorder=1)
        bars = [values - lows, highs - values]
        upper.errorbar(middle, values, bars, fmt="o", color=figures.PALETTE[0], markersize=4, linewidth=1, zorder=2)
        upper.set_ylim(-0.03, 1.03)
        upper.set_xlim(-0.02, 1.02)
        lower.bar(middle, counts[used], width=0.8 / self._bins, color=figures.PALETTE[0])
        # Most answers have a confidence near 1; the others would not be seen on a plain axis.
        lower.set_yscale("symlog", linthresh=1)
        for axis in (upper, lower):
            figures.faint_grid(axis)


def _title(cell: MeasuredCell, cells: Sequence[MeasuredCell]) -> str:
    """The labels that distinguish a cell from the others."""
    labels = cell.row.labels
    shown = [
        label
        for role, label in labels.items()
        if role == "model" or len({other.row.labels.get(role, "") for other in cells}) > 1
    ]
    seed = [f"seed {cell.row.seed}"] if len({other.row.seed for other in cells}) > 1 else []
    return " / ".join([*shown, *seed]) or labels.get("data", "")
