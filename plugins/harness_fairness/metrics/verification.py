"""Errors of verification, such as of faces or speakers, at one declared threshold for everyone."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, InvalidOutput, Records, proportion, ratio_of_sums

Floats = npt.NDArray[np.float64]


class _MatchRate:
    """A rate over the pairs of one kind, genuine or not.

    Args:
        threshold: from which score on a pair is a match; by default that of the task.
        scores: whether a match has a high score (similarity) or a low one (distance).
        clusters: a column, such as the identity, whose values are resampled as a whole.
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
        clusters: str | None = None,
    ) -> None:
        self.threshold, self.scores, self.clusters = threshold, scores, clusters

    def estimate(self, records: Records) -> Estimate:
        values = self.per_example(records)
        missing = ~np.isfinite(records.floats("genuine")) | ~np.isfinite(records.floats("score"))
        n_missing, counted = int(missing.sum()), np.isfinite(values)
        n, errors = int(counted.sum()), int(np.nansum(values))
        if n == 0:
            return Estimate.undefined(f"there are no {self.kind} pairs", n=len(records), n_missing=n_missing)
        clusters = self._clusters(records)
        # Pairs of one identity may all go wrong together: without them apart there are only so many trials.
        trials = n if clusters is None else len(np.unique(clusters[counted]))
        if errors == 0:
            # No error in n trials: the largest rate that gives that with probability .05, about 3 / n.
            return Estimate(0.0, 0.0, 1 - 0.05 ** (1 / trials), LEVEL, "rule of three", n, n_missing)
        if errors == n:
            return replace(proportion(trials, trials), n=n, n_missing=n_missing)
        if clusters is None:
            return replace(proportion(errors, n), n_missing=n_missing)
        return ratio_of_sums(values[counted], np.ones(n), clusters=clusters[counted], n_missing=n_missing)

    def _clusters(self, records: Records) -> npt.NDArray[np.str_] | None:
        if self.clusters is None:
            return None
        if self.clusters not in records.table.column_names:
            raise InvalidOutput(f"the records have no column {self.clusters!r} to resample by")
        return np.asarray(records.table.column(self.clusters).to_pylist(), dtype=str)

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

    With Wilson's interval; without any error with the rule of three (Hanley & Lippman-Hand 1983). With `groups:` of a
    suite every group has a row at the same threshold.
    """

    genuine = False
    kind = "impostor"


class FalseNonMatchRate(_MatchRate):
    """False non-match rate: share of pairs of one identity taken for two, at one threshold for all (ISO/IEC 19795-1).

    With Wilson's interval; without any error with the rule of three (Hanley & Lippman-Hand 1983). With `groups:` of a
    suite every group has a row at the same threshold.
    """

    genuine = True
    kind = "genuine"
