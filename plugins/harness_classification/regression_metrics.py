"""Errors of point predictions of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, bootstrap, mean

Floats = npt.NDArray[np.float64]


class MAE:
    """Mean absolute error, in the units of the target, with Student's t interval."""

    columns = ("error",)
    direction = "min"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        complete = records.without_missing("error")
        return mean(np.abs(complete.floats("error")), least=0.0, n_missing=complete.n_missing)

    def per_example(self, records: Records) -> Floats:
        """The absolute error."""
        return np.abs(records.floats("error"))


class RMSE:
    """Root of the mean squared error, in the units of the target."""

    columns = ("error",)
    direction = "min"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        """Student's t interval of the mean square, on the logarithmic scale, since squares are skewed."""
        complete = records.without_missing("error")
        squared = mean(complete.floats("error") ** 2, n_missing=complete.n_missing)
        if squared.value is None:
            return squared
        value, low, high = float(np.sqrt(squared.value)), None, None
        if squared.high is not None:
            relative = (squared.high - squared.value) / squared.value if squared.value else 0.0
            low, high = value * float(np.exp(-relative / 2)), value * float(np.exp(relative / 2))
        return Estimate(value, low, high, squared.level, "student-t, log", squared.n, squared.n_missing)

    def sums(self, records: Records) -> tuple[Floats, Floats]:
        """Squared errors, and 1 for every example."""
        squared = records.floats("error") ** 2
        return squared, np.where(np.isfinite(squared), 1.0, np.nan)


class R2:
    """Share of the variance of the targets that the predictions explain; negative where their mean would do better."""

    columns = ("target", "error")
    direction = "max"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        """Percentile bootstrap over examples."""
        complete = records.without_missing("target", "error")
        target, error = complete.floats("target"), complete.floats("error")
        if not len(complete):
            return Estimate.undefined("no examples with a prediction", n_missing=complete.n_missing)
        if target.min() == target.max():
            reason = f"all targets are {target[0]:.4g}; there is no variance to explain"
            return Estimate.undefined(reason, n=len(complete), n_missing=complete.n_missing)

        def explained(rows: npt.NDArray[np.intp]) -> float:
            around = float(((target[rows] - target[rows].mean()) ** 2).sum())
            # In a draw of equal targets, which only a handful of examples gives, there is nothing to explain.
            return 1 - float((error[rows] ** 2).sum()) / around if around else 0.0

        return bootstrap(explained, len(complete), n_missing=complete.n_missing)
