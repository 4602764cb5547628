"""Out-of-distribution detection: how well a score ranks other data above data like the model's own."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, InvalidOutput, Records, drawn_out, normal_quantile, student_quantile, wilson

Floats = npt.NDArray[np.float64]
Positive = Literal["out", "in"]
_Z = normal_quantile(LEVEL)
_TPR = 0.95
_DRAWS = 1000
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Scores:
    """Scores of positives `[m]` and negatives `[k]`; a high score indicates a positive."""

    positive: Floats
    negative: Floats
    n_missing: int

    @property
    def n(self) -> int:
        return len(self.positive) + len(self.negative)


class _Detection(ABC):
    """Parameters that the metrics of detection share.

    Args:
        score: which one: max_softmax, entropy, energy, or one that the model itself offers, such as mutual_information.
        positive: what is to be detected; the other choice gives another number.
    """

    direction: Literal["max", "min", "none"] = "max"
    unit = "fraction"

    def __init__(self, score: str = "max_softmax", positive: Positive = "out") -> None:
        self._score, self._positive = f"score.{score}", positive
        self.columns: Sequence[str] = ("source", self._score)

    def estimate(self, records: Records) -> Estimate:
        found = self._scores(records)
        return found if isinstance(found, Estimate) else self._estimate(found)

    @abstractmethod
    def _estimate(self, scores: Scores) -> Estimate:
        """The estimate of scores on both sides that are not all the same."""

    def _scores(self, records: Records) -> Scores | Estimate:
        """The scores, or an estimate without value that says why there are none."""
        complete = records.without_missing("source", self._score)
        source, score = np.asarray(complete["source"]), complete.floats(self._score)
        unknown = set(source.tolist()) - {"in", "out"}
        if unknown:
            raise InvalidOutput(f"the source {sorted(unknown)[0]!r} is neither 'in' nor 'out'")
        is_positive = source == self._positive
        # Scores are higher where the model is less sure.
        score = score if self._positive == "out" else -score
        scores = Scores(score[is_positive], score[~is_positive], complete.n_missing)
        for name, values in (("out", score[source == "out"]), ("in", score[source == "in"])):
            if not len(values):
                reason = f"no example is {name} of distribution; it takes both to tell them apart"
                return Estimate.undefined(reason, n=scores.n, n_missing=scores.n_missing)
        if score.min() == score.max():
            reason = f"all {scores.n} scores are {abs(score[0]):.4g}; they rank nothing"
            return Estimate.undefined(reason, n=scores.n, n_missing=scores.n_missing)
        return scores


class OODAuroc(_Detection):
    """Area under the ROC curve: how often an example from outside has a less certain score than one from inside.

    Ties count half. It is the same whichever is called positive.

    Args:
        positive: what is to be detected.
    """

    def _estimate(self, scores: Scores) -> Estimate:
        """The variance of DeLong et al. 1988 on the logit scale; where that is 0, the interval of Newcombe 2006."""
        value, variance = auroc(scores.positive, scores.negative)
        if variance > 0 and 0 < value < 1:
            method = "DeLong, logit"
            low, high = _logit_interval(value, math.sqrt(variance))
        else:
            method = "Newcombe's method 5"
            low, high = _auroc_interval(value, len(scores.positive), len(scores.negative))
        return Estimate(value, low, high, LEVEL, method, scores.n, scores.n_missing)


class OODAupr(_Detection):
    """Area under the precision-recall curve, as average precision. Its `null` is the share of positives."""

    def _estimate(self, scores: Scores) -> Estimate:
        """The standard error of a bootstrap within both classes, on the logit scale (Boyd et al. 2013).

        The quantile is that of Student's t for the smaller class. Where the error is 0, no example being out of order,
        Wilson's interval of as many positives.
        """
        value, drawn = _resampled(scores, average_precision)
        error = float(drawn.std())
        if error > 0 and value < 1:
            quantile = student_quantile(max(1, min(len(scores.positive), len(scores.negative)) - 1))
            method, (low, high) = "bootstrap, logit", _logit_interval(value, error, quantile)
        else:
            method, (low, high) = "wilson", map(float, wilson(value, len(scores.positive), _Z))
        null = len(scores.positive) / scores.n
        return Estimate(value, low, high, LEVEL, method, scores.n, scores.n_missing, null=null)


class FPR95(_Detection):
    """False positive rate: share of the negatives above the threshold that finds 95 % of the positives."""

    direction = "min"

    def _estimate(self, scores: Scores) -> Estimate:
        """Wilson's interval at the threshold, widened by what the threshold may be off by (Zou & Donner 2008, MOVER).

        The threshold is an order statistic of the positives, with a binomial interval. Few positives may leave it open
        how low the threshold must be, and then all negatives may lie above it: the interval is conservative.
        """
        positive, negative = np.sort(scores.positive), np.sort(scores.negative)

        def rate(index: int) -> float:
            """The false positive rate if the threshold is the positive with this index, from the lowest."""
            if index < 0:
                return 1.0
            if index >= len(positive):
                return 0.0
            return 1 - float(np.searchsorted(negative, positive[index], side="left")) / len(negative)

        missed = math.floor((1 - _TPR) * len(positive) + 1e-9)
        value = rate(missed)
        fewest, most = _binomial_range(len(positive), 1 - _TPR)
        own_low, own_high = map(float, wilson(value, len(negative), _Z))
        low = value - math.hypot(value - own_low, value - min(value, rate(most)))
        high = value + math.hypot(own_high - value, max(value, rate(fewest - 1)) - value)
        return Estimate(value, max(0.0, low), min(1.0, high), LEVEL, "MOVER", scores.n, scores.n_missing)


def auroc(positive: Floats, negative: Floats) -> tuple[float, float]:
    """The area and its variance (DeLong et al. 1988), by the midranks of Sun & Xu 2014.

    Args:
        positive: `[m]`, scores of what shall have high ones.
        negative: `[k]`.
    """
    from scipy.stats import rankdata

    m, k = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    of_positive = (ranks[:m] - rankdata(positive)) / k
    of_negative = 1 - (ranks[m:] - rankdata(negative)) / m
    variance = sum(float(v.var(ddof=1)) / len(v) for v in (of_positive, of_negative) if len(v) > 1)
    return float(of_positive.mean()), variance


def average_precision(hits: Floats, alarms: Floats) -> Floats:
    """Sum of precision times the growth of recall over the thresholds.

    Args:
        hits, alarms: `[..., thresholds]`, positives and negatives at each distinct score, the highest first.
    """
    right, wrong = np.cumsum(hits, axis=-1), np.cumsum(alarms, axis=-1)
    precision = right / np.maximum(right + wrong, 1)
    return np.asarray((hits * precision).sum(axis=-1) / right[..., -1])


def _binomial_range(n: int, share: float) -> tuple[int, int]:
    """The counts of n trials between which 95 % of the draws lie."""
    from scipy.stats import binom

    tail = (1 - LEVEL) / 2
    return int(binom.ppf(tail, n, share)), int(binom.ppf(1 - tail, n, share))


def _resampled(scores: Scores, statistic: Callable[[Floats, Floats], Floats]) -> tuple[float, Floats]:
    """The value, and its draws `[draws]` with both classes resampled; a draw is counts at each distinct score."""
    values = np.unique(np.concatenate([scores.positive, scores.negative]))
    counts = [
        np.bincount(np.searchsorted(values, part), minlength=len(values))[::-1].astype(np.float64)
        for part in (scores.positive, scores.negative)
    ]
    value = float(statistic(*counts))
    rng = np.random.default_rng(0)
    sizes = [len(scores.positive), len(scores.negative)]
    rows = max(1, _CHUNK // len(values))
    drawn = []
    for first in range(0, _DRAWS, rows):
        some = min(rows, _DRAWS - first)
        redrawn = [rng.multinomial(n, c / n, size=some).astype(float) for n, c in zip(sizes, counts, strict=True)]
        drawn.append(statistic(*redrawn))
    return value, np.concatenate(drawn)


def _logit_interval(value: float, error: float, quantile: float = _Z) -> tuple[float, float]:
    centre, half = math.log(value / (1 - value)), quantile * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (centre - half, centre + half))
    return drawn_out(value, low, high)


def _auroc_interval(value: float, m: int, k: int) -> tuple[float, float]:
    """Areas from which the observed one is less than 1.96 standard errors away (Newcombe 2006, part 2, method 5)."""
    half = (m + k) / 2 - 1

    def error(area: float) -> float:
        spread = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
        return math.sqrt(area * (1 - area) * spread / (m * k))

    def end(bound: float) -> float:
        inside, outside = value, bound
        for _ in range(60):
            middle = (inside + outside) / 2
            if abs(middle - value) <= _Z * error(middle):
                inside = middle
            else:
                outside = middle
        return inside

    return (value if value == 0 else end(0.0)), (value if value == 1 else end(1.0))
