"""Gaps of mean values between groups: errors of a regression, and overconfidence."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Context, Estimate, InvalidOutput, Partition, Records, mean, permuted_gap
from harness_fairness.metrics.confusion_counts import is_positive
from harness_fairness.metrics.intervals import gap_of_means, stretch_of_means

Floats = npt.NDArray[np.float64]
Measure = Literal["absolute", "squared", "signed"]


def gap_estimate(
    values: Floats, partition: Partition, least: int, rng: np.random.Generator, known_variance: Floats | None = None
) -> Estimate:
    """The largest mean of a group less the smallest.

    Args:
        values: `[n]`, NaN where one is missing.
        partition: the groups.
        least: groups with fewer values are left out.
        rng: draws the permutations.
        known_variance: `[n]`, the least that is known of the variance of each value: equal values of a handful do not
            show that there is none.
    """
    if partition.alone:
        return Estimate.not_applicable(partition.alone, n=len(values))
    known = np.isfinite(values)
    sizes = np.bincount(partition.of_row[known], minlength=len(partition.members))
    compared = np.flatnonzero(sizes >= max(2, least))
    left_out = [f"{partition.members[i]} ({sizes[i]})" for i in np.flatnonzero(sizes < max(2, least))]
    n_missing = int((~known).sum())
    if len(compared) < 2:
        few = f"{len(compared)} groups have {max(2, least)} examples that count"
        return Estimate.undefined(f"{few}; a gap needs 2", n=int(known.sum()), n_missing=n_missing)
    inside = known & np.isin(partition.of_row, compared)
    counted, group = values[inside], np.searchsorted(compared, partition.of_row[inside])
    means, variances = moments(counted, group, len(compared))
    floor = None if known_variance is None else known_variance[inside]
    if floor is not None:
        variances = np.maximum(variances, np.bincount(group, floor) / sizes[compared])
    test = permuted_gap(counted, np.ones(len(counted)), group, len(compared), rng)
    stretch = stretch_of_means(counted, sizes[compared], rng, floor=floor)
    low, high = gap_of_means(means, variances, sizes[compared], stretch=stretch)
    reason = f"left out, too few: {', '.join(left_out)}" if left_out else ""
    value = float(means.max() - means.min())
    return Estimate(
        value, low, high, LEVEL, "simultaneous welch", len(counted), n_missing, reason, null=test.null, p=test.p
    )


def moments(values: Floats, group: npt.NDArray[np.intp], groups: int) -> tuple[Floats, Floats]:
    """Mean and variance (n - 1) of each group, `[groups]`."""
    n = np.bincount(group, minlength=groups)
    means = np.bincount(group, values, minlength=groups) / n
    squares = np.bincount(group, (values - means[group]) ** 2, minlength=groups)
    return means, squares / np.maximum(1, n - 1)


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
        rng = Context().rng("regression error gap", self.group, self.measure)
        return gap_estimate(_errors(records, self.measure), Partition.of(records, self.group), self.least, rng)


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
        rng = Context().rng("calibration gap", self.group)
        # If the groups are calibrated, an outcome varies as its probability says, whatever a handful of them shows.
        return gap_estimate(excess, Partition.of(records, self.group), self.least, rng, probability * (1 - probability))

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
