"""Records of a table of scores that some other system wrote: an audit without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.api import Context, Dataset, InvalidOutput, Outcome

_OWN = ("id", "label", "score", "prediction", "correct")


class FromScores:
    """Audit a table of labels and scores, without a model.

    Take labels, and scores or predictions, from the data as they are; predict 1 from `threshold` on. Selection rates
    need no labels.

    Data: `labels` (0 or 1, or any classes where predictions are given), `scores` (numbers) or `predictions`; every
    other column becomes a record column of its name, e.g. `errors` and `words` of a transcript, or `speaker`. So which
    columns the records have is known only once the data are read, and the task declares none.

    Args:
        threshold: from which score on the prediction is 1. It is part of what must be equal before two rates may be
            compared. Needed where the data have no predictions.
    """

    outputs: Sequence[str] = ("scores", "predictions", "confidence", "errors", "correct_words", "hypothesis")

    def __init__(self, threshold: float | None = None) -> None:
        self._threshold = threshold

    def run(self, data: Dataset, ctx: Context) -> Outcome:
        """One record per row of the table.

        Columns: id, label, score, prediction, correct, whatever else the data have, group.<name>.
        """
        columns = dict(data.take(range(len(data.ids))))
        labels, scores, predictions = (columns.pop(name, None) for name in ("labels", "scores", "predictions"))
        records: dict[str, Any] = {"id": data.ids}
        if scores is not None:
            records["score"] = _numbers(scores, "scores", data)
        if labels is not None:
            records["label"] = labels
        if predictions is None and scores is not None:
            if self._threshold is not None:
                _check_binary(labels, data)
                predictions = (records["score"] >= self._threshold).astype(np.int64)
            elif labels is not None and "genuine" not in columns:
                raise InvalidOutput(
                    "no threshold is declared: rates depend on it; give it as `task: {use: from_scores, "
                    "with: {threshold: 0.5}}`, or give the data's own predictions"
                )
        if predictions is not None:
            records["prediction"] = predictions
            if labels is not None:
                records["correct"] = _agreement(predictions, labels)
        clash = [name for name in columns if name in _OWN]
        if clash:
            raise InvalidOutput(f"the data's column {clash[0]!r} has the name of a column that the task makes")
        groups = {f"group.{name}": column for name, column in data.groups.items()}
        return Outcome({**records, **columns, **groups}, {"threshold": self._threshold})


def _numbers(values: Any, name: str, data: Dataset) -> Any:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        first = data.ids[int(np.argmin(np.isfinite(array)))]
        raise InvalidOutput(f"{int((~np.isfinite(array)).sum())} {name} are not finite, first for {first!r}")
    return array


def _check_binary(labels: Any, data: Dataset) -> None:
    if labels is None or (isinstance(labels, np.ndarray) and np.isin(labels, (0, 1)).all()):
        return
    for name, label in zip(data.ids, labels, strict=True):
        if label is not None and label not in (0, 1):
            raise InvalidOutput(f"label {label!r} of {name!r} is neither 0 nor 1; name the positive class in the data")


def _agreement(predictions: Any, labels: Any) -> Any:
    """Whether each prediction is the label, None where either is missing."""
    if isinstance(predictions, np.ndarray) and isinstance(labels, np.ndarray):
        return predictions == labels
    pairs = zip(predictions, labels, strict=True)
    return [None if prediction is None or label is None else bool(prediction == label) for prediction, label in pairs]
