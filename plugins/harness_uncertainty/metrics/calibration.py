"""Calibration: whether a confidence of 0.8 means that 8 of 10 answers are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Estimate, Records, drawn_out, mean
from harness_uncertainty.metrics.binned_gaps import DRAWS, BinnedGaps
from harness_uncertainty.metrics.confidences import ConfidenceMetric, Confidences, column_of
from harness_uncertainty.metrics.probabilities import NO_PROBABILITIES, ClassProbabilities, class_probabilities

Binning = Literal["equal_width", "equal_mass"]
_CHUNK = 4_000_000
_MANY_RECORDS = 20_000
"""From so many answers on, the null draws the hits of a bin from their normal limit."""
_CLASSWISE_DRAWS = 200
_ROWS = 4000


def bins_of(confidence: npt.NDArray[np.float64], bins: int, binning: Binning) -> npt.NDArray[np.int64]:
    """The bin `[n]` of each confidence, from 0 to bins - 1. Equal confidences share one, so the order never matters.

    Bins of equal width are closed below and open above, but for the last one, which holds 1.0 too.
    """
    if binning == "equal_width":
        return np.minimum((confidence * bins).astype(np.int64), bins - 1)
    _, of_row, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    # A tie goes where its middle lies.
    middle = (before + counts / 2) / max(1, len(confidence))
    return np.minimum((middle * bins).astype(np.int64), bins - 1)[of_row].astype(np.int64)


class _Binned(ConfidenceMetric):
    """Parameters that the calibration error shares with its null.

    Args:
        bins: the number of bins.
        binning: bins of equal width in confidence, or of equally many answers each.
    """

    def __init__(self, bins: Annotated[int, Ge(1)] = 15, binning: Binning = "equal_width") -> None:
        self._bins, self._binning = bins, binning

    def _bins_of(self, answers: Confidences) -> npt.NDArray[np.int64]:
        return bins_of(answers.confidence, self._bins, self._binning)


class ECE(_Binned):
    """Expected calibration error (Guo et al. 2017): the gap between accuracy and mean confidence, averaged over bins.

    It is never 0, even for perfect calibration: its `null` says what that would show on average, `ece_null` within what
    limits. Rank models by `brier` or `nll`.
    """

    def _estimate(self, answers: Confidences) -> Estimate:
        """All binned errors that would not have been surprised by what is seen.

        The bootstrap covers this statistic badly, since noise makes every gap larger. So gaps are assumed, and those
        are kept under which the observed error lies between the 2.5 % and 97.5 % quantiles: the observed gaps, moved to
        the ends of score intervals of every level, fractions of the clear ones alone (few bins are off), and multiples
        of a line through all (all are off a little). With a single bin this is Wilson's interval of the accuracy, seen
        from the confidence. An error smaller than calibrated models usually show says no more than one that they show
        in 16 of 100 cases (power-constrained limits, Cowan et al. 2011, arXiv:1105.3166). The estimate itself belongs
        to the interval, which is conservative where the model is calibrated or nearly so.
        """
        n = len(answers)
        if not n:
            return Estimate.undefined("no answer has a confidence", n_missing=answers.n_missing)
        of_row = self._bins_of(answers)
        gaps = BinnedGaps.of(answers.correct.astype(np.float64), answers.confidence, of_row)
        low, high = gaps.interval()
        null = float(_calibrated_errors(answers.confidence, of_row, self._bins).mean())
        return Estimate(gaps.total, low, high, LEVEL, "test inversion", n, answers.n_missing, null=null)


class ClasswiseECE:
    """Calibration error of every class's probability, averaged over classes (Kull et al. 2019, classwise ECE).

    The error of the top class alone (`ece`) does not see wrong probabilities of the others.

    Args:
        bins: the number of bins for each class.
        binning: bins of equal width in probability, or of equally many examples each.
    """

    columns: Sequence[str] = ("label",)
    direction = "min"
    unit = "fraction"

    def __init__(self, bins: Annotated[int, Ge(1)] = 15, binning: Binning = "equal_width") -> None:
        self._bins, self._binning = bins, binning

    def estimate(self, records: Records) -> Estimate:
        """An interval as that of `ece`, over the bins of all classes; the null draws labels from the probabilities."""
        examples = class_probabilities(records)
        if examples is None:
            return Estimate.not_applicable(NO_PROBABILITIES, n=len(records))
        n = len(examples)
        if not n:
            return Estimate.undefined("no example has class probabilities", n_missing=examples.n_missing)
        classes = examples.probabilities.shape[1]
        of_row = np.stack([bins_of(examples.probabilities[:, k], self._bins, self._binning) for k in range(classes)], 1)
        of_row += np.arange(classes) * self._bins
        gaps = BinnedGaps.of(examples.one_hot.ravel(), examples.probabilities.ravel(), of_row.ravel())
        low, high = gaps.interval(self._noise(examples, of_row))
        null = self._null(examples, of_row)
        return Estimate(gaps.total, low, high, LEVEL, "test inversion", n, examples.n_missing, null=null)

    def _noise(self, examples: ClassProbabilities, of_row: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Draws `[draws, bins]` of what the gaps of the bins in use may be off by, in standard errors.

        Bins of different classes share their examples, so examples are given random weights and not bins.
        """
        from scipy.sparse import csr_array

        n, classes = examples.probabilities.shape
        bins = classes * self._bins
        counts = np.bincount(of_row.ravel(), minlength=bins)
        excess = examples.one_hot - examples.probabilities
        # The expected excess of an example of a bin is the bin's gap, and no noise.
        excess -= (np.bincount(of_row.ravel(), excess.ravel(), bins) / np.maximum(counts, 1))[of_row]
        rng = np.random.default_rng(0)
        noise = np.zeros((DRAWS, bins))
        for start in range(0, n, _ROWS):
            rows = slice(start, min(n, start + _ROWS))
            starts = np.arange(rows.stop - start + 1) * classes
            summed = csr_array(
                (excess[rows].ravel(), of_row[rows].ravel(), starts), shape=(len(starts) - 1, len(counts))
            )
            noise += (summed.T @ rng.standard_normal((len(starts) - 1, DRAWS))).T
        noise = noise[:, counts > 0]
        spread = noise.std(axis=0)
        return np.asarray(noise / np.where(spread > 0, spread, 1.0))

    def _null(self, examples: ClassProbabilities, of_row: npt.NDArray[np.int64]) -> float:
        """The mean error of labels drawn from the probabilities."""
        n, classes = examples.probabilities.shape
        rng = np.random.default_rng(0)
        expected = np.bincount(of_row.ravel(), examples.probabilities.ravel(), classes * self._bins)
        below = np.cumsum(examples.probabilities, axis=1)[:, :-1]
        rows = np.arange(n)
        drawn = []
        for _ in range(_CLASSWISE_DRAWS):
            label = (rng.random((n, 1)) > below).sum(axis=1)
            hits = np.bincount(of_row[rows, label], minlength=classes * self._bins)
            drawn.append(np.abs(hits - expected).sum() / n / classes)
        return float(np.mean(drawn))


class ECENull(_Binned):
    """The calibration error that perfect calibration would show: each answer is right with its own confidence.

    Bröcker & Smith 2007; Vaicenavicius et al. 2019. An `ece` inside this interval shows no miscalibration.
    """

    direction = "none"

    def _estimate(self, answers: Confidences) -> Estimate:
        """The mean of 1000 simulations, and what 95 % of them lie between, or the mean where it lies outside."""
        n = len(answers)
        if not n:
            return Estimate.undefined("no answer has a confidence", n_missing=answers.n_missing)
        drawn = _calibrated_errors(answers.confidence, self._bins_of(answers), self._bins)
        tail = (1 - LEVEL) / 2
        low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
        # A model that is nearly sure of all its answers errs in a few simulations, and all the more in these.
        value = float(drawn.mean())
        return Estimate(value, *drawn_out(value, low, high), LEVEL, "simulation", n, answers.n_missing)


def _calibrated_errors(
    confidence: npt.NDArray[np.float64], of_row: npt.NDArray[np.int64], bins: int
) -> npt.NDArray[np.float64]:
    """Calibration errors `[draws]` of simulated answers that are right with the probability of their confidence."""
    n = len(confidence)
    rng = np.random.default_rng(0)
    if n >= _MANY_RECORDS:
        spread = np.sqrt(np.bincount(of_row, confidence * (1 - confidence), bins))
        return np.asarray(np.abs(rng.standard_normal((DRAWS, bins)) * spread).sum(axis=1) / n)
    order = np.argsort(of_row, kind="stable")
    sorted_confidence = confidence[order]
    starts = np.searchsorted(of_row[order], np.arange(bins))
    used = np.flatnonzero(np.bincount(of_row, minlength=bins))
    expected = np.bincount(of_row, confidence, bins)[used]
    drawn = []
    rows = max(1, _CHUNK // n)
    for first in range(0, DRAWS, rows):
        right = rng.random((min(rows, DRAWS - first), n)) < sorted_confidence
        hits = np.add.reduceat(right, starts[used], axis=1, dtype=np.int64)
        drawn.append(np.abs(hits - expected).sum(axis=1) / n)
    return np.concatenate(drawn)


class Brier(ConfidenceMetric):
    """Mean squared difference of the confidence in an answer and whether it is right (Brier 1950, one class)."""

    def _estimate(self, answers: Confidences) -> Estimate:
        """Student's t over answers."""
        return mean((answers.confidence - answers.correct) ** 2, least=0.0, most=1.0, n_missing=answers.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The squared difference, NaN where the confidence or the outcome is missing."""
        name = column_of(records)
        if name is None:
            return np.full(len(records), np.nan)
        return np.asarray((records.floats(name) - records.floats("correct")) ** 2)
