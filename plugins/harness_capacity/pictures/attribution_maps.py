"""Pictures of attribution maps: an example in each line, a method in each column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import MeasuredCell, Records, figures
from harness_capacity.comparisons.attribution_ranking import CONTROLS, component

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
_WIDTH, _TOP, _LEFT = 0.95, 0.62, 0.75


class AttributionMaps:
    """A PNG: maps of the first examples, a line for each and a column for each method; controls stand last.

    Red speaks for the explained class and blue against it; each map has a colour scale of its own, since only the order
    of its values counts. A known cause has a green outline.

    Args:
        examples: how many lines.
    """

    def __init__(self, examples: Annotated[int, Ge(1)] = 6) -> None:
        self._examples = examples

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write maps-<experiment>-<model>-<data>.png for each model and data whose examples are images."""
        families: dict[str, dict[str, MeasuredCell]] = {}
        for cell in cells:
            if cell.row.status.is_measured and cell.row.n and "attribution" in cell.row.labels:
                of = cell.row
                name = f"{of.experiment}-{of.labels['model']}-{of.labels.get('data', '')}"
                # Of several seeds the first is shown.
                families.setdefault(name, {}).setdefault(of.labels["attribution"], cell)
        for name, methods in families.items():
            if next(iter(methods.values())).records().artifact("explained_inputs").ndim == 4:
                name = re.sub(r"[^\w-]+", "-", name)
                yield self._draw(methods, folder / f"maps-{name}.png")

    def _draw(self, methods: Mapping[str, MeasuredCell], path: Path) -> Path:
        shown = sorted(methods, key=lambda label: _is_control(methods[label]))
        records = methods[shown[0]].records()
        inputs = records.artifact("explained_inputs")[: self._examples]
        size = (_LEFT + _WIDTH * (len(shown) + 1), _TOP + _WIDTH * len(inputs))
        figure = figures.empty_figure(*size)
        axes = figure.subplots(len(inputs), len(shown) + 1, squeeze=False)
        for axis, image, label, explained in zip(
            axes[:, 0], inputs, records["label"], records["explained"], strict=False
        ):
            axis.imshow(_image(image), cmap="gray", vmin=0, vmax=max(1.0, float(image.max())))
            axis.set_ylabel(f"true {label}\nsays {explained}", fontsize=7, rotation=0, ha="right", va="center")
        for column, label in enumerate(shown, start=1):
            maps = methods[label].records().artifact("maps")[: self._examples]
            for axis, values in zip(axes[:, column], maps, strict=True):
                _show_map(axis, values)
        for axis, title in zip(axes[0], ["input", *shown], strict=True):
            control = title in shown and _is_control(methods[title])
            axis.set_title(
                _wrapped(f"{title} (control)" if control else title),
                fontsize=8,
                color=figures.PALETTE[-1] if control else "black",
            )
        for line, cause in zip(axes, _causes(records), strict=False):
            for axis in line:
                _outline(axis, cause)
        for axis in axes.flat:
            axis.set_xticks([])
            axis.set_yticks([])
        return figures.save(figure, path)


def _show_map(axis: Axes, values: Floats) -> None:
    flat = np.asarray(values, dtype=np.float64).sum(axis=0)
    # One outlier must not hide all other values.
    reach = float(np.quantile(np.abs(flat), 0.99)) or float(np.abs(flat).max()) or 1.0
    axis.imshow(flat, cmap="RdBu_r", vmin=-reach, vmax=reach)


def _outline(axis: Axes, cause: Floats) -> None:
    """Draw the border of the marked pixels along their sides."""
    padded = np.pad(cause, 1)
    for y, x in np.argwhere(np.diff(padded, axis=0) != 0):
        axis.plot([x - 1.5, x - 0.5], [y - 0.5, y - 0.5], color=figures.PALETTE[2], linewidth=1.5)
    for y, x in np.argwhere(np.diff(padded, axis=1) != 0):
        axis.plot([x - 0.5, x - 0.5], [y - 1.5, y - 0.5], color=figures.PALETTE[2], linewidth=1.5)


def _causes(records: Records) -> Iterable[Floats]:
    """The known causes of the first examples, `[H, W]` each; none where the data do not say."""
    try:
        return np.asarray(records.artifact("causes"), dtype=np.float64)
    except KeyError:
        return ()


def _image(image: Floats) -> Floats:
    return image[0] if len(image) != 3 else image.transpose(1, 2, 0)


def _is_control(cell: MeasuredCell) -> bool:
    return component(cell.row) in CONTROLS


def _wrapped(title: str) -> str:
    """A title in lines that fit a column, broken between words."""
    lines = [""]
    for word in title.replace("_", " ").split(" "):
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 12 else [*lines, word]
    return "\n".join(lines)
