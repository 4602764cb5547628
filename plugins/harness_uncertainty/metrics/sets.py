"""Prediction sets: how often they hold the true class, and how large they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, mean, proportion


class ConformalCoverage:
    """Share of the examples whose set holds the true class; its `null` is the nominal coverage.

    The promise is marginal: by group (`groups:` of a suite) it may be broken in some and overfulfilled in others.
    """

    columns: Sequence[str] = ("covered",)
    direction = "none"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval over examples, given the calibration set."""
        complete = records.without_missing("covered")
        estimate = proportion(int(complete["covered"].sum()), len(complete), n_missing=complete.n_missing)
        return replace(estimate, null=promised(complete, "nominal_coverage"))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where covered."""
        return records.floats("covered")


class SetSize:
    """Mean number of classes in a prediction set; smaller ones say more, at the same coverage."""

    columns: Sequence[str] = ("set_size",)
    direction = "min"
    unit = ""
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        complete = records.without_missing("set_size")
        return mean(complete.floats("set_size"), least=0.0, n_missing=complete.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The size of each set."""
        return records.floats("set_size")


def promised(records: Records, column: str) -> float | None:
    """The nominal coverage, if it is the same for all records."""
    if column not in records:
        return None
    levels = set(records.floats(column).tolist())
    return levels.pop() if len(levels) == 1 else None
