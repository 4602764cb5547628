"""Gaps of rates between the best and the worst group, beside the gap expected by chance alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from harness.api import LEVEL, Estimate, Partition, gap_of_rates, untested_if_few
from harness_fairness.metrics.confusion_counts import DENOMINATOR, ConfusionCounts, Rate, Whole
from harness_fairness.metrics.group_rates import GroupMetric


@dataclass(frozen=True)
class RateOfGroups:
    """A rate of every group with enough examples.

    Attributes:
        rate: its name.
        members: the names of the groups.
        successes, trials: `[groups]`.
        left_out: the groups with too few trials, with their number: "asian (1)".
    """

    rate: Rate
    members: tuple[str, ...]
    successes: Whole
    trials: Whole
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, confusion: ConfusionCounts, rate: Rate, least: int) -> RateOfGroups:
        """The rate of the groups with at least `least` trials."""
        successes, trials = confusion.successes_and_trials(rate)
        enough = trials >= max(1, least)
        left_out = tuple(f"{confusion.members[i]} ({trials[i]})" for i in np.flatnonzero(~enough))
        members = tuple(confusion.members[i] for i in np.flatnonzero(enough))
        return cls(rate, members, successes[enough], trials[enough], left_out)


def largest_gap(rates: Sequence[RateOfGroups], n: int, n_missing: int) -> Estimate:
    """The largest of the gaps of several rates, with interval, p and the mean gap without any difference.

    The rates must have disjoint trials, or there must be one: they are permuted independently, and p and interval hold
    for all of them at once.
    """
    for rate in rates:
        if len(rate.trials) < 2:
            few = f"only {len(rate.trials)} groups have enough examples {DENOMINATOR[rate.rate]}"
            left_out = f" ({', '.join(rate.left_out[:10])} do not)" if rate.left_out else ""
            return Estimate.undefined(f"{few}{left_out}; the gap of {rate.rate} needs 2", n=n, n_missing=n_missing)
    test = gap_of_rates([(rate.successes, rate.trials) for rate in rates])
    left_out = "; ".join(f"left out of {rate.rate}: {', '.join(rate.left_out)}" for rate in rates if rate.left_out)
    used = int(sum(rate.trials.sum() for rate in rates))
    gap = Estimate(
        test.gap, test.low, test.high, LEVEL, test.method, used, n_missing, left_out, null=test.null, p=test.p
    )
    return untested_if_few(gap, [rate.trials for rate in rates])


class SubgroupErrorGap(GroupMetric):
    """The largest rate of a group less the smallest, with its permutation p-value and its mean without any gap.

    The gap of several groups is above 0 by chance alone, the more so the more groups there are: read it against `null`,
    by p, or by its interval, which holds for all pairs of groups at once. The p-value is that of the largest difference
    in units of its standard error, so that two large groups that differ are found beside handfuls; the interval begins
    above 0 exactly where p is at most .05.

    Args:
        least: groups with fewer examples in the denominator are left out and listed.
    """

    rates: tuple[Rate, ...]

    def __init__(
        self, group: str, rate: Rate = "error", positive: int | str = 1, least: Annotated[int, Ge(1)] = 2
    ) -> None:
        super().__init__(group, rate, positive)
        self.least, self.rates = least, (rate,)

    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        rates = [RateOfGroups.of(confusion, rate, self.least) for rate in self.rates]
        return largest_gap(rates, int(confusion.counts.sum()), confusion.n_missing)


class DemographicParityDifference(SubgroupErrorGap):
    """The gap of the selection rate between groups: who is predicted positive, whatever the label.

    Args:
        least: groups with fewer examples are left out and listed.
    """

    def __init__(self, group: str, positive: int | str = 1, least: Annotated[int, Ge(1)] = 2) -> None:
        super().__init__(group, "selection_rate", positive, least)


class EqualOpportunityDifference(SubgroupErrorGap):
    """The gap of the true positive rate between groups (Hardt, Price & Srebro 2016).

    Args:
        least: groups with fewer positive examples are left out and listed.
    """

    def __init__(self, group: str, positive: int | str = 1, least: Annotated[int, Ge(1)] = 2) -> None:
        super().__init__(group, "tpr", positive, least)


class EqualizedOddsDifference(SubgroupErrorGap):
    """The larger of the gaps of true and of false positive rate between groups (Hardt, Price & Srebro 2016).

    A group without positive or without negative examples has no such rate; it is left out and listed. Where fewer than
    two groups have one, the difference is undefined.

    Args:
        least: groups with fewer examples in a denominator are left out of that rate and listed.
    """

    def __init__(self, group: str, positive: int | str = 1, least: Annotated[int, Ge(1)] = 2) -> None:
        super().__init__(group, "tpr", positive, least)
        self.rates = ("tpr", "fpr")
