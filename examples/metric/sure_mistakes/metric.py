"""Mistakes among the answers that a model was sure of."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le
from harness.api import Estimate, Records, proportion


class SureMistakes:
    """Share of wrong answers among those that the model was sure of.

    Args:
        confidence: from which on a model counts as sure.
    """

    columns = ("correct", "clean_confidence")
    direction = "min"
    unit = "fraction"

    def __init__(self, confidence: Annotated[float, Ge(0), Le(1)] = 0.9) -> None:
        self._confidence = confidence

    def estimate(self, records: Records) -> Estimate:
        """The share with its interval (Wilson); undefined where the model was never sure."""
        mistakes = self.per_example(records)
        sure = mistakes[~np.isnan(mistakes)]
        return proportion(int(sure.sum()), len(sure))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 for a mistake, 0 for a right answer, NaN for what does not count; two runs are compared by these."""
        wrong = 1.0 - records.floats("correct")
        return np.where(records.floats("clean_confidence") >= self._confidence, wrong, np.nan)
