"""Pictures of how the order of attribution methods changes with what removed pixels are replaced by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import Context, MeasuredCell, figures, paired_difference
from harness_capacity.comparisons.attribution_ranking import (
    CONTROLS,
    RANDOM,
    SCORES,
    Values,
    columns_of,
    common_columns,
    component,
    families,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORES = ("deletion", "insertion")


class BaselineFlips:
    """A PNG: how much better than the random control each method is, by deletion and insertion, over the baselines.

    1 is the best method under each baseline and 0 the random control, with 95 % intervals of the paired difference to
    it. Where lines cross, one baseline prefers one method and another the other.
    """

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write flips-<experiment>-<model>-<data>.png for each model and data with a random control."""
        for first, methods in families(cells):
            components = {name: component(of_seeds[0].row) for name, of_seeds in methods.items()}
            controls = [name for name in methods if components[name] == RANDOM]
            if controls and len(methods) > 1:
                columns = {name: columns_of(of_seeds) for name, of_seeds in methods.items()}
                words = (first.experiment, first.labels["model"], first.labels.get("data", ""))
                name = re.sub(r"[^\w-]+", "-", "-".join(words))
                yield _draw(columns, controls[0], components, folder / f"flips-{name}.png")


def gains(columns: Mapping[str, Mapping[str, Values]], control: str, score: str) -> dict[str, dict[str, list[float]]]:
    """By method and baseline, the difference to the control and its interval, in units of that of the best method.

    Args:
        columns: method to record column to values `[n]`.
        control: the method that is 0.
        score: `deletion` or `insertion`.
    """
    prefix, better = SCORES[score]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in columns if name != control}
    for column in common_columns(columns.values(), prefix):
        for name, of_baseline in found.items():
            rng = Context().rng("baseline flips", column, name)
            test = paired_difference(better * columns[control][column], better * columns[name][column], rng)
            low, high = (test.value if end is None else end for end in (test.low, test.high))
            of_baseline[column.removeprefix(prefix)] = [test.value, low, high]
    for baseline in next(iter(found.values()), {}):
        best = max(of_baseline[baseline][0] for of_baseline in found.values())
        for of_baseline in found.values():
            of_baseline[baseline] = [end / best if best > 0 else 0.0 for end in of_baseline[baseline]]
    return found


def _draw(columns: Mapping[str, Mapping[str, Values]], control: str, components: Mapping[str, str], path: Path) -> Path:
    figure, axes = figures.panels(len(_SCORES), len(_SCORES), (3.3, 3.0), (0.0, 0.7), sharey=True)
    ends: dict[Axes, list[figures.LineEnd]] = {}
    for axis, score in zip(axes.flat, _SCORES, strict=True):
        found = gains(columns, control, score)
        ends[axis] = [
            _line(axis, number, len(found), name, of_baseline, components[name] in CONTROLS)
            for number, (name, of_baseline) in enumerate(found.items())
        ]
        baselines = list(next(iter(found.values())))
        axis.axhline(0.0, color=figures.PALE, linewidth=1, linestyle=":", label=f"{control} (control)")
        axis.set_xticks(range(len(baselines)), baselines)
        axis.set_xlabel("removed pixels are replaced by" if score == "deletion" else "the image starts from")
        figures.title(axis, score)
        figures.faint_grid(axis)
        ends[axis].append(figures.LineEnd(len(baselines) - 1, 0.0, 0.0, f"{control} (control)", figures.PALE))
    axes[0, 0].set_ylabel("gain over the random control (best = 1)")
    figures.name_lines(figure, ends)
    return figures.save(figure, path)


def _line(
    axis: Axes, number: int, count: int, name: str, of_baseline: Mapping[str, Sequence[float]], control: bool
) -> figures.LineEnd:
    colour, dashes, marker = figures.line_style(number)
    text, drawn_in = (f"{name} (control)", figures.PALE) if control else (name, colour)
    value, low, high = np.array(list(of_baseline.values())).T
    # Methods stand beside each other, so that their intervals can be told apart.
    at = np.arange(len(value)) + 0.2 * ((number + 0.5) / count - 0.5)
    axis.errorbar(
        at,
        value,
        np.maximum([value - low, high - value], 0.0),
        color=drawn_in,
        linestyle=dashes,
        marker=marker,
        markersize=4,
        linewidth=1.4,
        elinewidth=0.8,
        label=text,
    )
    return figures.LineEnd(float(at[-1]), float(value[-1]), float(value.mean()), text, drawn_in)
