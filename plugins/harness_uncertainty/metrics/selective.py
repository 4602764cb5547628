"""Selective prediction: whether errors are among the least confident answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Le

from harness.api import LEVEL, Estimate, Records, bootstrap, normal_quantile, proportion, wilson
from harness_uncertainty.metrics.confidences import ConfidenceMetric, Confidences, column_of

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

    def counts(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        """How often each answer occurs among the rows, in the order of confidence."""
        return np.bincount(rows, minlength=len(self.order))[self.order]

    def area(self, counts: npt.NDArray[np.int64]) -> float:
        """The area if each answer counts so often.

        Of m answers that tie, with e errors, after N answers with E errors, the k-th is e/m of an error on average
        over their orders. So it adds (E + k e/m) / (N + k) = e/m + (E - N e/m) / (N + k).
        """
        sizes, errors = np.add.reduceat(counts, self.starts), np.add.reduceat(counts * self.wrong, self.starts)
        ends, errors_so_far = np.cumsum(sizes), np.cumsum(errors)
        before = ends - sizes
        rates = errors / np.maximum(sizes, 1)
        excess = (errors_so_far - errors - before * rates) * (self.harmonic[ends] - self.harmonic[before])
        return float((errors + excess).sum() / ends[-1])


def _least_area(n: int, errors: int) -> float:
    """The area if all errors have less confidence than all right answers."""
    right = n - errors
    return float((np.arange(1, errors + 1) / np.arange(right + 1, n + 1)).sum() / n)


class AURC(ConfidenceMetric):
    """Area under the risk-coverage curve: the error rate when only the most confident answers are given, averaged.

    Args:
        excess: subtract what the same answers have if every error is less confident than every right answer, so that
            0 is the best there is, whatever the accuracy.
    """

    def __init__(self, excess: bool = False) -> None:
        self._excess = excess

    def _estimate(self, answers: Confidences) -> Estimate:
        """Percentile bootstrap over answers.

        Where all are right or all are wrong the bootstrap has nothing to vary. Then the end that is open is Wilson's
        for the share of errors, which is the area of a ranking at random; the excess is undefined.
        """
        n = len(answers)
        if not n:
            return Estimate.undefined("no answer has a confidence", n_missing=answers.n_missing)
        errors = int((~answers.correct).sum())
        if errors in (0, n):
            all_alike = proportion(errors, n, n_missing=answers.n_missing)
            reason = f"all {n} answers are {'wrong' if errors else 'right'}: there is nothing to rank"
            return Estimate.undefined(reason, n=n, n_missing=answers.n_missing) if self._excess else all_alike
        ranked = Ranked.of(answers.confidence, answers.correct)

        def area(rows: npt.NDArray[np.intp]) -> float:
            counts = ranked.counts(rows)
            return ranked.area(counts) - (_least_area(n, int(counts @ ranked.wrong)) if self._excess else 0.0)

        return bootstrap(area, n, n_missing=answers.n_missing)


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
