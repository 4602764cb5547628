"""Prediction sets: how often they hold the true class, and how large they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, Records, mean, proportion


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


class CoverageRange:
    """The coverage that split conformal sets come to by the draw of their calibration examples, n of them.

    Over calibration sets, the share of new exchangeable examples that are covered has the distribution
    Beta(k, n + 1 - k), k being (n + 1) * nominal coverage rounded up (Vovk 2012, proposition 2b; Angelopoulos & Bates
    2023, section 3.2; where scores tie it is larger). A measured coverage whose interval lies outside this one says
    that the examples are not like those for calibration; one inside says nothing against them.
    """

    columns: Sequence[str] = ("nominal_coverage", "calibration_size")
    direction = "none"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """The mean of the Beta distribution, and its central 95 %."""
        # In the function: importing SciPy takes a third of a second.
        from scipy.special import betaincinv

        nominal, size = promised(records, "nominal_coverage"), promised(records, "calibration_size")
        if nominal is None or size is None or not math.isfinite(size):
            return Estimate.undefined("the records do not say how many examples calibrated", n=len(records))
        n = int(size)
        k = math.ceil((n + 1) * nominal - 1e-9)
        low, high = (float(betaincinv(k, n + 1 - k, tail)) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return Estimate(k / (n + 1), low, high, LEVEL, "beta of the calibration set", n)


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
    """The value of a column that holds one, such as the nominal coverage, if it is the same for all records."""
    if column not in records or not len(records):
        return None
    levels = set(records.floats(column).tolist())
    return levels.pop() if len(levels) == 1 else None
