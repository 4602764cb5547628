"""The rate of the worst group, which is chosen on other examples than it is scored on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Context, Estimate, Partition, normal_quantile, permutation_p, permuted_counts, wilson
from harness_fairness.metrics.confusion_counts import HIGHER_IS_BETTER, ConfusionCounts, Rate, Whole
from harness_fairness.metrics.group_rates import GroupMetric
from harness_fairness.metrics.rate_gaps import RateOfGroups


@dataclass(frozen=True)
class Splits:
    """The worst group by one half of the examples, scored on the other, over many random halves.

    Attributes:
        chosen: `[splits]`, which group was the worst.
        successes, trials: `[splits]`, of the chosen group in the other half.
    """

    chosen: npt.NDArray[np.intp]
    successes: Whole
    trials: Whole


def random_splits(successes: Whole, trials: Whole, worst_is_low: bool, n: int, rng: np.random.Generator) -> Splits:
    """Halve every group n times; the counts of a half are hypergeometric, so no rows are needed.

    Args:
        successes, trials: `[groups]`, at least two trials each.
        worst_is_low: whether the smallest rate is the worst.
        n: the number of splits.
        rng: draws them.
    """
    half = trials // 2
    selecting = rng.hypergeometric(successes, trials - successes, half, size=(n, len(trials)))
    # Ties are broken at random, else the first group would be scored too often.
    shares = selecting / half + rng.random(selecting.shape) * 1e-9
    chosen = shares.argmin(axis=1) if worst_is_low else shares.argmax(axis=1)
    scored = successes[None] - selecting
    return Splits(chosen, scored[np.arange(n), chosen], (trials - half)[chosen])


def worst_difference(successes: Whole, trials: Whole, worst_is_low: bool) -> npt.NDArray[np.float64]:
    """How much worse a group is than the rest, at most, in units of the standard error under the pooled rate.

    The pooled rate is the same in every permutation, so its variance is left out.

    Args:
        successes: `[..., groups]`.
        trials: `[groups]`, at least 2 groups.
        worst_is_low: whether the smallest rate is the worst.
    """
    total, rest = trials.sum(), trials.sum() - trials
    others = (successes.sum(axis=-1, keepdims=True) - successes) / rest
    worse = (others - successes / trials) if worst_is_low else (successes / trials - others)
    return np.asarray((worse / np.sqrt(total / (trials * rest))).max(axis=-1))


class WorstGroup(GroupMetric):
    """The rate of the group that half of the examples show to be the worst, on the other half, over many halves.

    The smallest of many observed accuracies is too small: 20 equal groups of 50 with accuracy .9 have a smallest one of
    .81 on average. Here the examples that choose the group do not score it. The value is that of the group which half
    the sample points to, so with a real gap and few examples it lies above the true minimum. The p-value tests whether
    some group is worse than the rest: by permutation of the largest difference from the rest in units of its standard
    error under the pooled rate; `null` is the rate of all.

    Args:
        rate: see `group_rate`; the worst error is the largest, the worst accuracy the smallest.
        least: groups with fewer examples in the denominator are left out and listed.
        splits: the number of random halves.
    """

    direction = "none"

    def __init__(
        self,
        group: str,
        rate: Rate = "accuracy",
        positive: int | str = 1,
        least: Annotated[int, Ge(2)] = 4,
        splits: Annotated[int, Ge(1)] = 500,
    ) -> None:
        super().__init__(group, rate, positive)
        self.least, self.splits = least, splits

    def _estimate(self, confusion: ConfusionCounts, partition: Partition) -> Estimate:
        rate = RateOfGroups.of(confusion, self.rate, self.least)
        used = int(rate.trials.sum())
        if len(rate.trials) < 2:
            few = f"{len(rate.trials)} groups have {self.least} examples that count"
            return Estimate.undefined(f"{few}; a worst one needs 2", n=used, n_missing=confusion.n_missing)
        low_is_worst = self.rate in HIGHER_IS_BETTER
        rng = Context().rng("worst group", self.group, self.rate)
        splits = random_splits(rate.successes, rate.trials, low_is_worst, self.splits, rng)
        low, high = wilson(splits.successes / splits.trials, splits.trials, normal_quantile(LEVEL))
        drawn = worst_difference(
            permuted_counts(int(rate.successes.sum()), rate.trials, rng), rate.trials, low_is_worst
        )
        (often, times), *_ = Counter(splits.chosen.tolist()).most_common(1)
        reason = f"the worst is {rate.members[often]} in {100 * times / self.splits:.0f} % of splits"
        if rate.left_out:
            reason += f"; left out, too few: {', '.join(rate.left_out)}"
        # The mean of intervals that each cover covers at least as often: the centre varies less, the width does not.
        return Estimate(
            float((splits.successes / splits.trials).mean()),
            float(low.mean()),
            float(high.mean()),
            LEVEL,
            "wilson, split",
            used,
            confusion.n_missing,
            reason,
            null=float(rate.successes.sum() / used),
            p=permutation_p(float(worst_difference(rate.successes, rate.trials, low_is_worst)), drawn),
        )
