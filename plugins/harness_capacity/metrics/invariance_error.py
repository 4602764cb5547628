"""How much the probability of the true class changes under a transformation that should change nothing."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, mean


class InvarianceError:
    """Mean absolute change of the log-probability of the true class under an attack, in nats; 0 if it is invariant.

    Over the examples that were attacked, those that are right without attack. Accuracy does not see a change that
    leaves the class as it is; this does.
    """

    columns = ("success", "clean_loss", "adversarial_loss")
    direction = "min"
    unit = "nats"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        attacked = records.where(np.isfinite(records.floats("success")))
        values = self.per_example(attacked)
        known = np.isfinite(values)
        return mean(values[known], least=0.0, n_missing=int((~known).sum()))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The change for each example, NaN where it was not attacked."""
        return np.abs(records.floats("adversarial_loss") - records.floats("clean_loss"))
