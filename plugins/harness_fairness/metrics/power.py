"""The smallest gap of a group that a test would probably find in a sample of this size."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from harness.api import (
    LEVEL,
    MIN_UNITS_PER_GROUP,
    Context,
    Estimate,
    Partition,
    critical_value,
    largest_difference,
    normal_quantile,
    permuted_counts,
    wilson,
)
from harness_fairness.metrics.confusion_counts import DENOMINATOR, ConfusionCounts, Rate, Whole
from harness_fairness.metrics.group_rates import GroupMetric, undefined_rate

Fraction = Annotated[float, Gt(0), Lt(1)]
_DRAWS = 999
_HALVINGS = 10
"""The gap is right to a thousandth of the largest there can be, and the power to .013."""


def detectable_gap(trials: Whole, index: int, share: float, *, alpha: float, power: float) -> float | None:
    """The smallest difference between the rate of one group and that of all others that the test of the gap finds.

    By simulation of that test, with the permutations and the statistic of `gap_of_rates`, towards 1/2, where there is
    room. None if even the largest difference would not be found.

    Args:
        trials: sizes of the groups.
        index: which of them differs.
        share: the rate of the others.
        alpha: significance level of the test, which is of all groups at once.
        power: the probability that the gap is found.
    """
    towards = 1.0 if share <= 0.5 else -1.0

    def power_at(gap: float) -> float:
        rng = Context().rng("detectable gap", len(trials))
        shares = np.full(len(trials), share)
        shares[index] = min(1.0, max(0.0, share + towards * gap))
        permuted = permuted_counts(round(float(trials @ shares)), trials, rng, _DRAWS)
        critical = critical_value(largest_difference(permuted, trials), 1 - alpha)
        drawn = rng.binomial(trials, shares, size=(_DRAWS, len(trials)))
        return float((largest_difference(drawn, trials) > critical).mean())

    low, high = 0.0, (1 - share if towards > 0 else share)
    if power_at(high) < power:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if power_at(middle) < power else (low, middle)
    return high


class MinimumDetectableGap(GroupMetric):
    """The smallest gap between a group and all others that a test would find, given how many examples there are.

    A gap that is "not resolved" may be there all the same: this says how large it could be and still be missed. The
    test is that of `subgroup_error_gap` and of the gap rows, whose power is simulated at the sizes of these groups. The
    rate of all examples stands for that of the others; the interval is what the ends of its Wilson interval give.

    Args:
        member: the group; by default the one with the fewest examples in the denominator.
        power: how often the gap shall be found.
        alpha: significance level of the test, which is of all groups at once.
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
        member, all_trials = confusion.members[index], int(trials.sum())
        mine, others = int(trials[index]), all_trials - int(trials[index])
        if mine == 0:
            return undefined_rate(self.rate, member, n=all_trials, n_missing=confusion.n_missing)
        if others == 0:
            only = f"no example of another group than {member!r} {DENOMINATOR[self.rate]}"
            return Estimate.undefined(only, n=all_trials, n_missing=confusion.n_missing)
        share = float(successes.sum() / all_trials)
        ends = [float(end) for end in wilson(successes.sum() / all_trials, all_trials, normal_quantile(LEVEL))]
        compared = np.flatnonzero(trials >= MIN_UNITS_PER_GROUP) if mine > 1 else np.arange(len(trials))
        sizes, place = trials[compared], int(np.searchsorted(compared, index))
        gaps = [detectable_gap(sizes, place, at, alpha=self.alpha, power=self.power) for at in (share, *ends)]
        if gaps[0] is None:
            few = f"with {mine} examples of {member!r} no gap would be found with power {self.power:g}"
            return Estimate.undefined(few, n=all_trials, n_missing=confusion.n_missing)
        defined = [gap for gap in gaps if gap is not None]
        in_groups = f"{len(sizes) - 1} group{'s' if len(sizes) > 2 else ''}"
        test = f"for {member} (n = {mine}) against {sizes.sum() - mine} others in {in_groups}"
        return Estimate(
            gaps[0], min(defined), max(defined), LEVEL, "simulated power", all_trials, confusion.n_missing, test
        )
