"""The smallest gap of a group that a test would probably find in a sample of this size."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from harness.api import LEVEL, Estimate, Partition, normal_quantile, wilson
from harness_fairness.metrics.confusion_counts import DENOMINATOR, ConfusionCounts, Rate
from harness_fairness.metrics.group_rates import GroupMetric, undefined_rate

Fraction = Annotated[float, Gt(0), Lt(1)]
_NORMAL = NormalDist()


def detectable_gap(n1: int, n2: int, share: float, *, alpha: float, power: float) -> float | None:
    """The smallest difference between a rate of n1 examples and the rate `share` of n2 examples that a test finds.

    By the two-sided z-test of two proportions with a pooled error (Fleiss, Levin & Paik 2003, equation 4.14 solved for
    the difference), towards 1/2, where there is room. None if even the largest difference would not be found.

    Args:
        n1, n2: sizes of the groups.
        share: the rate of the second.
        alpha: significance level of the test.
        power: the probability that the gap is found.
    """
    towards = 1.0 if share <= 0.5 else -1.0
    z = _NORMAL.inv_cdf(1 - alpha / 2)

    def power_at(gap: float) -> float:
        other = share + towards * gap
        pooled = (n1 * other + n2 * share) / (n1 + n2)
        null = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        spread = math.sqrt(other * (1 - other) / n1 + share * (1 - share) / n2)
        return _NORMAL.cdf((gap - z * null) / spread) if spread > 0 else float(gap > z * null)

    low, high = 0.0, (1 - share if towards > 0 else share)
    if power_at(high) < power:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power_at(middle) < power else (low, middle)
    return high


class MinimumDetectableGap(GroupMetric):
    """The smallest gap between a group and all others that a test would find, given how many examples there are.

    A gap that is "not resolved" may be there all the same: this says how large it could be and still be missed. The
    rate of all examples stands for that of the others; the interval is what the ends of its Wilson interval give.

    Args:
        member: the group; by default the one with the fewest examples in the denominator.
        power: how often the gap shall be found.
        alpha: significance level, divided over the groups (Bonferroni).
    """

    def __init__(
        self,
        group: str,
        member: str | None = None,
        rate: Rate = "error",
        positive: int | str = 1,
        power: Fraction = 0.8,
        alpha: Fraction = 0.05,
    ) -> None:
        super().__init__(group, rate, positive)
        self.member, self.power, self.alpha = member, power, alpha

    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        successes, trials = confusion.successes_and_trials(self.rate)
        index = partition.index(self.member) if self.member is not None else int(np.argmin(trials))
        member, all_trials, tests = confusion.members[index], int(trials.sum()), int((trials > 0).sum())
        mine, others = int(trials[index]), all_trials - int(trials[index])
        if mine == 0:
            return undefined_rate(self.rate, member, n=all_trials, n_missing=confusion.n_missing)
        if others == 0:
            only = f"no example of another group than {member!r} {DENOMINATOR[self.rate]}"
            return Estimate.undefined(only, n=all_trials, n_missing=confusion.n_missing)
        share = float(successes.sum() / all_trials)
        ends = [float(end) for end in wilson(successes.sum() / all_trials, all_trials, normal_quantile(LEVEL))]
        gaps = [detectable_gap(mine, others, at, alpha=self.alpha / tests, power=self.power) for at in (share, *ends)]
        if gaps[0] is None:
            few = f"with {mine} examples of {member!r} no gap would be found with power {self.power:g}"
            return Estimate.undefined(few, n=all_trials, n_missing=confusion.n_missing)
        defined = [gap for gap in gaps if gap is not None]
        test = f"for {member} (n = {mine}) against {others} others, {tests} tests"
        return Estimate(
            gaps[0], min(defined), max(defined), LEVEL, "power of the z-test", all_trials, confusion.n_missing, test
        )
