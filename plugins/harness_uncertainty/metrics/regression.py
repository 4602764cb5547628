"""Predictive distributions and intervals of a regression model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Gt, Lt

from harness.api import Estimate, Records, mean, normal_quantile, proportion
from harness_uncertainty.metrics.sets import promised

Floats = npt.NDArray[np.float64]
_NO_INTERVAL = "the model gives neither an interval nor a deviation"


def gaussian_crps(error: Floats, deviation: Floats) -> Floats:
    """Continuous ranked probability score of N(prediction, deviation^2) (Gneiting et al. 2005, equation 5).

    Args:
        error: `[n]`, target less prediction, of either sign.
        deviation: `[n]`, positive.
    """
    from scipy.special import ndtr

    z = error / deviation
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(deviation * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


class CRPS:
    """Continuous ranked probability score of a predicted number, a proper score in the units of the target.

    Of the Gaussian with the predicted mean and deviation; of a prediction without a deviation it is the absolute error.
    """

    columns: Sequence[str] = ("error",)
    direction = "min"
    unit = ""
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        values = self.per_example(records)
        known = np.isfinite(values)
        return mean(values[known], least=0.0, n_missing=records.n_missing + int((~known).sum()))

    def per_example(self, records: Records) -> Floats:
        """The score of each example, NaN where its prediction is missing."""
        error = records.floats("error")
        if "deviation" not in records:
            return np.abs(error)
        return gaussian_crps(error, records.floats("deviation"))


class _Interval:
    """Parameters shared by the metrics of intervals.

    Args:
        level: nominal coverage of the interval made of a Gaussian deviation, if the model gives no interval of its own.
    """

    unit = ""
    limits = (0.0, math.inf)

    def __init__(self, level: Annotated[float, Gt(0), Lt(1)] = 0.9) -> None:
        self._level = level

    def _ends(self, records: Records) -> tuple[Floats, Floats, float | None] | None:
        """Ends `[n]` of the intervals and their nominal coverage."""
        if "low" in records and "high" in records:
            return records.floats("low"), records.floats("high"), promised(records, "level")
        if "deviation" not in records:
            return None
        half = normal_quantile(self._level) * records.floats("deviation")
        centre = records.floats("prediction")
        return centre - half, centre + half, self._level


class IntervalCoverage(_Interval):
    """Share of the targets within their predictive interval; its `null` is the nominal coverage."""

    columns: Sequence[str] = ("target",)
    direction = "none"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval over examples."""
        ends = self._ends(records)
        if ends is None:
            return Estimate.not_applicable(_NO_INTERVAL, n=len(records))
        values = self.per_example(records)
        known = np.isfinite(values)
        n_missing = records.n_missing + int((~known).sum())
        estimate = proportion(int(values[known].sum()), int(known.sum()), n_missing=n_missing)
        return replace(estimate, null=ends[2])

    def per_example(self, records: Records) -> Floats:
        """1 where the target lies inside, NaN where there is no interval or no target."""
        ends = self._ends(records)
        if ends is None:
            return np.full(len(records), np.nan)
        low, high, _ = ends
        target = records.floats("target")
        known = np.isfinite(low) & np.isfinite(high) & np.isfinite(target)
        return np.where(known, (target >= low) & (target <= high), np.nan)


class IntervalWidth(_Interval):
    """Mean width of the predictive intervals, in the units of the target; narrower says more, at the same coverage."""

    columns: Sequence[str] = ("target",)
    direction = "min"

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        if self._ends(records) is None:
            return Estimate.not_applicable(_NO_INTERVAL, n=len(records))
        values = self.per_example(records)
        known = np.isfinite(values)
        return mean(values[known], least=0.0, n_missing=records.n_missing + int((~known).sum()))

    def per_example(self, records: Records) -> Floats:
        """The width of each interval, NaN where there is none."""
        ends = self._ends(records)
        return np.full(len(records), np.nan) if ends is None else ends[1] - ends[0]
