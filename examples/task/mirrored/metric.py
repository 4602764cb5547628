"""What is made of the records of the task."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from harness.api import Estimate, Records, proportion


class Unchanged:
    """Share of the images whose mirror image is given the same class."""

    columns = ("same",)
    direction = "none"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """The share with its interval (Wilson)."""
        return proportion(int(records["same"].sum()), len(records))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 for the same class, 0 for another."""
        return records.floats("same")
