"""The formulas of the dataset `function`, the range on which each is usual, and where it has no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import HarnessError

Floats = npt.NDArray[np.float64]
Name = Literal["sine", "runge", "step", "square_root", "reciprocal", "franke"]


@dataclass(frozen=True)
class Formula:
    """A function of one or two real numbers.

    Attributes:
        value: its values `[n]` at points `[n, dimensions]`.
        low, high: the usual range, the same for each coordinate.
        dimensions: how many numbers it takes.
        least: it has no value below.
        pole: it is unbounded near this point.
    """

    value: Callable[[Floats], Floats]
    low: float
    high: float
    dimensions: int = 1
    least: float | None = None
    pole: float | None = None

    def check_range(self, name: str, low: float, high: float) -> None:
        """Check that the function has a bounded value everywhere from `low` to `high`. Raises HarnessError."""
        if not low < high:
            raise HarnessError(f"function {name}: `low` is {low:g}, which must be below `high`, {high:g}")
        if self.least is not None and low < self.least:
            raise HarnessError(f"function {name} has no value below {self.least:g}; the range begins at {low:g}")
        if self.pole is not None and low <= self.pole <= high:
            raise HarnessError(
                f"function {name} has a pole at {self.pole:g}, inside the range from {low:g} to {high:g}, where no "
                "network is close to it; choose `low`, `high` and `reach` on one side of the pole"
            )


def _franke(points: Floats) -> Floats:
    """Franke 1979, a sum of four bumps on the unit square."""
    x, y = 9 * points[:, 0], 9 * points[:, 1]
    wide = 0.75 * np.exp(-((x - 2) ** 2 + (y - 2) ** 2) / 4) + 0.75 * np.exp(-((x + 1) ** 2) / 49 - (y + 1) / 10)
    narrow = 0.5 * np.exp(-((x - 7) ** 2 + (y - 3) ** 2) / 4) - 0.2 * np.exp(-((x - 4) ** 2) - (y - 7) ** 2)
    return np.asarray(wide + narrow)


FORMULAS: Mapping[str, Formula] = {
    "sine": Formula(lambda x: np.sin(2 * np.pi * x[:, 0]), 0.0, 1.0),
    "runge": Formula(lambda x: 1 / (1 + 25 * x[:, 0] ** 2), -1.0, 1.0),
    "step": Formula(lambda x: np.where(x[:, 0] < 0.5, 0.0, 1.0), 0.0, 1.0),
    "square_root": Formula(lambda x: np.sqrt(x[:, 0]), 0.0, 1.0, least=0.0),
    "reciprocal": Formula(lambda x: 1 / x[:, 0], 1.0, 2.0, pole=0.0),
    "franke": Formula(_franke, 0.0, 1.0, dimensions=2),
}


@dataclass(frozen=True)
class Stated:
    """The function of a dataset as its facts state it.

    Attributes:
        formula: the function itself.
        low, high: the range of the training points, the same for each coordinate.
    """

    formula: Formula
    low: float
    high: float

    @classmethod
    def of(cls, facts: Mapping[str, Any], asked_by: str) -> Stated:
        """Read it from the facts of a dataset. Raises HarnessError where they state no function."""
        stated = facts.get("function")
        if not isinstance(stated, Mapping) or stated.get("name") not in FORMULAS:
            raise HarnessError(f"{asked_by} needs data of a known formula: those of the dataset `function`")
        return cls(FORMULAS[stated["name"]], float(stated["low"]), float(stated["high"]))
