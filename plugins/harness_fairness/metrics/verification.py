"""Errors of verification, such as of faces or speakers, at one declared threshold for everyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, InvalidOutput, Partition, Records, normal_quantile, proportion, wilson
from harness_fairness.metrics.effective_trials import effective_trials
from harness_fairness.metrics.intervals import ratio

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


class _MatchRate:
    """A rate over the pairs of one kind, genuine or not.

    Args:
        threshold: from which score on a pair is a match; by default that of the task.
        scores: whether a match has a high score (similarity) or a low one (distance).
        clusters: the column, or the two, with the identities of a pair; pairs that share one are not independent.
    """

    columns = ("genuine", "score")
    direction = "min"
    unit = "fraction"
    genuine: bool
    kind: str

    def __init__(
        self,
        threshold: float | None = None,
        scores: Literal["similarity", "distance"] = "similarity",
        clusters: str | list[str] | None = None,
    ) -> None:
        self.threshold, self.scores = threshold, scores
        self.clusters = clusters or None
        self._identity_columns = [clusters] if isinstance(clusters, str) else clusters or []
        if len(self._identity_columns) > 2:
            raise ValueError(f"clusters names {len(self._identity_columns)} columns; a pair has two identities")

    def estimate(self, records: Records) -> Estimate:
        values = self.per_example(records)
        missing = ~np.isfinite(records.floats("genuine")) | ~np.isfinite(records.floats("score"))
        n_missing, counted = int(missing.sum()), np.isfinite(values)
        n, errors = int(counted.sum()), int(np.nansum(values))
        if n == 0:
            return Estimate.undefined(f"there are no {self.kind} pairs", n=len(records), n_missing=n_missing)
        identities = [names[counted] for names in self._identities(records)]
        # Pairs of one identity may all go wrong together: without them apart there are only so many trials.
        trials = len(np.unique(np.concatenate(identities))) if identities else n
        if errors == 0:
            # No error in n trials: the largest rate that gives that with probability .05, about 3 / n.
            return Estimate(0.0, 0.0, 1 - 0.05 ** (1 / trials), LEVEL, "rule of three", n, n_missing)
        if errors == n:
            return replace(proportion(trials, trials), n=n, n_missing=n_missing)
        if not identities:
            return replace(proportion(errors, n), n_missing=n_missing)
        independent = effective_trials(values[counted], identities)
        low, high = map(float, wilson(errors / n, independent, normal_quantile(LEVEL)))
        return Estimate(errors / n, low, high, LEVEL, f"wilson over {trials} identities", n, n_missing)

    def errors_and_trials(self, records: Records) -> tuple[float, float]:
        """The errors and trials of independent pairs that would have this rate and its variance."""
        values = self.per_example(records)
        counted = np.isfinite(values)
        errors, n = float(np.nansum(values)), float(counted.sum())
        identities = [names[counted] for names in self._identities(records)]
        if not identities or errors in (0, n):
            return errors, n
        independent = effective_trials(values[counted], identities)
        return errors / n * independent, independent

    def _identities(self, records: Records) -> Sequence[Names]:
        return [_column(records, name) for name in self._identity_columns]

    def per_example(self, records: Records) -> Floats:
        """1 for an error, 0 for none, NaN for pairs of the other kind."""
        threshold = self._declared(records)
        genuine, score = records.floats("genuine"), records.floats("score")
        known = np.isfinite(genuine) & np.isfinite(score)
        if not np.isin(genuine[known], (0, 1)).all():
            raise InvalidOutput("column 'genuine' must hold 1 for a pair of one identity and 0 for a pair of two")
        matched = score >= threshold if self.scores == "similarity" else score <= threshold
        wrong = matched != self.genuine
        return np.where(known & (genuine == self.genuine), wrong.astype(np.float64), np.nan)

    def _declared(self, records: Records) -> float:
        of_task = records.protocol.get("threshold")
        threshold = self.threshold if self.threshold is not None else of_task
        if threshold is None:
            raise InvalidOutput(
                "no threshold is declared: the rates depend on it, and one must hold for every group; give it as "
                "`with: {threshold: 0.5}` of the metric or of the task"
            )
        if of_task is not None and of_task != threshold:
            raise InvalidOutput(f"the metric declares threshold {threshold:g}, the task {of_task:g}; one must hold")
        return float(threshold)


class FalseMatchRate(_MatchRate):
    """False match rate: share of pairs of two identities taken for one, at one threshold for all (ISO/IEC 19795-1).

    With Wilson's interval, which takes pairs for independent: with all pairs of 50 identities it covers 65 %, so name
    the columns of the identities in `clusters`. Without any error with the rule of three (Hanley & Lippman-Hand 1983).
    With `groups:` of a suite every group has a row at the same threshold.
    """

    genuine = False
    kind = "impostor"


class FalseNonMatchRate(_MatchRate):
    """False non-match rate: share of pairs of one identity taken for two, at one threshold for all (ISO/IEC 19795-1).

    With Wilson's interval, which takes pairs for independent: with all pairs of 50 identities it covers 65 %, so name
    the columns of the identities in `clusters`. Without any error with the rule of three (Hanley & Lippman-Hand 1983).
    With `groups:` of a suite every group has a row at the same threshold.
    """

    genuine = True
    kind = "genuine"


class _RateRatio:
    """A rate of a group over that of a reference group.

    Args:
        group: a group column, or several joined by `*`.
        member: the group.
        reference: the group it is compared with.
        threshold: from which score on a pair is a match; by default that of the task.
        scores: whether a match has a high score (similarity) or a low one (distance).
        clusters: the column, or the two, with the identities of a pair; pairs that share one are not independent.
    """

    columns = ("genuine", "score")
    direction = "none"
    unit = ""
    rate: type[_MatchRate]

    def __init__(
        self,
        group: str,
        member: str,
        reference: str,
        threshold: float | None = None,
        scores: Literal["similarity", "distance"] = "similarity",
        clusters: str | list[str] | None = None,
    ) -> None:
        if member == reference:
            raise InvalidOutput(f"member and reference are both {member!r}; name two groups")
        self.group, self.member, self.reference = group, member, reference
        self._rate = self.rate(threshold, scores, clusters)

    def estimate(self, records: Records) -> Estimate:
        """The interval of Donner & Zou 2012 from the intervals of both rates."""
        partition = Partition.of(records, self.group)
        parts = [records.where(partition.of_row == partition.index(name)) for name in (self.member, self.reference)]
        rates = [self._rate.estimate(part) for part in parts]
        n, n_missing = sum(rate.n for rate in rates), sum(rate.n_missing for rate in rates)
        for name, rate in zip((self.member, self.reference), rates, strict=True):
            if rate.value is None:
                return Estimate.undefined(f"{name!r}: {rate.reason}", n=n, n_missing=n_missing)
        (s1, n1), (s2, n2) = (self._rate.errors_and_trials(part) for part in parts)
        if s2 == 0:
            reason = f"the rate of {self.reference!r} is 0, which nothing can be divided by"
            return Estimate.undefined(reason, n=n, n_missing=n_missing)
        low, high = ratio(s1, n1, s2, n2)
        return Estimate((s1 / n1) / (s2 / n2), low, high, LEVEL, "wilson ratio", n, n_missing)


class FalseMatchRatio(_RateRatio):
    """False match rate of a group over that of a reference group, as "ten times" (Grother et al. 2019, NISTIR 8280)."""

    rate = FalseMatchRate


class FalseNonMatchRatio(_RateRatio):
    """False non-match rate of a group over that of a reference group (Grother et al. 2019, NISTIR 8280)."""

    rate = FalseNonMatchRate


def _column(records: Records, name: str) -> Names:
    """The text of a column, or of a group column, `[n]`."""
    found = next((each for each in (name, f"group.{name}") if each in records.table.column_names), None)
    if found is None:
        raise InvalidOutput(f"the records have no column {name!r} with identities")
    values = records.table.column(found).to_pylist()
    if None in values:
        raise InvalidOutput(f"row {values.index(None) + 1} has no {name!r}; every pair needs its identities")
    return np.asarray(values, dtype=str)
