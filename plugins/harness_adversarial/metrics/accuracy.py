"""Robustness metrics: functions of the records of one attacked cell."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, mean, proportion

_NOTHING_ATTACKED = "no example is right without attack: there was nothing to attack"


def _bounded(records: Records) -> bool:
    threat = records.protocol.get("threat") or {}
    return threat.get("eps") is not None or threat.get("norm") is None


def _norm(records: Records) -> str | None:
    norm: str | None = (records.protocol.get("threat") or {}).get("norm")
    return norm


def _success(records: Records) -> npt.NDArray[np.float64]:
    """Whether each example was fooled, NaN where it was not attacked."""
    # A column without any value is not kept.
    return records.floats("success") if "success" in records else np.full(len(records), np.nan)


class RobustAccuracy:
    """Share of all examples that are classified correctly and not fooled within the budget; Wilson's interval.

    Examples that the model gets wrong without attack count against it.
    """

    columns = ("robust",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Undefined for an attack without budget: with enough perturbation every model is fooled."""
        if not _bounded(records):
            return Estimate.undefined("the attack has no budget; see mean_distance", n=len(records))
        complete = records.without_missing("robust")
        return proportion(int(complete["robust"].sum()), len(complete), n_missing=complete.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where robust."""
        return records.floats("robust")


class AttackSuccessRate:
    """Share of the correctly classified examples that the attack fools; Wilson's interval."""

    columns = ("robust",)
    direction = "min"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Undefined if the model classifies nothing correctly: there is nothing to attack."""
        if "success" not in records:
            return Estimate.undefined(_NOTHING_ATTACKED, n=len(records))
        attacked = records.without_missing("success")
        return proportion(int(attacked["success"].sum()), len(attacked))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where fooled; examples that were not attacked do not count."""
        return _success(records)


class MeanDistance:
    """Mean distance of the fooled examples from their clean input, in the norm of the threat; Student's t interval."""

    columns = ("robust", "linf", "l2", "l1", "l0")
    direction = "max"
    unit = ""
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Undefined if no example was fooled, or the threat has no norm."""
        norm = _norm(records)
        if norm is None:
            return Estimate.undefined("the threat has no norm", n=len(records))
        if "success" not in records:
            return Estimate.undefined(_NOTHING_ATTACKED, n=len(records))
        attacked = records.without_missing("success")
        fooled = attacked.where(attacked["success"])
        if not len(fooled):
            return Estimate.undefined("no example was fooled", n=len(attacked))
        return mean(fooled[norm], least=0.0, fixed=True)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The distance of fooled examples; the others do not count."""
        fooled = _success(records) == 1
        return np.where(fooled, records.floats(str(_norm(records))), np.nan)


class Queries:
    """Mean number of forward and backward passes spent on an attacked example, as counted by the core."""

    columns = ("robust", "forward_passes", "backward_passes")
    direction = "none"
    unit = "passes"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Examples that are wrong without attack are not attacked and do not count."""
        if "success" not in records:
            return Estimate.undefined(_NOTHING_ATTACKED, n=len(records))
        attacked = records.without_missing("success")
        return mean(attacked["forward_passes"] + attacked["backward_passes"], least=0.0, fixed=True)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The passes of attacked examples; the others do not count."""
        passes = records.floats("forward_passes") + records.floats("backward_passes")
        return np.where(np.isnan(_success(records)), np.nan, passes)
