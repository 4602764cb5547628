"""Selective prediction: whether errors are among the least confident answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Le

from harness.api import (
    LEVEL,
    Estimate,
    Records,
    effective_number,
    normal_quantile,
    proportion,
    student_quantile,
    wilson,
)
from harness_uncertainty.metrics.confidences import ConfidenceMetric, Confidences, column_of

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_Z = normal_quantile(LEVEL)
_EDGE_AT_LEAST = 10


@dataclass(frozen=True)
class Ranked:
    """Answers from the most to the least confident.

    Attributes:
        order: `[n]`, their rows.
        starts: where in that order a new confidence begins.
        wrong: `[n]`, 1 for an error, in that order.
        harmonic: `[n + 1]`, the sums 1 + 1/2 + ... + 1/k.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    wrong: npt.NDArray[np.int64]
    harmonic: npt.NDArray[np.float64]

    @classmethod
    def of(cls, confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> Ranked:
        """Confidences and whether each answer is right, `[n]` both."""
        order = np.argsort(-confidence, kind="stable")
        ranked = confidence[order]
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(order) + 1, dtype=np.float64))])
        return cls(order, starts, (~correct[order]).astype(np.int64), harmonic)

    def area(self) -> float:
        """The mean over k of the share of errors among the k most confident answers; ties are averaged over orders."""
        sizes, errors, before, errors_before = self._ties()
        return float(self._sums(sizes, errors, before, errors_before).sum() / len(self.order))

    def areas_without_one(self) -> Floats:
        """The area without each of the answers, `[n]` in the order of confidence; there must be two or more.

        Without an answer its own tie is shorter, and every later one begins an answer, and perhaps an error, earlier.
        """
        sizes, errors, before, errors_before = self._ties()
        of_row = np.repeat(np.arange(len(sizes)), sizes)
        whole = self._sums(sizes, errors, before, errors_before)
        surer = (np.cumsum(whole) - whole)[of_row]
        own = self._sums(sizes[of_row] - 1, errors[of_row] - self.wrong, before[of_row], errors_before[of_row])
        earlier = np.maximum(before - 1, 0)
        after_right = _sum_of_later(self._sums(sizes, errors, earlier, errors_before))[of_row]
        per_error = _sum_of_later(self.harmonic[earlier + sizes] - self.harmonic[earlier])[of_row]
        return np.asarray((surer + own + after_right - self.wrong * per_error) / (len(self.order) - 1))

    def _ties(self) -> tuple[Counts, Counts, Counts, Counts]:
        """Of each confidence: how many answers and errors it has, and how many of both are more confident."""
        sizes = np.diff(np.append(self.starts, len(self.order)))
        errors = np.add.reduceat(self.wrong, self.starts)
        return sizes, errors, np.cumsum(sizes) - sizes, np.cumsum(errors) - errors

    def _sums(self, sizes: Counts, errors: Counts, before: Counts, errors_before: Counts) -> Floats:
        """The sums of the shares of errors at the answers of each tie.

        Of m answers that tie, with e errors, after N answers with E errors, the k-th is e/m of an error on average
        over their orders. So it adds (E + k e/m) / (N + k) = e/m + (E - N e/m) / (N + k).
        """
        rates = errors / np.maximum(sizes, 1)
        return np.asarray(
            errors + (errors_before - before * rates) * (self.harmonic[before + sizes] - self.harmonic[before])
        )

    def least_area(self) -> float:
        """The area if all errors have less confidence than all right answers: the mean over k of (k - right) / k."""
        return self._least(len(self.order), int(self.wrong.sum()))

    def least_areas_without_one(self) -> Floats:
        """That area without each of the answers, `[n]` in the order of confidence."""
        n, errors = len(self.order) - 1, int(self.wrong.sum())
        of_right, of_wrong = self._least(n, errors), self._least(n, errors - 1)
        return np.where(self.wrong == 1, of_wrong, of_right)

    def _least(self, n: int, errors: int) -> float:
        right = n - errors
        return float(errors - right * (self.harmonic[n] - self.harmonic[right])) / n


def _sum_of_later(values: Floats) -> Floats:
    """For each value the sum of those after it."""
    return np.asarray(np.cumsum(values[::-1])[::-1] - values)


class AURC(ConfidenceMetric):
    """Area under the risk-coverage curve: the error rate when only the most confident answers are given, averaged.

    Args:
        excess: subtract what the same answers have if every error is less confident than every right answer, so that
            0 is the best there is, whatever the accuracy.
    """

    def __init__(self, excess: bool = False) -> None:
        self._excess = excess

    def _estimate(self, answers: Confidences) -> Estimate:
        """The jackknife over answers, with Wilson's interval of as many answers as leave that variance.

        Errors are often few and unequal: the variance has one average error more, and the quantile is Student's with
        their effective number, for the area itself with one more. With a hundred answers or fewer the interval is
        mostly conservative, but short of 95 % where confident errors that have not occurred would change it most, as
        with 15 errors and an excess. Where all answers are right or all are wrong nothing varies. Then the end that is
        open is Wilson's for the share of errors, which is the area of a ranking at random; the excess is undefined.
        """
        n, errors = len(answers), int((~answers.correct).sum())
        if not n:
            return Estimate.undefined("no answer has a confidence", n_missing=answers.n_missing)
        if errors in (0, n):
            all_alike = proportion(errors, n, n_missing=answers.n_missing)
            reason = f"all {n} answers are {'wrong' if errors else 'right'}: there is nothing to rank"
            return Estimate.undefined(reason, n=n, n_missing=answers.n_missing) if self._excess else all_alike
        ranked = Ranked.of(answers.confidence, answers.correct)
        area, without_one = ranked.area(), ranked.areas_without_one()
        of_one_error = area / errors
        if self._excess:
            area, without_one = area - ranked.least_area(), without_one - ranked.least_areas_without_one()
        variance = (n - 1) * float(without_one.var()) + of_one_error**2
        # The least excess there is would leave no variance to be scaled.
        scale = max(0.0, area) + of_one_error if self._excess else area
        effective = scale * (1 - area) / variance
        influences = np.abs(area - without_one[ranked.wrong == 1])
        freedom = max(1.0, effective_number(influences)) + (0 if self._excess else 1)
        quantile = student_quantile(freedom)
        low, high = wilson(max(0.0, area), effective, quantile)
        return Estimate(area, min(float(low), area), float(high), LEVEL, "jackknife", n, answers.n_missing)


class ConfidentErrors(ConfidenceMetric):
    """Share of errors among the answers that a model is sure of.

    Args:
        threshold: the least confidence that counts as sure.
    """

    def __init__(self, threshold: Annotated[float, Ge(0), Le(1)] = 0.9) -> None:
        self._threshold = threshold

    def _estimate(self, answers: Confidences) -> Estimate:
        """Wilson's interval over the answers that the model is sure of."""
        sure = answers.confidence >= self._threshold
        if not sure.any():
            reason = f"none of {len(answers)} answers has a confidence of {self._threshold:g} or more"
            return Estimate.undefined(reason, n_missing=answers.n_missing)
        return proportion(int((~answers.correct[sure]).sum()), int(sure.sum()), n_missing=answers.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 for an error, 0 for a right answer, NaN where the confidence is lower."""
        name = column_of(records)
        if name is None:
            return np.full(len(records), np.nan)
        confidence = records.floats(name)
        return np.where(confidence >= self._threshold, 1 - records.floats("correct"), np.nan)


class ExcessAURC(AURC):
    """Area under the risk-coverage curve beyond the best possible at this accuracy.

    `aurc` less what the same answers have if every error is less confident than every right answer.

    0 is the best there is, whatever the accuracy (Geifman et al. 2019, E-AURC).
    """

    def __init__(self) -> None:
        super().__init__(excess=True)


class AccuracyAtCoverage(ConfidenceMetric):
    """Accuracy of the most confident share of the answers; of answers that tie at the edge, the average one is taken.

    Args:
        coverage: the share of the answers that are given.
    """

    direction = "max"

    def __init__(self, coverage: Annotated[float, Gt(0), Le(1)] = 0.8) -> None:
        self._coverage = coverage

    def _estimate(self, answers: Confidences) -> Estimate:
        """Wilson's interval, with as many answers as the variance leaves.

        The edge is an estimate too: the variance of the accuracy A grows by (1 - coverage) / coverage (A - a)^2 / n, a
        being the accuracy of the answers near the edge.
        """
        n = len(answers)
        given = math.ceil(self._coverage * n - 1e-9)
        if not given:
            return Estimate.undefined("no answer has a confidence", n_missing=answers.n_missing)
        edge = np.sort(answers.confidence)[n - given]
        surer, tied = answers.confidence > edge, answers.confidence == edge
        share = given - int(surer.sum())
        right = float(answers.correct[surer].sum() + share * answers.correct[tied].mean())
        accuracy = right / given
        order = np.argsort(-answers.confidence, kind="stable")
        width = max(_EDGE_AT_LEAST, n // 20)
        near = answers.correct[order[max(0, given - width) : given + width]].mean()
        variance = accuracy * (1 - accuracy) / given
        more = (1 - given / n) * (accuracy - near) ** 2 / given
        effective = given * variance / (variance + more) if variance > 0 else float(given)
        low, high = map(float, wilson(accuracy, effective, _Z))
        return Estimate(accuracy, low, high, LEVEL, "wilson, effective n", given, answers.n_missing)
