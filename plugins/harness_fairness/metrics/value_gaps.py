"""Gaps of mean values between groups: errors of a regression, and overconfidence."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import Estimate, InvalidOutput, Partition, Records, gap_estimate, mean
from harness_fairness.metrics.confusion_counts import is_positive

Floats = npt.NDArray[np.float64]
Measure = Literal["absolute", "squared", "signed"]


def gap_of_values(
    values: Floats, partition: Partition, least: int, floor: Floats | None = None, most: float = math.inf
) -> Estimate:
    """The largest mean of a group less the smallest.

    Args:
        values: `[n]`, NaN where one is missing.
        partition: the groups.
        least: groups with fewer values are left out.
        floor: `[n]`, the least that is known of the variance of each value: equal values of a handful do not show that
            there is none.
        most: the largest gap there can be.
    """
    if partition.alone:
        return Estimate.not_applicable(partition.alone, n=len(values))
    ones, n_missing = np.ones(len(values)), int((~np.isfinite(values)).sum())
    return gap_estimate(values, ones, partition, least=least, floor=floor, most=most, n_missing=n_missing)


def _errors(records: Records, measure: Measure) -> Floats:
    error = records.floats("error")
    return {"absolute": np.abs(error), "squared": error**2, "signed": error}[measure]


class RegressionError:
    """The mean absolute, squared or signed error of a regression, with Student's interval; by group with `groups:`.

    Args:
        measure: absolute (in the units of the targets), squared, or signed (prediction less target).
    """

    columns = ("error",)
    direction = "min"
    unit = ""

    def __init__(self, measure: Measure = "absolute") -> None:
        self.measure: Measure = measure

    def estimate(self, records: Records) -> Estimate:
        complete = records.without_missing("error")
        least = None if self.measure == "signed" else 0.0
        return mean(_errors(complete, self.measure), least=least, n_missing=complete.n_missing)

    def per_example(self, records: Records) -> Floats:
        """The error, its size or its square."""
        return _errors(records, self.measure)


class RegressionErrorGap:
    """The largest mean error of a group less the smallest, with its permutation p-value and its mean without any gap.

    Args:
        group: a group column, or several joined by `*`.
        measure: absolute, squared, or signed, which shows groups whose targets are over- or underestimated.
        least: groups with fewer examples are left out and listed.
    """

    columns = ("error",)
    direction = "min"
    unit = ""

    def __init__(self, group: str, measure: Measure = "absolute", least: Annotated[int, Ge(2)] = 2) -> None:
        self.group, self.measure, self.least = group, measure, least

    def estimate(self, records: Records) -> Estimate:
        return gap_of_values(_errors(records, self.measure), Partition.of(records, self.group), self.least)


class CalibrationGap:
    """The gap between groups in overconfidence: mean confidence less accuracy, or mean score less label.

    A model may be calibrated over all and overconfident on one group. The excess is a mean, so unlike the expected
    calibration error it is not biased upwards in small groups. Scores must be probabilities of the positive class.

    Args:
        group: a group column, or several joined by `*`.
        positive: the positive class, for scores.
        least: groups with fewer examples are left out and listed.
    """

    columns = ()
    direction = "min"
    unit = "fraction"

    def __init__(self, group: str, positive: int | str = 1, least: Annotated[int, Ge(2)] = 2) -> None:
        self.group, self.positive, self.least = group, positive, least

    def estimate(self, records: Records) -> Estimate:
        excess_and_probability = self._excess(records)
        if excess_and_probability is None:
            return Estimate.not_applicable("the records have no confidence, and no scores with labels", n=len(records))
        excess, probability = excess_and_probability
        # If the groups are calibrated, an outcome varies as its probability says, whatever a handful of them shows.
        known_variance = probability * (1 - probability)
        return gap_of_values(excess, Partition.of(records, self.group), self.least, known_variance, most=2.0)

    def _excess(self, records: Records) -> tuple[Floats, Floats] | None:
        """Probability less outcome, and the probability."""
        if "clean_confidence" in records and "correct" in records:
            confidence = records.floats("clean_confidence")
            return confidence - records.floats("correct"), confidence
        if "score" not in records or "label" not in records:
            return None
        score = records.floats("score")
        outside = np.isfinite(score) & ((score < 0) | (score > 1))
        if outside.any():
            first = float(score[outside][0])
            raise InvalidOutput(
                f"{int(outside.sum())} scores are no probabilities, first {first:g}; calibrate them first"
            )
        truth, known = is_positive(records, "label", self.positive)
        excess: Floats = score - np.where(known, truth, np.nan)
        return excess, score
