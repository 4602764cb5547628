"""Predictions saved by another system, which are audited without its model."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from harness.api import Examples, HarnessError, check_zip, why_no_arrays
from harness_uncertainty.metrics.probabilities import (
    PERCENT,
    normalised_probabilities,
    share_of_probabilities,
    softmax,
)

_MOSTLY = 0.5


def saved_probabilities(
    path: Path,
    holds: Literal["probabilities", "logits"],
    predictions: str = "predictions",
    labels: str = "labels",
) -> Examples:
    """Class probabilities and labels that another system saved as .npz, for the task `from_scores`.

    Whether the file holds probabilities or logits must be said: guessing goes wrong without a sign. Probabilities may
    be rounded, to decimals or to half precision; rows that sum to 1 but for that are divided by their sums.

    Args:
        path: the file.
        holds: the kind of its predictions; logits are turned into probabilities.
        predictions: the array `[n, classes]` in the file.
        labels: the array in the file, `[n]` or `[n, 1]` with numbers of classes, or `[n, classes]` with a single 1.

    Raises:
        HarnessError: the file cannot be read, an array is missing or has another shape, labels are no whole numbers, or
            what should be logits are probabilities.
        InvalidOutput: rows are no probabilities.
    """
    stored, truth = _arrays(path, (predictions, labels))
    if stored.ndim != 2 or not stored.size or truth.shape[:1] != stored.shape[:1]:
        both = "; of two classes save both: np.stack([1 - p, p], axis=1)" if stored.ndim == 1 else ""
        raise HarnessError(
            f"{path.name}: {predictions!r} is {list(stored.shape)} and {labels!r} {list(truth.shape)}; they must be "
            f"[n, classes] and [n], with at least one row{both}"
        )
    if stored.shape[1] == 1:
        raise HarnessError(
            f"{path.name}: {predictions!r} has one column; of two classes save both: np.hstack([1 - p, p])"
        )
    if stored.dtype.kind not in "fiub":
        raise HarnessError(f"{path.name}: {predictions!r} holds {stored.dtype}, not numbers")
    classes = _classes_of(truth, path, labels)
    if classes.min() < 0 or classes.max() >= stored.shape[1]:
        raise HarnessError(
            f"{path.name}: {labels!r} go from {classes.min()} to {classes.max()}; there are {stored.shape[1]} classes, "
            "counted from 0"
        )
    ids = [f"row-{i:07d}" for i in range(len(stored))]
    values = _of_logits(stored, path, predictions) if holds == "logits" else normalised_probabilities(stored, ids)
    return Examples(
        ids,
        {
            "labels": classes.tolist(),
            "predictions": values.argmax(axis=1).tolist(),
            # Round-off must not make a probability greater than 1.
            "confidence": np.minimum(values.max(axis=1), 1.0),
            "probabilities": values,
        },
        facts={"classes": [str(k) for k in range(stored.shape[1])]},
    )


def _arrays(path: Path, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    try:
        check_zip(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            both = " and ".join(map(repr, names))
            raise HarnessError(
                f"{path.name} holds one array; save {both} together: np.savez(path, {names[0]}=..., ...)"
            )
        with loaded as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                has = ", ".join(file.files) or "none"
                raise HarnessError(f"{path.name} has no array {missing[0]!r}; it has {has}")
            arrays = [file[name] for name in names]
            if not all(isinstance(array, np.ndarray) for array in arrays):
                raise ValueError("its entries are no arrays")
            return arrays
    except (OSError, ValueError, EOFError, MemoryError, BadZipFile, NotImplementedError, zlib.error) as error:
        raise HarnessError(f"{path.name} cannot be read as an .npz file: {why_no_arrays(error)}") from error


def _of_logits(stored: npt.NDArray[Any], path: Path, name: str) -> npt.NDArray[np.float64]:
    """The probabilities of logits, which must not be probabilities already."""
    values = stored.astype(np.float64)
    # Minus infinity rules out a class.
    valid = (values < np.inf).all(axis=1) & np.isfinite(values).any(axis=1)
    if not valid.all():
        raise HarnessError(
            f"{path.name}: {int((~valid).sum())} of {len(values)} rows of {name!r} are not finite, first row "
            f"{int(np.argmin(valid))}, counted from 0"
        )
    for total, remedy in ((1.0, ""), (PERCENT, ", and divide them by 100")):
        if share_of_probabilities(values / total) >= _MOSTLY:
            raise HarnessError(
                f"{path.name}: the rows of {name!r} are not negative and sum to {total:g} but for rounding, so they "
                f"are probabilities; a softmax of them is another distribution. Say `holds: probabilities`{remedy}"
            )
    return softmax(values)


def _classes_of(truth: npt.NDArray[Any], path: Path, name: str) -> npt.NDArray[np.int64]:
    if truth.dtype.kind not in "fiub" or truth.ndim > 2:
        raise HarnessError(
            f"{path.name}: {name!r} is {truth.dtype} {list(truth.shape)}; labels are whole numbers, one for each row"
        )
    if truth.ndim == 2 and truth.shape[1] > 1:
        if not ((truth == 0) | (truth == 1)).all() or not (truth.sum(axis=1) == 1).all():
            raise HarnessError(f"{path.name}: rows of {name!r} must hold a single 1")
        return np.asarray(truth.argmax(axis=1))
    labels = truth.reshape(len(truth))
    whole = np.isfinite(labels) & (labels == np.rint(labels))
    if not whole.all():
        first = int(np.argmin(whole))
        raise HarnessError(
            f"{path.name}: {int((~whole).sum())} of {len(labels)} {name!r} are no whole numbers, first {labels[first]} "
            f"in row {first}, counted from 0"
        )
    return labels.astype(np.int64)
