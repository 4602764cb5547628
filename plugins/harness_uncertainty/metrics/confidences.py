"""The confidence of each answer, and whether it was right, from the records of any task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, InvalidOutput, Records

_NAMES = ("confidence", "clean_confidence")
NO_CONFIDENCE = "the records hold no confidence"


@dataclass(frozen=True)
class Confidences:
    """Answers that have a confidence and are known to be right or wrong.

    Attributes:
        confidence: `[n]`, probabilities of being right, float64.
        correct: `[n]`, whether it was.
        n_missing: answers that lack either.
    """

    confidence: npt.NDArray[np.float64]
    correct: npt.NDArray[np.bool_]
    n_missing: int

    def __len__(self) -> int:
        return len(self.confidence)


def column_of(records: Records) -> str | None:
    """The column that holds the confidence: `confidence` of answers, `clean_confidence` of classifications."""
    return next((name for name in _NAMES if name in records), None)


def confidences(records: Records) -> Confidences | None:
    """The confidence of each answer, and whether it was right; None if the records hold no confidence.

    Raises:
        InvalidOutput: a confidence is no probability.
    """
    name = column_of(records)
    if name is None:
        return None
    complete = records.without_missing(name, "correct")
    confidence = complete.floats(name)
    outside = ~((confidence >= 0) & (confidence <= 1))
    if outside.any():
        worst = confidence[outside][0]
        raise InvalidOutput(f"{name} {worst:g} is no probability; logits must be turned into probabilities first")
    return Confidences(confidence, complete["correct"].astype(bool), complete.n_missing)


class ConfidenceMetric(ABC):
    """A metric of the confidence in answers; it does not apply to records without any."""

    columns: Sequence[str] = ("correct",)
    direction: Literal["max", "min", "none"] = "min"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        found = confidences(records)
        return Estimate.not_applicable(NO_CONFIDENCE, n=len(records)) if found is None else self._estimate(found)

    @abstractmethod
    def _estimate(self, found: Confidences) -> Estimate:
        """The estimate of the answers that have a confidence, perhaps none."""
