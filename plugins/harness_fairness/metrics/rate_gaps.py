"""Gaps of rates between the best and the worst group, with what chance alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Context, Estimate, Partition, permutation_p, permuted_counts
from harness_fairness.metrics.cells import DENOMINATOR, Cells, Rate, Whole
from harness_fairness.metrics.group_rates import GroupMetric
from harness_fairness.metrics.intervals import gap_of_rates, stretch_of_rates

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RateOfGroups:
    """A rate of the groups that take part.

    Attributes:
        rate: which.
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
    def of(cls, cells: Cells, rate: Rate, least: int) -> RateOfGroups:
        """The groups with at least so many trials."""
        successes, trials = cells.successes_and_trials(rate)
        kept = trials >= max(1, least)
        left_out = tuple(f"{cells.members[i]} ({trials[i]})" for i in np.flatnonzero(~kept))
        members = tuple(cells.members[i] for i in np.flatnonzero(kept))
        return cls(rate, members, successes[kept], trials[kept], left_out)

    @property
    def gap(self) -> float:
        """The largest rate less the smallest."""
        shares = self.successes / self.trials
        return float(shares.max() - shares.min())

    def permuted(self, rng: np.random.Generator) -> Whole:
        """Numerators `[permutations, groups]` if the groups meant nothing: multivariate hypergeometric."""
        return permuted_counts(int(self.successes.sum()), self.trials, rng)


def largest_gap(found: Sequence[RateOfGroups], n: int, n_missing: int, rng: np.random.Generator) -> Estimate:
    """The largest of the gaps of several rates, with interval, permutation p and the mean under permutation.

    The rates must have disjoint trials, or there must be one: they are permuted independently, and the interval holds
    for all of them at once (Bonferroni).
    """
    for each in found:
        if len(each.trials) < 2:
            few = f"only {len(each.trials)} groups have enough examples {DENOMINATOR[each.rate]}"
            told = f" ({', '.join(each.left_out[:10])} do not)" if each.left_out else ""
            return Estimate.undefined(f"{few}{told}; the gap of {each.rate} needs 2", n=n, n_missing=n_missing)
    value = max(each.gap for each in found)
    level = 1 - (1 - LEVEL) / len(found)
    permuted = [each.permuted(rng) for each in found]
    stretches = [stretch_of_rates(some, each.trials, level=level) for some, each in zip(permuted, found, strict=True)]
    ends = [
        gap_of_rates(each.successes, each.trials, level=level, stretch=stretch)
        for each, stretch in zip(found, stretches, strict=True)
    ]
    drawn = np.max([_gaps(some / each.trials) for some, each in zip(permuted, found, strict=True)], axis=0)
    told = "; ".join(f"left out of {each.rate}: {', '.join(each.left_out)}" for each in found if each.left_out)
    low, high = (max(end) for end in zip(*ends, strict=True))
    used = int(sum(each.trials.sum() for each in found))
    return Estimate(
        value,
        low,
        high,
        LEVEL,
        "simultaneous newcombe",
        used,
        n_missing,
        told,
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

    def _estimate(self, cells: Cells, partition: Partition) -> Estimate:
        found = [RateOfGroups.of(cells, rate, self.least) for rate in self.rates]
        rng = Context().rng("gap", self.group, *self.rates)
        return largest_gap(found, int(cells.counts.sum()), cells.n_missing, rng)


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
