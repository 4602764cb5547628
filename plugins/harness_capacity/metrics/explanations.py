"""Means over examples of what the task `explain` measured of each map."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import Estimate, Records, mean, proportion

Baseline = Literal["zero", "mean", "blur"]


class _MapMetric:
    """The mean of one column over the examples where it is defined, with Student's t interval."""

    unit = ""
    limits: tuple[float, float] = (0.0, 1.0)

    def __init__(self, column: str) -> None:
        self._column = column

    @property
    def columns(self) -> tuple[str, ...]:
        """The record column."""
        return (self._column,)

    def estimate(self, records: Records) -> Estimate:
        """Undefined where no map has a value."""
        values = self.per_example(records)
        known = np.isfinite(values)
        least, most = (end if math.isfinite(end) else None for end in self.limits)
        return mean(values[known], least=least, most=most, n_missing=int((~known).sum()))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The value of each example, NaN where it is not defined."""
        return records.floats(self._column)


class Deletion(_MapMetric):
    """Area below the probability of the explained class while the most important positions are removed first.

    Petsiuk 2018, section 3.2. Less is better, if the order holds over baselines: see `attribution_ranking`.

    Args:
        baseline: what removed positions are replaced by.
    """

    direction = "min"

    def __init__(self, baseline: Baseline = "zero") -> None:
        super().__init__(f"deletion.{baseline}")


class Insertion(_MapMetric):
    """Area below the probability of the explained class while the most important positions are put back first.

    Petsiuk 2018, section 3.2. More is better, if the order holds over baselines: see `attribution_ranking`.

    Args:
        baseline: what the image is before.
    """

    direction = "max"

    def __init__(self, baseline: Baseline = "zero") -> None:
        super().__init__(f"insertion.{baseline}")


class Infidelity(_MapMetric):
    """Mean squared difference of what the map says of a part of the input and how much the logit falls without it.

    Yeh 2019, definition 2.1, with squares of the image set to 0.

    Args:
        scaled: as a share of the mean squared fall, after the map is multiplied by the best factor: 0 if it says all of
            it, 1 if it says nothing. Without, in squared units of the logit, and only for maps that have such units.
    """

    direction = "min"

    def __init__(self, scaled: bool = True) -> None:
        super().__init__("unexplained" if scaled else "infidelity")
        self.limits = (0.0, 1.0 if scaled else math.inf)


class MaxSensitivity(_MapMetric):
    """Largest relative change of the map among inputs nearby (Yeh 2019, definition 3.1).

    Small is no merit by itself: a map that does not depend on the input never changes.
    """

    direction = "min"
    limits = (0.0, math.inf)

    def __init__(self) -> None:
        super().__init__("sensitivity")


class RandomisedSimilarity(_MapMetric):
    """Rank correlation of a map with that of the model with random weights: near 0 if it depends on what was learnt.

    Adebayo 2018, section 3.

    Args:
        top: how many layers from the top are random, which needs the task's `randomised: cascade`; all by default.
    """

    direction = "min"
    limits = (-1.0, 1.0)

    def __init__(self, top: Annotated[int, Ge(1)] | None = None) -> None:
        super().__init__("similarity.all" if top is None else f"similarity.top {top}")


class Pointing(_MapMetric):
    """Share of examples whose largest value lies in the known cause (Zhang 2018, pointing game).

    `null` is what a random map gives.
    """

    direction = "max"
    unit = "fraction"

    def __init__(self) -> None:
        super().__init__("pointing")

    @property
    def columns(self) -> tuple[str, ...]:
        """Whether the map points at the cause, and how large that is."""
        return ("pointing", "cause_share")

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval; several largest values share the credit."""
        hits = proportion(float(records.floats("pointing").sum()), len(records))
        return replace(hits, null=float(records.floats("cause_share").mean()))
