"""The predicted probability of each class, from the records of a classification or from saved predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import MOST_LOST_TO_ROUNDING, InvalidOutput, Records, sum_tolerance

PERCENT = 100.0
NO_PROBABILITIES = "the records hold no class probabilities"


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
    with np.errstate(over="ignore"):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def normalised_probabilities(values: npt.ArrayLike, names: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Rows `[n, classes]` that are probabilities but for the rounding of what stored them, divided by their sums.

    Raises:
        InvalidOutput: says the first row that is none.
    """
    rows = np.asarray(values, dtype=np.float64)
    tolerance = sum_tolerance(rows)
    wrong = ~_are_probabilities(rows, tolerance)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InvalidOutput(
            f"{int(wrong.sum())} of {len(rows)} rows are no probabilities; that of {str(np.asarray(names)[first])!r} "
            f"{_fault(rows[first], tolerance)}"
        )
    sums = rows.sum(axis=1, keepdims=True)
    # What float64 holds as well as it can stays as it is, at the edge of a bin too.
    return np.asarray(rows / np.where(np.abs(sums - 1) <= rows.shape[1] * np.finfo(np.float64).eps, 1.0, sums))


def share_of_probabilities(values: npt.NDArray[np.float64]) -> float:
    """The share of rows `[n, classes]` that are non-negative and sum to 1 but for rounding, however much that takes."""
    likely = _are_probabilities(values, sum_tolerance(values, most=np.inf)) & (values.max(axis=1) <= 1)
    return float((likely & (values > 0).any(axis=1)).mean())


def _are_probabilities(rows: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    inside = ((rows >= 0) & (rows <= 1 + tolerance)).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(inside & (np.abs(rows.sum(axis=1) - 1) <= tolerance))


def _fault(row: npt.NDArray[np.float64], tolerance: float) -> str:
    total, least, most = row.sum(), row.min(), row.max()
    if not np.isfinite(row).all():
        return "is not finite"
    if least >= 0 and abs(total - PERCENT) <= tolerance * PERCENT:
        return f"sums to {total:.8g}; divide percentages by 100"
    if -tolerance <= least < 0 and abs(total - 1) <= tolerance:
        return f"has a negative value, {least:.4g}; if that is round-off, save np.clip(p, 0, 1)"
    if least < 0 or most > 1 + tolerance:
        return (
            f"sums to {total:.4g} and reaches from {least:.4g} to {most:.4g}. If they are logits, say so: "
            "`holds: logits`"
        )
    explained = f"further from 1 than their rounding explains ({tolerance:.2g})"
    if tolerance >= MOST_LOST_TO_ROUNDING:
        explained += "; save them with more decimals"
    return f"sums to {total:.8g}, {explained}. They must be the probabilities of classes of which one is right"


def _checked(records: Records) -> npt.NDArray[np.float64]:
    values = records["probabilities"]
    if values.ndim != 2:
        lengths = {np.size(row) for row in values}
        if len(lengths) > 1 or not lengths:
            raise InvalidOutput("the column 'probabilities' must hold one vector per record, all of one length")
        values = np.stack(list(values))
    return normalised_probabilities(values, records["id"])


def _valid(records: Records, name: str) -> npt.NDArray[np.bool_]:
    return np.asarray(records.table.column(name).is_valid().to_numpy(), dtype=bool)
