"""The predicted probability of each class, from the records of a classification or from saved predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput, Records

NO_PROBABILITIES = "the records hold no class probabilities"
_SUM_TOLERANCE = 1e-4
"""How far from 1 probabilities may sum: four decimals of a file."""


@dataclass(frozen=True)
class ClassProbabilities:
    """Predictions with their labels.

    Attributes:
        probabilities: `[n, classes]`, float64.
        labels: `[n]`, int64.
        kept: `[len(records)]`, which records these are.
        n_missing: records without a label or a valid prediction.
    """

    probabilities: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    n_missing: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def one_hot(self) -> npt.NDArray[np.float64]:
        """The labels as `[n, classes]`."""
        return np.eye(self.probabilities.shape[1])[self.labels]


def class_probabilities(records: Records) -> ClassProbabilities | None:
    """Probabilities from the array `logits`, or the column `probabilities`; None if there is neither.

    Raises:
        InvalidOutput: probabilities are negative or do not sum to 1, or a label is none of the classes.
    """
    valid = _valid(records, "label") & (
        _valid(records, "clean_prediction") if "clean_prediction" in records else np.ones(len(records), dtype=bool)
    )
    if "probabilities" in records:
        valid &= _valid(records, "probabilities")
        probabilities = _checked(records.where(valid))
    else:
        try:
            logits = records.artifact("logits")
        except KeyError:
            return None
        if len(logits) != len(records):
            raise InvalidOutput(f"there are {len(logits)} rows of logits for {len(records)} records")
        probabilities = softmax(logits[valid])
    labels = np.asarray(records.where(valid)["label"])
    if probabilities.size and not (np.isin(labels, np.arange(probabilities.shape[1]))).all():
        wrong = labels[~np.isin(labels, np.arange(probabilities.shape[1]))][0]
        raise InvalidOutput(f"label {wrong} is none of the classes 0 to {probabilities.shape[1] - 1}")
    return ClassProbabilities(probabilities, labels.astype(np.int64), valid, int((~valid).sum()) + records.n_missing)


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probabilities `[n, classes]` in float64."""
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def check_probabilities(values: npt.NDArray[np.float64], names: npt.ArrayLike) -> None:
    """Check that rows `[n, classes]` are probabilities.

    Raises:
        InvalidOutput: says the first row that is not.
    """
    outside = ~((values >= 0) & (values <= 1 + _SUM_TOLERANCE)).all(axis=1)
    off = np.abs(values.sum(axis=1) - 1) > _SUM_TOLERANCE
    wrong = outside | off | ~np.isfinite(values).all(axis=1)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InvalidOutput(
            f"{int(wrong.sum())} of {len(values)} rows are no probabilities; that of {str(np.asarray(names)[first])!r} "
            f"sums to {values[first].sum():.4g}, its smallest is {values[first].min():.4g}. If they are logits, say "
            "so: `holds: logits`"
        )


def _checked(records: Records) -> npt.NDArray[np.float64]:
    values = records["probabilities"]
    if values.ndim != 2:
        lengths = {np.size(row) for row in values}
        if len(lengths) > 1 or not lengths:
            raise InvalidOutput("the column 'probabilities' must hold one vector per record, all of one length")
        values = np.stack(list(values))
    values = values.astype(np.float64)
    check_probabilities(values, records["id"])
    return values


def _valid(records: Records, name: str) -> npt.NDArray[np.bool_]:
    return np.asarray(records.table.column(name).is_valid().to_numpy(), dtype=bool)
