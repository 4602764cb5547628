"""Accuracy on clean examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, proportion


class Accuracy:
    """Share of examples given their true class, without attack; Wilson's interval."""

    columns = ("correct",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        complete = records.without_missing("correct")
        return proportion(int(complete["correct"].sum()), len(complete), n_missing=complete.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where correct."""
        return records.floats("correct")
