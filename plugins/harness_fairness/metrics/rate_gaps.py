"""Gaps of rates between the best and the worst group, beside the gap expected by chance alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Context, Estimate, Partition, permutation_p, permuted_counts
from harness_fairness.metrics.confusion_counts import DENOMINATOR, ConfusionCounts, Rate, Whole
from harness_fairness.metrics.group_rates import GroupMetric
from harness_fairness.metrics.intervals import gap_of_rates, stretch_of_rates

Floats = npt.NDArray[np.float64]


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

    @property
    def gap(self) -> float:
        """The largest rate less the smallest."""
        shares = self.successes / self.trials
        return float(shares.max() - shares.min())

    def permuted(self, rng: np.random.Generator) -> Whole:
        """Numerators `[permutations, groups]` if the groups meant nothing: multivariate hypergeometric."""
        return permuted_counts(int(self.successes.sum()), self.trials, rng)


def largest_gap(rates: Sequence[RateOfGroups], n: int, n_missing: int, rng: np.random.Generator) -> Estimate:
    """The largest of the gaps of several rates, with interval, permutation p and the mean under permutation.

    The rates must have disjoint trials, or there must be one: they are permuted independently, and the interval holds
    for all of them at once (Bonferroni).
    """
    for rate in rates:
        if len(rate.trials) < 2:
            few = f"only {len(rate.trials)} groups have enough examples {DENOMINATOR[rate.rate]}"
            left_out = f" ({', '.join(rate.left_out[:10])} do not)" if rate.left_out else ""
            return Estimate.undefined(f"{few}{left_out}; the gap of {rate.rate} needs 2", n=n, n_missing=n_missing)
    value = max(rate.gap for rate in rates)
    level = 1 - (1 - LEVEL) / len(rates)
    permuted = [rate.permuted(rng) for rate in rates]
    stretches = [stretch_of_rates(some, rate.trials, level=level) for some, rate in zip(permuted, rates, strict=True)]
    ends = [
        gap_of_rates(rate.successes, rate.trials, level=level, stretch=stretch)
        for rate, stretch in zip(rates, stretches, strict=True)
    ]
    drawn = np.max([_gaps(some / rate.trials) for some, rate in zip(permuted, rates, strict=True)], axis=0)
    left_out = "; ".join(f"left out of {rate.rate}: {', '.join(rate.left_out)}" for rate in rates if rate.left_out)
    low, high = (max(end) for end in zip(*ends, strict=True))
    used = int(sum(rate.trials.sum() for rate in rates))
    return Estimate(
        value,
        low,
        high,
        LEVEL,
        "simultaneous newcombe",
        used,
        n_missing,
        left_out,
        null=float(drawn.mean()),
        p=permutation_p(value, drawn),
    )


def _gaps(shares: Floats) -> Floats:
    gaps: Floats = shares.max(axis=1) - shares.min(axis=1)
    return gaps


class SubgroupErrorGap(GroupMetric):
    """The largest rate of a group less the smallest, with its permutation p-value and its mean without any gap.

    The gap of several groups is above 0 by chance alone, the more so the more groups there are: read it against `null`,
    or by its interval, which holds for all pairs of groups at once and begins at 0 unless some pair differs.
    Where groups have very different sizes the two need not agree: p is of the observed gap, which the smallest groups
    dominate, while the interval begins above 0 as soon as some pair of groups, perhaps two large ones, differs.

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
        rng = Context().rng("gap", self.group, *self.rates)
        return largest_gap(rates, int(confusion.counts.sum()), confusion.n_missing, rng)


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
