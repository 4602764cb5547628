"""Predictions saved by another system, which are audited without its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.api import Examples, HarnessError
from harness_uncertainty.metrics.probabilities import check_probabilities, softmax


def saved_probabilities(
    path: Path,
    holds: Literal["probabilities", "logits"],
    predictions: str = "predictions",
    labels: str = "labels",
) -> Examples:
    """Class probabilities and labels that another system saved as .npz, for the task `from_scores`.

    Whether the file holds probabilities or logits must be said: guessing goes wrong without a sign.

    Args:
        path: the file.
        holds: the kind of its predictions; logits are turned into probabilities.
        predictions: the array `[n, classes]` in the file.
        labels: the array in the file, `[n]` or `[n, 1]` with numbers of classes, or `[n, classes]` with a single 1.

    Raises:
        HarnessError: the file cannot be read, or an array is missing or has another shape.
        InvalidOutput: rows are no probabilities.
    """
    stored, truth = (_array(path, name) for name in (predictions, labels))
    if stored.ndim != 2 or len(truth) != len(stored):
        raise HarnessError(
            f"{path.name}: {predictions!r} is {list(stored.shape)} and {labels!r} {list(truth.shape)}; they must be "
            "[n, classes] and [n]"
        )
    classes = _classes_of(truth, path, labels)
    if classes.min() < 0 or classes.max() >= stored.shape[1]:
        raise HarnessError(
            f"{path.name}: {labels!r} go from {classes.min()} to {classes.max()}; there are {stored.shape[1]} classes"
        )
    ids = [f"row-{i:07d}" for i in range(len(stored))]
    values = softmax(stored) if holds == "logits" else np.asarray(stored, dtype=np.float64)
    check_probabilities(values, ids)
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


def _array(path: Path, name: str) -> Any:
    try:
        with np.load(path, allow_pickle=False) as file:
            if name in file.files:
                return file[name]
            raise HarnessError(f"{path.name} has no array {name!r}; it has {', '.join(file.files)}")
    except (OSError, ValueError, AttributeError) as error:
        raise HarnessError(f"{path.name} cannot be read as an .npz file: {error}") from error


def _classes_of(truth: Any, path: Path, name: str) -> Any:
    if truth.ndim == 2 and truth.shape[1] > 1:
        if not ((truth == 0) | (truth == 1)).all() or not (truth.sum(axis=1) == 1).all():
            raise HarnessError(f"{path.name}: rows of {name!r} must hold a single 1")
        return truth.argmax(axis=1)
    return truth.reshape(len(truth)).astype(np.int64)
