"""The largest error on a grid: the distance between two functions in the sup norm, as far as the grid shows it."""

from __future__ import annotations

import math

import numpy as np

from harness.api import LEVEL, Estimate, Records


class SupError:
    """Largest absolute error over all examples, in the units of the target: the sup norm of theorems of approximation.

    It has no interval, since a maximum over a grid is no mean of a sample. It is a lower bound of the norm, and holds
    between the points of the grid as far as model and function are smooth there.
    """

    columns = ("error",)
    direction = "min"
    unit = ""
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """The maximum; undefined where a prediction is missing, since that may be the worst."""
        complete = records.without_missing("error")
        if complete.n_missing or not len(complete):
            reason = f"{complete.n_missing} of {len(records)} predictions are missing, and may be the worst"
            return Estimate.undefined(reason, n=len(complete), n_missing=complete.n_missing)
        largest = float(np.abs(complete.floats("error")).max())
        return Estimate(largest, None, None, LEVEL, "maximum over the grid", len(complete))
