"""Choosing the cells that fit into a time, by what such cells took before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.contract.cells import Cell
from harness.contract.errors import UsageError
from harness.coordinator.forecast import Forecast, duration, trained_as

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Fitting:
    """What is run under a time limit.

    Attributes:
        cells: those that are run, in this order: known ones as planned, then those of which nothing is known.
        left_out: cell id to the reason.
        unknown: number of cells of which nothing is known.
    """

    cells: Sequence[Cell]
    left_out: Mapping[str, str]
    unknown: int

    def sentence(self, limit: float) -> str:
        """What is left out, for a warning; empty if nothing is and all is known."""
        parts = [f"{len(self.left_out)} left out"] if self.left_out else []
        parts += [f"{self.unknown} of unknown duration last"] if self.unknown else []
        return f"time limit {duration(limit)}: {'; '.join(parts)}" if parts else ""


def seconds_of(text: str) -> float:
    """The seconds of a text such as 90s, 45m, 2h or 1.5d; a number alone is seconds. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", text.lower())
    unit = _SECONDS.get(match[2] or "s") if match else None
    if match is None or unit is None or float(match[1]) == 0:
        raise UsageError(f"--time-limit: {text!r} is no time; write such as 90s, 45m, 2h or 1d")
    return float(match[1]) * unit


def fitting(cells: Sequence[Cell], expected: Mapping[str, Forecast | None], limit: float, workers: int = 1) -> Fitting:
    """Choose cells in the order of the plan, each that still fits; one that does not leaves room for a shorter one.

    A training counts once for all cells of its model and seed. The workers are taken to be busy all of the time.

    Args:
        cells: not finished before, and not skipped.
        expected: cell id to what it will take; None where that is not known.
        limit: seconds.
        workers: number of cells at a time.
    """
    left, trained = limit * workers, set[tuple[str, int]]()
    chosen: list[Cell] = []
    unknown: list[Cell] = []
    left_out: dict[str, str] = {}
    for cell in cells:
        known = expected.get(cell.id)
        if known is None:
            unknown.append(cell)
            continue
        takes = known.seconds + (0.0 if trained_as(cell) in trained else known.training)
        if takes > left:
            left_out[cell.id] = f"left out: it takes about {duration(takes)}, and the time limit is {duration(limit)}"
            continue
        left -= takes
        trained.add(trained_as(cell))
        chosen.append(cell)
    return Fitting([*chosen, *unknown], left_out, len(unknown))
