"""Accuracy of choices whose likelihoods are divided by their lengths, from recorded likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, Records, proportion
from harness_language.choosing import choose

Length = Literal["characters", "bytes"]


class NormalisedChoiceAccuracy:
    """Accuracy where the choice with the highest log-likelihood per character (or byte) is taken: `acc_norm`.

    Total log-likelihood prefers short choices. The lengths are those of lm-evaluation-harness's `acc_norm` (characters)
    and `acc_bytes`: of each choice without the white space before it. There a tie goes to the first; here the choices
    that tie share the credit. Its likelihoods are of the choice alone: `end_choices: never` of the task.

    Args:
        by: what a likelihood is divided by.
    """

    columns: Sequence[str] = ("choice_nll", "choice_characters", "choice_bytes", "right_choice")
    direction = "max"
    unit = "fraction"

    def __init__(self, by: Length = "characters") -> None:
        self._lengths = f"choice_{by}"

    def estimate(self, records: Records) -> Estimate:
        """Wilson's interval over the questions that have choices of which one is right."""
        values = self.per_example(records)
        counted = values[~np.isnan(values)]
        asked = self._asked(records)
        if not asked.any():
            return Estimate.not_applicable("no record has choices of which one is right", n=len(values))
        return proportion(float(counted.sum()), len(counted), n_missing=int(asked.sum()) - len(counted))

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """1 for the right choice, 1/k where it ties with others, else 0; NaN without choices or likelihoods."""
        columns = (records.table.column(name).to_pylist() for name in ("choice_nll", self._lengths, "right_choice"))
        return np.array([_credit(*row) for row in zip(*columns, strict=True)], dtype=np.float64)

    def _asked(self, records: Records) -> npt.NDArray[np.bool_]:
        columns = (records.table.column(name).to_pylist() for name in ("choice_nll", "right_choice"))
        return np.array(
            [nll is not None and right is not None for nll, right in zip(*columns, strict=True)], dtype=bool
        )


def _credit(nll: Sequence[float | None] | None, lengths: Sequence[int], right: int | None) -> float:
    if nll is None or right is None or None in nll:
        return np.nan
    return choose([-value / length for value, length in zip(nll, lengths, strict=True) if value is not None]).credit(
        right
    )
