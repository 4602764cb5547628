"""A rate of one group, and its difference from and ratio to the same rate of a reference group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, InvalidOutput, Partition, Records, holm, newcombe, normal_quantile, proportion
from harness_fairness.metrics.confusion_counts import DENOMINATOR, ConfusionCounts, Rate, confusions, outcomes_of
from harness_fairness.metrics.intervals import fisher, ratio


def lacking(rate: Rate) -> str:
    """Why a rate does not apply to records."""
    if rate == "selection_rate":
        return "the records have no predictions; declare a threshold or a column of predictions"
    return f"the records have no labels with predictions, which {rate} needs"


class GroupRate:
    """Accuracy, error, FPR, FNR, TPR, PPV or selection rate, of all or of one group.

    A rate with Wilson's interval, of all records or of one group; without denominator it is undefined, not 0.

    With `groups:` in a suite every group has a row, and the gap between them one with its permutation test.

    Args:
        rate: accuracy, error, fpr (predicted positive of the negative), fnr (predicted negative of the positive), tpr,
            ppv (positive of the predicted positive) or selection_rate (predicted positive).
        group: a group column, or several joined by `*`; by default all records count.
        member: the group of it.
        positive: the positive class; for several classes it is told from all others.
    """

    columns = ()
    direction = "none"
    unit = "fraction"

    def __init__(
        self, rate: Rate = "error", group: str | None = None, member: str | None = None, positive: int | str = 1
    ) -> None:
        if (group is None) != (member is None):
            raise InvalidOutput(
                "a group needs a member and a member a group; for all groups use `groups:` of the suite"
            )
        self.rate, self.group, self.member, self.positive = rate, group, member, positive

    def estimate(self, records: Records) -> Estimate:
        values = self._values(records)
        if values is None:
            return Estimate.not_applicable(lacking(self.rate), n=len(records))
        tops, inside, n_missing = values
        if not inside.any():
            return undefined_rate(self.rate, self.member, n=len(records), n_missing=n_missing)
        return proportion(int(tops.sum()), int(inside.sum()), n_missing=n_missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 in the numerator, 0 in the denominator only, NaN elsewhere."""
        values = self._values(records)
        if values is None:
            return np.full(len(records), np.nan)
        tops, inside, _ = values
        return np.where(inside, tops.astype(np.float64), np.nan)

    def _values(self, records: Records) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], int] | None:
        outcomes = outcomes_of(records, self.rate, self.positive)
        if outcomes is None:
            return None
        tops, inside = outcomes.successes_and_trials(self.rate)
        missing = ~outcomes.known
        if self.group is not None and self.member is not None:
            partition = Partition.of(records, self.group)
            mine = partition.of_row == partition.index(self.member)
            tops, inside, missing = tops & mine, inside & mine, missing & mine
        return tops, inside, int(missing.sum())


class GroupMetric(ABC):
    """A metric of the rates of all groups; it does not apply to records without them or with a single group.

    Args:
        group: a group column, or several joined by `*`.
        rate: see `group_rate`.
        positive: the positive class.
    """

    columns = ()
    direction: Literal["max", "min", "none"] = "min"
    unit = "fraction"

    def __init__(self, group: str, rate: Rate, positive: int | str) -> None:
        self.group, self.rate, self.positive = group, rate, positive

    def estimate(self, records: Records) -> Estimate:
        outcomes = outcomes_of(records, self.rate, self.positive)
        if outcomes is None:
            return Estimate.not_applicable(lacking(self.rate), n=len(records))
        partition = Partition.of(records, self.group)
        if partition.alone:
            return Estimate.not_applicable(partition.alone, n=len(records))
        return self._estimate(confusions(outcomes, partition), partition)

    @abstractmethod
    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        """The estimate of the counts of two groups or more."""


class _AgainstReference(GroupMetric):
    """What difference and ratio share: the two groups, and the test adjusted for the number of groups.

    Args:
        member: the group.
        reference: the group it is compared with.
    """

    direction = "none"
    equal: float
    """The value where the two rates are equal."""

    def __init__(self, group: str, member: str, reference: str, rate: Rate = "error", positive: int | str = 1) -> None:
        if member == reference:
            raise InvalidOutput(f"member and reference are both {member!r}; name two groups")
        super().__init__(group, rate, positive)
        self.member, self.reference = member, reference

    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        mine, theirs = partition.index(self.member), partition.index(self.reference)
        s, n = (counts.tolist() for counts in confusion.successes_and_trials(self.rate))
        for index, member in ((mine, self.member), (theirs, self.reference)):
            if n[index] == 0:
                return undefined_rate(self.rate, member, n=n[mine] + n[theirs], n_missing=confusion.n_missing)
        p, tests = self._adjusted(confusion, mine, theirs)
        test = f"p by Fisher's exact test, Holm over {tests} tests" if tests > 1 else "p by Fisher's exact test, 1 test"
        result = self._compared(s[mine], n[mine], s[theirs], n[theirs], 1 - (1 - LEVEL) / tests)
        method = f"{result.method}, {tests} at once" if tests > 1 else result.method
        result = replace(
            result, method=method, n=n[mine] + n[theirs], n_missing=confusion.n_missing, reason=result.reason or test
        )
        return self._agreeing(replace(result, p=p))

    @abstractmethod
    def _compared(self, s1: int, n1: int, s2: int, n2: int, level: float) -> Estimate:
        """The two rates `s1 / n1` and `s2 / n2` against each other, with an interval of this level."""

    def _agreeing(self, result: Estimate) -> Estimate:
        """The result with an interval that leaves out equal rates if and only if the test does.

        What the test does not reject belongs to the interval. What it rejects does not, so the interval is open there
        (Guilbaud 2008, Biometrical Journal 50:678-692, of the intervals that belong to Holm's tests).
        """
        value, low, high = result.value, result.low, result.high
        if value is None or low is None or high is None or result.p is None:
            return result
        if result.p > 1 - LEVEL:
            return replace(result, low=min(low, self.equal), high=max(high, self.equal))
        if value > self.equal:
            return replace(result, low=max(low, float(np.nextafter(self.equal, value))))
        return replace(result, high=min(high, float(np.nextafter(self.equal, value))))

    def _adjusted(self, confusion: ConfusionCounts, mine: int, theirs: int) -> tuple[float, int]:
        """Holm's p of this group among all that can be compared with the reference, and how many those are."""
        s, n = (counts.tolist() for counts in confusion.successes_and_trials(self.rate))
        tested = [i for i in range(len(n)) if i != theirs and n[i] > 0]
        adjusted = holm([fisher(s[i], n[i], s[theirs], n[theirs]) for i in tested])
        return adjusted[tested.index(mine)], len(tested)


class GroupDifference(_AgainstReference):
    """A rate of a group less that of a reference group, with Newcombe's interval and Holm's p over the groups.

    The p-value is Fisher's, adjusted by Holm's method for all groups that the reference can be compared with. The
    interval holds for all of them at once (Bonferroni), and leaves out 0 exactly where p is at most .05.
    """

    limits = (-1.0, 1.0)
    equal = 0.0

    def _compared(self, s1: int, n1: int, s2: int, n2: int, level: float) -> Estimate:
        low, high = map(float, newcombe(s1, n1, s2, n2, normal_quantile(level)))
        return Estimate(s1 / n1 - s2 / n2, low, high, LEVEL, "newcombe", n1 + n2)


class GroupRatio(_AgainstReference):
    """A rate of a group over a reference group's, with the interval of Donner & Zou 2012 from Wilson's and Holm's p.

    The p-value is that of the difference; the interval holds for all groups at once (Bonferroni), and leaves out 1
    exactly where p is at most .05.
    """

    unit = ""
    equal = 1.0

    def _compared(self, s1: int, n1: int, s2: int, n2: int, level: float) -> Estimate:
        if s2 == 0:
            return Estimate.undefined(f"the {self.rate} of {self.reference!r} is 0, which nothing can be divided by")
        low, high = ratio(s1, n1, s2, n2, level=level)
        return Estimate((s1 / n1) / (s2 / n2), low, high, LEVEL, "wilson ratio", n1 + n2)


def undefined_rate(rate: Rate, member: str | None, *, n: int, n_missing: int) -> Estimate:
    """The undefined estimate of a rate without denominator."""
    where = f" of {member!r}" if member else ""
    return Estimate.undefined(f"no example{where} {DENOMINATOR[rate]}: {rate} is undefined", n=n, n_missing=n_missing)
