"""Impact ratios: how often a group is selected, over how often the most selected group or a named one is."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from harness.api import LEVEL, Estimate, InvalidOutput, Partition, Records
from harness_fairness.metrics.confusion_counts import ConfusionCounts, Rate, confusions, outcomes_of
from harness_fairness.metrics.group_rates import GroupMetric, GroupRate, lacking, undefined_rate
from harness_fairness.metrics.intervals import ratio

Counts = list[tuple[int, int]]
"""Numerator and denominator of the rate of each group."""


class SelectionRate(GroupRate):
    """Share of the examples that are selected, that is predicted positive, with Wilson's interval; needs no labels.

    With `groups:` in a suite every group has a row, and the gap between them one with its test.

    Args:
        positive: the class of those who are selected.
    """

    def __init__(self, positive: int | str = 1) -> None:
        super().__init__("selection_rate", positive=positive)


class ImpactRatio(GroupMetric):
    """The smallest ratio of the selection rate of a group to that of the most selected group, or of a named reference.

    The four-fifths rule (29 CFR 1607.4 D) asks for .8; New York's Local Law 144 for the ratio of every group, which the
    rows of `groups:` show in this column, under the same grouping. It needs predictions or a threshold, no labels.

    The most selected group is found in the data, so a small one may be it by chance: the interval is of the ratio to
    whichever group is selected most often in truth. It is made of Donner & Zou's for the ratios to all other groups at
    once (Bonferroni), for the smallest ratio of all pairs, and covers at least as often as promised.

    Args:
        group: a group column, or several joined by `*`.
        reference: the group that all others are compared with; by default the one with the highest rate.
        rate: see `group_rate`.
        positive: the positive class.
        least_share: groups with a smaller share of the examples are left out and listed; Local Law 144 allows .02.
    """

    direction = "max"
    unit = ""

    def __init__(
        self,
        group: str,
        reference: str | None = None,
        rate: Rate = "selection_rate",
        positive: int | str = 1,
        least_share: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(group, rate, positive)
        self.reference, self.least_share = reference, least_share

    def estimate_of_member(self, records: Records, member: str) -> Estimate:
        """The ratio of one group."""
        outcomes = outcomes_of(records, self.rate, self.positive)
        if outcomes is None:
            return Estimate.not_applicable(lacking(self.rate), n=len(records))
        partition = Partition.of(records, self.group)
        confusion = confusions(outcomes, partition)
        compared, index = self._compared(confusion, partition), partition.index(member)
        counts = self._counts(confusion)
        if counts[index][1] == 0:
            return undefined_rate(self.rate, member, n=0, n_missing=confusion.n_missing)
        if index not in compared:
            return Estimate.undefined(f"{member!r} is left out: {self._too_small}", n=counts[index][1])
        return self._ratio([index], compared, counts, partition, confusion.n_missing)

    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        compared, counts = self._compared(confusion, partition), self._counts(confusion)
        return self._ratio(compared, compared, counts, partition, confusion.n_missing)

    def _counts(self, confusion: ConfusionCounts) -> Counts:
        successes, trials = confusion.successes_and_trials(self.rate)
        return list(zip(successes.tolist(), trials.tolist(), strict=True))

    @property
    def _too_small(self) -> str:
        return f"fewer than {100 * self.least_share:g} % of the examples"

    def _compared(self, confusion: ConfusionCounts, partition: Partition) -> list[int]:
        """The groups that are large enough. Raises InvalidOutput where the reference is not."""
        trials = np.array([n for _, n in self._counts(confusion)])
        compared: list[int] = np.flatnonzero((trials > 0) & (trials >= self.least_share * trials.sum())).tolist()
        if self.reference is not None and partition.index(self.reference) not in compared:
            raise InvalidOutput(f"the reference {self.reference!r} has {self._too_small}")
        return compared

    def _ratio(
        self, wanted: list[int], compared: list[int], counts: Counts, partition: Partition, n_missing: int
    ) -> Estimate:
        """The smallest ratio of the wanted groups to the reference, or to the most selected of those compared."""
        n = sum(counts[i][1] for i in compared)
        shares = {i: counts[i][0] / counts[i][1] for i in compared}
        best = max(shares, key=lambda i: shares[i]) if self.reference is None else partition.index(self.reference)
        others = compared if self.reference is None else [best]
        pairs = [(i, j) for i in wanted for j in others if i != j]
        if not pairs:
            alone = len(compared) < 2
            reason = "fewer than 2 groups are large enough" if alone else "it is the reference of all others"
            return Estimate.undefined(reason, n=n, n_missing=n_missing)
        if shares[best] == 0:
            return Estimate.undefined(
                f"the {self.rate} of {partition.members[best]!r} is 0, which nothing can be divided by", n=n
            )
        # Of a pair and its reverse the intervals are the same, turned over.
        tests = len({frozenset(pair) for pair in pairs})
        ends = [_ends(*counts[i], *counts[j], 1 - (1 - LEVEL) / tests) for i, j in pairs]
        low, high = (min(end) for end in zip(*ends, strict=True))
        least = min((i for i in wanted if self.reference is None or i != best), key=lambda i: shares[i])
        against = f"{partition.members[least]} against {partition.members[best]}"
        notes = [against if least != best else "the highest rate"]
        out = [f"{name} ({counts[i][1]})" for i, name in enumerate(partition.members) if i not in compared]
        notes += [f"left out, {self._too_small}: {', '.join(out)}"] if out else []
        if self.reference is None:  # The ratio of a group to itself is 1, whatever the others are.
            low, high = min(1.0, low), min(1.0, high)
        value, method = shares[least] / shares[best], f"wilson ratio, {tests} at once" if tests > 1 else "wilson ratio"
        end = high if math.isfinite(high) else None
        return Estimate(value, low, end, LEVEL, method, n, n_missing, "; ".join(notes))


def _ends(s1: int, n1: int, s2: int, n2: int, level: float) -> tuple[float, float]:
    """Interval for the ratio of two rates; without an upper end where the second may be 0."""
    low, high = ratio(s1, n1, s2, n2, level=level)
    return low, high if s2 else math.inf
