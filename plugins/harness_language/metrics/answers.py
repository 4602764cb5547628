"""Metrics of answers: how many are right, how many say nothing that can be read, how likely and how fast they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, proportion


class ExactMatch:
    """Share of answers whose value is one of the accepted ones; an answer without a value is wrong.

    Prompts to which nothing is right do not count.
    """

    columns: Sequence[str] = ("correct",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval over prompts."""
        known = records.without_missing("correct")
        return proportion(int(known["correct"].sum()), len(known), n_missing=known.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 if the answer is right, 0 if not."""
        return records.floats("correct")
