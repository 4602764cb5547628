"""The gap between the best and the worst of several groups: its interval and its p-value, of the same permutations.

The largest difference of several groups is above 0 by chance alone, the more so the more groups there are. So it comes
with what chance alone would give: on average (`null`) and as a p-value. The raw gap is a bad test: with groups of
unequal sizes the smallest decide it, and where groups differ in spread it finds gaps that are not there. What is
permuted is the largest difference of two groups *in units of its standard error*, and the interval begins above 0 where
that is larger than in .95 of the permutations: an interval without 0 beside a p above .05, or the reverse, cannot be.

The permutations are a function of the sizes alone, so that one quantity has one p wherever it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.statistics.gaps_of_means import gap_of_ratios
from harness.statistics.gaps_of_rates import gap_of_rates
from harness.statistics.intervals import TOO_FEW
from harness.statistics.partition import Partition
from harness.statistics.permutation import GapTest, can_be_found
from harness.statistics.quantiles import LEVEL

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
MIN_UNITS_PER_GROUP = 2
"""A group of one has no spread."""


def gap_estimate(
    numerators: Floats,
    denominators: Floats,
    partition: Partition,
    *,
    clusters: Whole | None = None,
    units: str = "examples",
    least: int = MIN_UNITS_PER_GROUP,
    floor: Floats | None = None,
    most: float = math.inf,
    n_missing: int = 0,
) -> Estimate:
    """The gap of sum(numerators) / sum(denominators) between the groups of a partition, as an estimate.

    Args:
        numerators, denominators: `[n]`, NaN in both where a row does not count.
        partition: the groups of the rows.
        clusters: `[n]`, the number of what each row belongs to, such as its speaker, where rows of one are not
            independent: these are then permuted as a whole. Each belongs to one group.
        units: what is permuted, for messages: the plural of an example or of a cluster.
        least: groups with fewer of them are left out and listed.
        floor: `[n]`, the least variance of each value, where something is known of it.
        most: the largest gap there can be; the interval is cut off there.
        n_missing: rows that should have counted and could not.

    Raises:
        InvalidOutput: a cluster belongs to several groups.
    """
    counted = np.isfinite(numerators) & np.isfinite(denominators)
    tops, bottoms, group = numerators[counted], denominators[counted], partition.of_row[counted]
    known, of_row = None if floor is None else floor[counted], np.arange(len(tops))
    if clusters is not None:
        _, of_row = np.unique(clusters[counted], return_inverse=True)
        group = _groups_of_clusters(of_row, partition.of_row[counted], partition, units)
        tops, bottoms = (np.bincount(of_row, values, len(group)).astype(np.float64) for values in (tops, bottoms))
    # Words heard in silence are errors, but a speaker who says nothing is none to compare.
    sizes = np.bincount(group[bottoms > 0], minlength=len(partition.members))
    compared = np.flatnonzero(sizes >= max(MIN_UNITS_PER_GROUP, least))
    if len(compared) < 2:
        few = f"{len(compared)} groups have {max(MIN_UNITS_PER_GROUP, least)} {units} that count; a gap needs 2"
        return Estimate.undefined(few, n=len(of_row), n_missing=n_missing)
    number_of = np.full(len(sizes), -1)
    number_of[compared] = np.arange(len(compared))
    inside = number_of[group] >= 0
    number = number_of[group[inside]]
    known = None if known is None else known[inside]
    test = gap_of_groups(tops[inside], bottoms[inside], number, len(compared), floor=known)
    too_few = [f"{partition.members[i]} ({sizes[i]})" for i in range(len(sizes)) if i not in compared]
    notes = [f"{int(inside.sum())} {units}"] if clusters is not None else []
    notes += [f"left out, too few: {', '.join(too_few)}"] if too_few else []
    estimate = Estimate(
        test.gap,
        test.low,
        min(most, test.high),
        LEVEL,
        test.method if clusters is None else f"{test.method} of {units}",
        int(inside[of_row].sum()),
        n_missing,
        "; ".join(notes),
        null=test.null,
        p=test.p,
    )
    return untested_if_few(estimate, [sizes[compared]], units)


def untested_if_few(gap: Estimate, sizes: Sequence[npt.ArrayLike], units: str = "examples") -> Estimate:
    """The gap, without interval and p where no values of so few members could be found to differ.

    Args:
        gap: the estimate.
        sizes: the members of each group, `[groups]`, of each of the quantities that are permuted independently.
        units: what is permuted, for messages.
    """
    if can_be_found(sizes, gap.level):
        return gap
    members = f"{int(np.concatenate([np.asarray(each) for each in sizes]).sum())} {units}"
    few = f"{TOO_FEW}: {members}"
    notes = [few, gap.reason.removeprefix(members).removeprefix("; ")]
    return replace(gap, low=None, high=None, p=None, method=few, reason="; ".join(filter(None, notes)))


def _groups_of_clusters(of_row: Whole, group_of_row: Whole, partition: Partition, units: str) -> Whole:
    """The group of each cluster, `[clusters]`."""
    group = np.zeros(int(of_row.max(initial=-1)) + 1, dtype=np.intp)
    group[of_row] = group_of_row
    twice = np.flatnonzero(group[of_row] != group_of_row)
    if len(twice):
        mixed = group_of_row[of_row == of_row[twice[0]]]
        names = " and ".join(sorted({partition.members[i] for i in mixed}))
        raise InvalidOutput(f"of the {units}, one belongs to several groups of {partition.name!r}: {names}")
    return group


def gap_of_groups(
    numerators: Floats,
    denominators: Floats,
    group: Whole,
    groups: int,
    *,
    floor: Floats | None = None,
    level: float = LEVEL,
) -> GapTest:
    """The gap of sum(numerators) / sum(denominators) between groups of independent rows.

    Values that are only 0 and 1 over denominators of 1 are counted: see `gap_of_rates`, else `gap_of_ratios`.

    Args:
        numerators, denominators: `[n]`, finite, the denominators not negative.
        group: `[n]`, from 0 to groups - 1, each with at least two positive denominators.
        groups: the number of groups, at least 2.
        floor: `[n]`, the least variance of each value, where something is known of it.
        level: the nominal coverage.
    """
    units = bool((denominators == 1).all())
    if units and floor is None and bool(((numerators == 0) | (numerators == 1)).all()):
        successes = np.bincount(group, numerators, minlength=groups).astype(np.int64)
        return gap_of_rates([(successes, np.bincount(group, minlength=groups))], level=level)
    return gap_of_ratios(numerators, denominators, group, groups, floor=floor, level=level)
