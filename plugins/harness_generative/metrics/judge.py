"""Metrics of the predictions of a judge, a classifier of the data, for the samples."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Estimate, InvalidOutput, Records, drawn_out, normal_quantile, proportion
from harness_generative.metrics.class_entropy import (
    entropy,
    entropy_by_coverage,
    information,
    jackknife_interval,
    jackknifed,
    unseen_share,
    with_unseen,
)
from harness_generative.metrics.text_images import by_cluster, clusters_of, mean_over_clusters


class InceptionScore:
    """How sure the judge is of each sample, and how varied its verdicts are.

    exp of the mean divergence of each verdict from their average, over all samples at once (no splits).

    It never looks at real data: blurred copies of one sure example per class have the highest score. As it is published
    it is too low at small n, by a factor of about exp(-(classes - 1) / 2n): 76.9 where 82.9 is true of 1,000 classes.
    So the value is the one that the jackknife has freed of that, and the interval stands around it. It reaches up to
    where sure predictions of the classes not seen are as frequent as Wilson's interval allows, and as much farther as
    the entropy of the classes seen is higher by Chao & Shen 2003 than by the jackknife, and lies within 1 and the
    number of classes. Coverage at a nominal 95 %, on populations of 10 to 1,000 classes with 30 to 1,000 samples: 89 to
    100 %.

    Args:
        debiased: whether to free the value of its bias; if not, value and interval are those of the published score at
            this number of samples.
    """

    columns = ("judged",)
    direction = "max"
    unit = ""

    def __init__(self, debiased: bool = True) -> None:
        self.debiased = debiased

    def estimate(self, records: Records) -> Estimate:
        """Undefined with fewer than 2 samples."""
        shares = records.artifact("judge_probabilities")
        n, classes = shares.shape
        if n < 2:
            return Estimate.undefined(f"{n} samples; at least 2 are needed", n=n)
        if not np.isfinite(shares).all() or shares.min() < 0 or np.abs(shares.sum(axis=1) - 1).max() > 1e-3:
            raise InvalidOutput("the judge's probabilities are not shares that add up to 1")
        average, doubt, left_out = information(shares)
        value = float(entropy(average)) - doubt
        low, high = jackknife_interval(value, left_out, np.ones(n))
        centre = (low + high) / 2
        if self.debiased:
            counts = np.bincount(shares.argmax(axis=1), minlength=classes)
            # With about as many classes as samples the jackknife frees it of a part of its bias only.
            more = entropy_by_coverage(counts)[0] - sum(jackknifed(counts)) / 2
            low, high = low + min(0.0, more), high + max(0.0, more)
            if not counts.all():
                share = unseen_share(n)
                high = max(high, float(entropy(with_unseen(average, counts == 0, n))) - (1 - share) * doubt)
        else:
            low, high, centre = low + value - centre, high + value - centre, value
        low, score, high = np.clip(np.exp((low, centre, high)), 1.0, classes)
        return Estimate(float(score), float(low), float(high), LEVEL, "jackknife", n)


class ModeCoverage:
    """Share of the classes that the judge finds among the samples.

    Samples cannot show that a class is never made, so the interval is about the share that as many samples would hit on
    average: Wilson's interval of the frequency of each class, turned into its chance to be hit, averaged over classes.
    With many classes that is far too wide, since not all err on the same side. The variance of the number of classes
    hit is at most the expected number of classes hit once, since (1 - p)^n (1 - (1 - p)^n) is at most n p (1 - p)^n; so
    the interval goes no farther than 1.96 roots of one more than those. Coverage at a nominal 95 %, on 24 populations
    of 10 to 1,000 classes (equal, Zipf, halves lost) and 30 to 5,000 samples: 97 to 100 %.

    Args:
        least: how many samples of a class make it hit.
    """

    columns = ("judged",)
    direction = "max"
    unit = "fraction"

    def __init__(self, least: Annotated[int, Ge(1)] = 1) -> None:
        if least < 1:
            raise ValueError(f"least is {least}, not a positive number")
        self.least = least

    def estimate(self, records: Records) -> Estimate:
        """Undefined if no sample was judged."""
        judged = records.without_missing("judged")
        counts, n = _counts(judged), len(judged)
        if n == 0:
            return Estimate.undefined("nothing was judged", n_missing=judged.n_missing)
        value = float((counts >= self.least).mean())
        low, high = (float(np.mean([self._chance(bound, n) for bound in bounds])) for bounds in _frequencies(counts))
        if self.least == 1:
            reach = normal_quantile(LEVEL) * (int((counts == 1).sum()) + 1) ** 0.5 / len(counts)
            low, high = max(low, value - reach), min(high, value + reach)
        return Estimate(value, *drawn_out(value, low, high), LEVEL, "wilson of each class", n, judged.n_missing)

    def _chance(self, frequency: float, n: int) -> float:
        from scipy.special import bdtrc

        return float(bdtrc(self.least - 1, n, frequency))


class ModeEntropy:
    """Entropy of the classes that the judge finds, over that of equal shares: 1 if all are equally frequent.

    The value is biased downwards by about (classes - 1) / 2n over log(classes), so the interval stands around the value
    that the jackknife has freed of that. It also reaches as far around the entropy of Chao & Shen 2003, which minds
    classes that were missed, and up to where these are as frequent together as Wilson's interval allows. Coverage,
    measured as for `mode_coverage`: 94 to 100 %.
    """

    columns = ("judged",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Undefined with fewer than 2 judged samples, or if there is one class only."""
        judged = records.without_missing("judged")
        counts, n = _counts(judged), len(judged)
        if n < 2:
            return Estimate.undefined(f"{n} judged samples; at least 2 are needed", n=n, n_missing=judged.n_missing)
        if len(counts) < 2:
            return Estimate.undefined("there is only one class", n=n, n_missing=judged.n_missing)
        most = np.log(len(counts))
        value = float(entropy(counts / n) / most)
        low, high = (end / most for end in jackknifed(counts))
        reach, (by_coverage, unseen) = (high - low) / 2, entropy_by_coverage(counts)
        reach = float(np.hypot(reach, normal_quantile(LEVEL) * unseen))
        low, high = min(low, by_coverage / most - reach), max(high, by_coverage / most + reach)
        if not counts.all():
            high = max(high, float(entropy(with_unseen(counts / n, counts == 0, n)) / most))
        low, high = min(max(0.0, low), value), max(min(1.0, high), value)
        return Estimate(value, low, high, LEVEL, "jackknife", n, judged.n_missing)


class ConditionAccuracy:
    """Share of samples in which the judge sees the requested condition; Wilson's interval.

    Where several samples of one prompt make a cluster, Student's t over clusters.

    It measures the judge too: real data do not reach 1. Models without conditions have no such share.

    Args:
        attribute: compare this attribute, such as the count of digits, instead of the class.
        group: count only samples that were asked for what examples of one group of the data show, by the name of the
            group column.
        member: the value in that column; ignored without `group`.
    """

    columns: tuple[str, ...] = ("correct_condition",)
    direction = "max"
    unit = "fraction"

    def __init__(self, attribute: str | None = None, group: str | None = None, member: bool | int | str = True) -> None:
        self.attribute, self.member = attribute, member
        self.compared = self.columns if attribute is None else (f"asked.{attribute}", f"judged.{attribute}")
        self.group = None if group is None else f"group.{group}"
        self.columns = self.compared if self.group is None else (*self.compared, self.group)

    def estimate(self, records: Records) -> Estimate:
        """Undefined if no sample with a condition was judged."""
        compared = records.where(self._concerned(records)).without_missing(*self.compared)
        if clusters_of(compared) is not None:
            return mean_over_clusters(compared, self._right(compared).astype(np.float64), most=1.0)
        return proportion(int(self._right(compared).sum()), len(compared), n_missing=compared.n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where right; samples of other groups or without a prediction do not count."""
        concerned = self._concerned(records)
        for name in self.compared:
            concerned &= np.asarray(records.table.column(name).is_valid().to_numpy(), dtype=bool)
        right = np.full(len(records), np.nan)
        right[concerned] = self._right(records.where(concerned))
        return by_cluster(records, right)

    def _concerned(self, records: Records) -> npt.NDArray[np.bool_]:
        if self.group is None:
            return np.ones(len(records), dtype=bool)
        return np.array([member == self.member for member in records.table.column(self.group).to_pylist()], dtype=bool)

    def _right(self, records: Records) -> npt.NDArray[Any]:
        if self.attribute is None:
            return records["correct_condition"]
        asked, judged = (records[name] for name in self.compared)
        return np.asarray(asked == judged)


def _counts(records: Records) -> npt.NDArray[np.int64]:
    """The number of samples that the judge assigned to each class of the data."""
    classes = len(records.protocol["classes"])
    judged = records["judged"].astype(np.int64)
    if len(judged) and not 0 <= judged.min() <= judged.max() < classes:
        raise InvalidOutput(f"the judge named class {judged.max()}; there are {classes}")
    return np.bincount(judged, minlength=classes)


def _frequencies(counts: npt.NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """The lower and the upper ends of Wilson's interval for each class."""
    intervals = [proportion(int(count), int(counts.sum())) for count in counts]
    return [float(wilson.low or 0.0) for wilson in intervals], [float(wilson.high or 0.0) for wilson in intervals]
