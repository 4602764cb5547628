"""A plot of what k tries of a random search reach, beside every try with its seeds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import Row, figures
from harness_capacity.comparisons.expected_best import expected_best, interval_of_best
from harness_capacity.comparisons.searches import Search, searches

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_OF_FAMILY = 0.7


class BestOfKCurve:
    """A PNG: the expected best validation score over the number of tries, and the tries that it is made of.

    A line of panels for each data set. Left, a line for each family of models with its 95 % band and a dot where it
    reaches the target. Right, a dot for every configuration, from worst to best, with a bar from its worst to its
    best seed: how much depends on the configuration, and how much on the seed.

    Args:
        metric: the label of the metric, from 0 to 1, of which more is better.
        target: a value that is marked by a line.
        validation, test: the words that tell the two splits in the labels of the data.
    """

    def __init__(
        self,
        metric: str = "accuracy",
        target: float | None = None,
        validation: str = "validation",
        test: str = "test",
    ) -> None:
        self._metric, self._target, self._validation, self._test = metric, target, validation, test

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write best-of-k-<experiment>-<metric>.png. Raises HarnessError where no model is drawn."""
        found = searches(rows, self._metric, self._validation, self._test)
        name = re.sub(r"[^\w-]+", "-", f"{found[0].first.experiment}-{self._metric}")
        yield self._draw(found, folder / f"best-of-k-{name}.png")

    def _draw(self, found: Sequence[Search], path: Path) -> Path:
        tables = list(dict.fromkeys(search.labels.get("data", "") for search in found))
        families = list(dict.fromkeys(search.label for search in found))
        figure, axes = figures.panels(2 * len(tables), 2, (3.3, 2.6), (0.0, 0.5), sharey="row")
        for (curves, tries), table in zip(axes, tables, strict=True):
            own = [search for search in found if search.labels.get("data", "") == table]
            for search in own:
                self._curve(curves, search, families.index(search.label))
                _tries(tries, search, families.index(search.label), own.index(search))
            tries.set_xticks(range(len(own)), [search.label for search in own])
            self._finish(curves, tries, table, max(len(search.scores) for search in own))
        figures.legend(figure, axes.flat, "outside lower center", ncols=3)
        return figures.save(figure, path)

    def _curve(self, axis: Axes, search: Search, number: int) -> None:
        colour, dashes, _ = figures.line_style(number)
        curve, ks = expected_best(search.scores), range(1, len(search.scores) + 1)
        low, high = np.transpose([interval_of_best(search.scores, k) for k in ks])
        axis.plot(ks, curve, dashes, color=colour, linewidth=1.8, label=search.label)
        axis.fill_between(ks, low, high, color=colour, alpha=0.13, linewidth=0)
        reached = [k for k, score in zip(ks, curve, strict=True) if self._target is not None and score >= self._target]
        if reached:
            at = (reached[0], float(curve[reached[0] - 1]))
            axis.plot(*at, "o", color=colour, markersize=6)
            words = f"{reached[0]} {'try' if reached[0] == 1 else 'tries'}"
            # Below the line and to its right, where a rising curve leaves room.
            axis.annotate(words, at, (6, -13), textcoords="offset points", color=colour, fontsize=9)

    def _finish(self, curves: Axes, tries: Axes, table: str, most: int) -> None:
        curves.set_xscale("log")
        curves.set_xticks(_ticks(most), [str(k) for k in _ticks(most)])
        curves.minorticks_off()
        curves.set_xlabel("tries")
        curves.set_ylabel(f"{self._metric.replace('_', ' ')} on validation")
        figures.title(curves, f"{table}: best of k tries".removeprefix(": "))
        figures.title(tries, "every try, and its seeds")
        for axis in (curves, tries):
            figures.faint_grid(axis)
            if self._target is not None:
                axis.axhline(
                    self._target, color=figures.PALE, linewidth=1, linestyle=":", label=f"target {self._target:g}"
                )


def _ticks(most: int) -> list[int]:
    return [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500) if k <= most]


def _tries(axis: Axes, search: Search, number: int, place: int) -> None:
    colour, _, _ = figures.line_style(number)
    n, order = len(search.scores), search.scores.argsort(kind="stable")
    across = place + _WIDTH_OF_FAMILY * ((np.arange(n) + 0.5) / n - 0.5)
    scores = search.validation[order]
    axis.vlines(across, scores.min(axis=1), scores.max(axis=1), color=colour, linewidth=1.2)
    axis.plot(across, search.scores[order], "o", color=colour, markersize=3.2)
