"""Scores of tasks of lm-evaluation-harness, with intervals over documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, mean, proportion


class LMEvalScore:
    """Mean of a score of a task of lm-evaluation-harness, such as its `acc` or `acc_norm`.

    Args:
        score: its name, with the filter where it is not the task's first: "exact_match,flexible-extract".
    """

    columns: Sequence[str] = ("score.",)
    direction = "max"
    unit = ""

    def __init__(self, score: str = "acc") -> None:
        self._column = f"score.{score}"
        self.columns = (self._column,)

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval where each document is right or wrong; else Student's t."""
        values = self.per_example(records)
        counted = values[~np.isnan(values)]
        if np.isin(counted, (0.0, 1.0)).all():
            return proportion(int(counted.sum()), len(counted), n_missing=len(values) - len(counted))
        return mean(counted, n_missing=len(values) - len(counted))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The score of each document."""
        return records.floats(self._column)
