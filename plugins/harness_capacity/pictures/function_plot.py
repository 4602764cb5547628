"""Plots of functions as models predict them, inside the training range and beyond it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import MeasuredCell, figures, normal_quantile
from harness_capacity.comparisons.sweeps import parameter, without
from harness_capacity.data.function import function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COMPONENT = "function"
_MOST_COLUMNS = 3


class FunctionPlot:
    """A PNG: the predictions of each model for a function of one number, with 95 % bands of their stated deviation.

    A panel for each model. The training range is shaded; the function itself is black. Of several seeds the first is
    shown with its band and the others as thin lines.

    Args:
        margin: how far the panels reach beyond the values of the function, in units of their range.
    """

    def __init__(self, margin: float = 0.75) -> None:
        self._margin = margin

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write function-<experiment>-<name>.png for each function of one number."""
        drawn: dict[str, dict[str, list[MeasuredCell]]] = {}
        for cell in cells:
            use = cell.row.components.get("data") or {}
            if str(use.get("name", "")).rpartition("/")[2] == _COMPONENT and cell.row.status.is_measured and cell.row.n:
                key = json.dumps(without({"data": use}, ("data.split",)), sort_keys=True)
                drawn.setdefault(key, {}).setdefault(cell.row.labels["model"], []).append(cell)
        for models in drawn.values():
            first = next(iter(models.values()))[0].row
            if _points(first.components).shape[1] == 1:
                name = re.sub(r"[^\w-]+", "-", f"{first.experiment}-{parameter(first.components, 'data.name')}")
                yield self._draw(models, folder / f"function-{name}.png")

    def _draw(self, models: Mapping[str, Sequence[MeasuredCell]], path: Path) -> Path:
        shown = dict(list(models.items())[: figures.MOST_PANELS])
        columns = min(_MOST_COLUMNS, len(shown))
        panel = (figures.WIDTH / columns, 1.8)
        figure, axes = figures.panels(len(shown), columns, panel, (0.0, 0.4), sharex=True, sharey=True)
        figures.left_out(figure, len(models) - len(shown), "models")
        for number, (axis, (label, cells)) in enumerate(zip(axes.flat, shown.items(), strict=False)):
            self._panel(axis, cells, number)
            figures.title(axis, label)
            axis.tick_params(labelbottom=True)
            figures.faint_grid(axis)
        figures.legend(figure, axes.flat, "outside lower center", ncols=3)
        return figures.save(figure, path)

    def _panel(self, axis: Axes, cells: Sequence[MeasuredCell], number: int) -> None:
        colour = figures.line_style(number)[0]
        parameters = cells[0].row.components["data"]["parameters"]
        range_ = function(**parameters).facts["function"]
        axis.axvspan(range_["low"], range_["high"], color=figures.PALE, alpha=0.15, linewidth=0, label="training range")
        for i, cell in enumerate(sorted(cells, key=lambda cell: cell.row.seed)):
            records, x = cell.records(), _points(cell.row.components)[:, 0]
            target, prediction = records.floats("target"), records.floats("prediction")
            first = cell.row.seed == min(other.row.seed for other in cells)
            axis.plot(x, target, color="black", linewidth=1.0, zorder=3, label="the function" if i == 0 else None)
            axis.plot(x, prediction, color=colour, linewidth=1.6 if first else 0.6, zorder=2)
            if first and "deviation" in records:
                half = normal_quantile(0.95) * records.floats("deviation")
                axis.fill_between(x, prediction - half, prediction + half, color=colour, alpha=0.2, linewidth=0)
        self._limit(axis, cells)

    def _limit(self, axis: Axes, cells: Sequence[MeasuredCell]) -> None:
        """Show the function whole; what a model predicts far from it leaves the panel."""
        targets = np.concatenate([cell.records().floats("target") for cell in cells])
        low, high = float(targets.min()), float(targets.max())
        space = self._margin * (high - low or 1.0)
        axis.set_ylim(low - space, high + space)


def _points(components: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """The inputs of the data of a cell `[n, dimensions]`, made again from its parameters."""
    made = function(**components["data"]["parameters"])
    inputs = np.asarray(made.columns["inputs"])
    limit = components["data"].get("limit")
    return inputs[:limit] if limit else inputs
