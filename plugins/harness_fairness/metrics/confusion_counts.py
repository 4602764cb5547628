"""Counts of a confusion table by group, from which every rate, bootstrap and permutation of rates is computed.

Labels, predictions and groups are all that a rate depends on, so a million records become a few hundred counts: a
bootstrap of rows is a multinomial draw on the counts, and a permutation of groups a hypergeometric one, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput, Partition, Records

Rate = Literal["accuracy", "error", "fpr", "fnr", "tpr", "ppv", "selection_rate"]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

HIGHER_IS_BETTER = frozenset({"accuracy", "tpr", "ppv", "selection_rate"})
DENOMINATOR: Mapping[Rate, str] = {
    "accuracy": "with a label and a prediction",
    "error": "with a label and a prediction",
    "fpr": "whose label is negative",
    "fnr": "whose label is positive",
    "tpr": "whose label is positive",
    "ppv": "predicted positive",
    "selection_rate": "with a prediction",
}
_PREDICTIONS = ("prediction", "clean_prediction")
# The axes of a table of counts, after the group: is the label positive, is the prediction positive, are they the same.
_LABEL, _PREDICTION, _CORRECT = np.indices((2, 2, 2)).astype(bool)
_EVERYTHING = np.ones((2, 2, 2), dtype=bool)
_SUCCESS_AND_TRIAL: Mapping[Rate, tuple[Truth, Truth]] = {
    "accuracy": (_CORRECT, _EVERYTHING),
    "error": (~_CORRECT, _EVERYTHING),
    "fpr": (_PREDICTION, ~_LABEL),
    "fnr": (~_PREDICTION, _LABEL),
    "tpr": (_PREDICTION, _LABEL),
    "ppv": (_LABEL, _PREDICTION),
    "selection_rate": (_PREDICTION, _EVERYTHING),
}


@dataclass(frozen=True)
class Outcomes:
    """Label, prediction and whether they agree, for each record.

    Attributes:
        label, prediction: `[n]`, whether it is the positive class; False where not known.
        correct: `[n]`, whether they are the same class, which for several classes is more than both being negative.
        known: `[n]`, whether the record has both.
    """

    label: Truth
    prediction: Truth
    correct: Truth
    known: Truth

    def successes_and_trials(self, rate: Rate) -> tuple[Truth, Truth]:
        """`[n]` each: whether a record is in the numerator of a rate, and whether in its denominator."""
        index = 4 * self.label + 2 * self.prediction + self.correct
        success, trial = _SUCCESS_AND_TRIAL[rate]
        inside = trial.ravel()[index] & self.known
        return success.ravel()[index] & inside, inside


@dataclass(frozen=True)
class ConfusionCounts:
    """How many records of each group have which label and prediction.

    Attributes:
        members: the names of the groups.
        counts: `[groups, 2, 2, 2]`: label positive, prediction positive, both the same class.
        n_missing: records without label or prediction.
    """

    members: tuple[str, ...]
    counts: Whole
    n_missing: int = 0

    def successes_and_trials(self, rate: Rate) -> tuple[Whole, Whole]:
        """Numerators and denominators of a rate, `[groups]`."""
        return successes_and_trials(self.counts, rate)


def successes_and_trials(counts: Whole, rate: Rate) -> tuple[Whole, Whole]:
    """Numerators and denominators `[...]` of a rate, of counts `[..., 2, 2, 2]`."""
    success, trial = _SUCCESS_AND_TRIAL[rate]
    flat = counts.reshape(*counts.shape[:-3], 8)
    return flat[..., (success & trial).ravel()].sum(axis=-1), flat[..., trial.ravel()].sum(axis=-1)


def outcomes_of(records: Records, rate: Rate, positive: int | str) -> Outcomes | None:
    """Read labels and predictions from the records; None if they lack what the rate needs.

    Raises:
        InvalidOutput: a probability or the like stands where a class should.
    """
    prediction = next((name for name in _PREDICTIONS if name in records), None)
    if prediction is not None and "label" in records:
        label, known_label = is_positive(records, "label", positive)
        predicted, known_prediction = is_positive(records, prediction, positive)
        return Outcomes(label, predicted, _same(records, "label", prediction), known_label & known_prediction)
    if prediction is not None and rate == "selection_rate":
        predicted, known = is_positive(records, prediction, positive)
        return Outcomes(np.zeros_like(predicted), predicted, np.zeros_like(predicted), known)
    if rate in ("accuracy", "error") and "correct" in records:
        values = records.floats("correct")
        nothing = np.zeros(len(records), dtype=bool)
        return Outcomes(nothing, nothing, values == 1, np.isfinite(values))
    return None


def confusions(outcomes: Outcomes, partition: Partition) -> ConfusionCounts:
    """Count the outcomes of every group."""
    index = 8 * partition.of_row + 4 * outcomes.label + 2 * outcomes.prediction + outcomes.correct
    counted = index if outcomes.known.all() else index[outcomes.known]
    counts = np.bincount(counted, minlength=8 * len(partition.members)).astype(np.int64)
    return ConfusionCounts(partition.members, counts.reshape(-1, 2, 2, 2), int(len(index) - len(counted)))


def is_positive(records: Records, column: str, positive: int | str) -> tuple[Truth, Truth]:
    """Whether each value is the positive class, and whether it is not missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = records.table.column(column)
    wanted: Any = (
        str(positive) if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) else positive
    )
    if isinstance(wanted, str) and not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        raise InvalidOutput(f"the positive class is {positive!r}, but column {column!r} holds {values.type}, not text")
    if pa.types.is_floating(values.type):
        whole = pc.equal(pc.floor(values), values)
        if not pc.all(whole, skip_nulls=True).as_py():
            raise InvalidOutput(f"column {column!r} holds fractions; a rate needs classes: declare a threshold")
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    is_known = np.asarray(values.is_valid().to_numpy(), dtype=bool)
    return np.asarray(pc.fill_null(pc.equal(values, wanted), False).to_numpy(), dtype=bool), is_known


def _same(records: Records, one: str, other: str) -> Truth:
    import pyarrow as pa
    import pyarrow.compute as pc

    if "correct" in records:
        return np.asarray(records.floats("correct") == 1)
    try:
        same = pc.equal(records.table.column(one), records.table.column(other))
    except pa.ArrowNotImplementedError as error:
        raise InvalidOutput(f"columns {one!r} and {other!r} hold different kinds of classes: {error}") from error
    return np.asarray(pc.fill_null(same, False).to_numpy(), dtype=bool)
