"""Rates that a judge tells, corrected for its own errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, proportion
from harness_language.guardrails.correction import Quality, corrected
from harness_language.judging.llm_judge import JUDGED

_VERDICT, _, _COUNTS = JUDGED


class JudgedRate:
    """Share of answers to which a judge says yes, corrected for the errors that it makes on labelled answers.

    Without labelled answers it is uncorrected, and says so. An answer without a verdict is missing.
    """

    columns: Sequence[str] = (_VERDICT,)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """The interval of Rogan and Gladen's estimate; Wilson's if it is uncorrected."""
        picked = self.per_example(records)
        verdicts = picked[~np.isnan(picked)]
        n_missing = len(picked) - len(verdicts)
        quality = measured_quality(records)
        if quality is None:
            plain = proportion(int(verdicts.sum()), len(verdicts), n_missing=n_missing)
            return replace(plain, reason=plain.reason or _UNCORRECTED)
        estimate = corrected(int(verdicts.sum()), len(verdicts), quality, n_missing=n_missing)
        return replace(estimate, reason=estimate.reason or _measured_on(quality))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 where the judge says yes, 0 where it says no; what is compared between runs is not corrected."""
        return records.floats(_VERDICT)


class JudgeSensitivity:
    """Share of the labelled answers that people said yes to, to which the judge says yes."""

    columns: Sequence[str] = (_COUNTS,)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval over these answers."""
        quality = measured_quality(records)
        if quality is None:
            return Estimate.undefined(_UNCORRECTED)
        return self._share(quality)

    def _share(self, quality: Quality) -> Estimate:
        return proportion(quality.true_positives, quality.positives)


class JudgeSpecificity(JudgeSensitivity):
    """Share of the labelled answers that people said no to, to which the judge says no."""

    def _share(self, quality: Quality) -> Estimate:
        return proportion(quality.true_negatives, quality.negatives)


def measured_quality(records: Records) -> Quality | None:
    """How often the judge is right on labelled answers; None if that was not measured."""
    if _COUNTS not in records or not len(records):
        return None
    counts = records.table.column(_COUNTS)[0].as_py()
    return None if counts is None else Quality(*counts)


_UNCORRECTED = "uncorrected: how often the judge errs is not measured; name answers that people judged (`labelled`)"


def _measured_on(quality: Quality) -> str:
    return f"corrected by the judge's errors on {quality.positives + quality.negatives} labelled answers"
