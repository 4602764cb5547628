"""A dot with its interval for every row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.api import Row, figures


class DotPlot:
    """A PNG: the value of one metric in every row of an experiment, each with its interval.

    Args:
        metric: its label in the table.
    """

    def __init__(self, metric: str = "accuracy") -> None:
        self._metric = metric

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write dots-<experiment>.png if any row has a value."""
        measured = [(row, row.estimates[self._metric]) for row in rows if self._metric in row.estimates]
        dots = [
            (_label(row), value, each.low, each.high) for row, each in measured if (value := each.value) is not None
        ]
        if not dots:
            return
        figure = figures.empty_figure(5.0, 0.8 + 0.3 * len(dots))
        axis = figure.subplots()
        for place, (_, value, low, high) in enumerate(dots):
            if low is not None and high is not None:
                axis.plot([low, high], [place, place], color=figures.PALE)
            axis.plot(value, place, marker="o", color=figures.PALETTE[0])
        axis.set_yticks(range(len(dots)), [label for label, *_ in dots], fontsize=8)
        axis.invert_yaxis()
        axis.set_xlabel(self._metric)
        figures.faint_grid(axis)
        name = re.sub(r"[^\w-]+", "-", rows[0].experiment)
        yield figures.save(figure, folder / f"dots-{name}.png")


def _label(row: Row) -> str:
    return " / ".join(label for role, label in row.labels.items() if role != "data")
