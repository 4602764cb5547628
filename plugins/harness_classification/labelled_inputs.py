"""The inputs and labels of a dataset, checked before a classifier sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.api import Dataset, InvalidOutput, LabelledInputs
from harness.api.instruments import column_tensor, whole_labels


def check_columns(columns: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Raise InvalidOutput where examples lack a column that classification needs, or the data their classes."""
    lacking = [f"column {name!r}" for name in ("inputs", "labels") if name not in columns]
    lacking += [] if "classes" in facts else ["fact 'classes'"]
    if lacking:
        raise InvalidOutput(f"the dataset lacks {' and '.join(lacking)}, which classification needs")


def labelled_inputs(data: Dataset, ids: Sequence[str], rows: range, device: str) -> LabelledInputs:
    """The examples of a dataset at some positions, on the device.

    Args:
        data: the dataset.
        ids: those of the examples.
        rows: their positions.
        device: where they go.

    Raises:
        InvalidOutput: columns are missing, inputs are not finite or outside the box, or labels are no positions of
            classes.
    """
    columns = data.take(rows)
    check_columns(columns, data.facts)
    low, high = data.facts.get("box", (0.0, 1.0))
    inputs = _inputs(columns["inputs"], ids, low, high)
    labels = _labels(columns["labels"], len(data.facts["classes"]))
    return LabelledInputs(ids, inputs.to(device), labels.to(device), None, float(low), float(high))


def _inputs(values: Any, ids: Sequence[str], low: float, high: float) -> Tensor:
    inputs = column_tensor(values, "inputs")
    if not inputs.is_floating_point():
        raise InvalidOutput(
            f"inputs are {inputs.dtype}; they must be floating point within [{low:g}, {high:g}]: "
            "let the dataset divide bytes by 255"
        )
    # NaN goes through to both ends, and to look for them takes a quarter of the time of asking every element.
    least, most = (float(end) for end in torch.aminmax(inputs))
    if not (math.isfinite(least) and math.isfinite(most)):
        first = ids[int((~torch.isfinite(inputs.flatten(1)).all(dim=1)).int().argmax())]
        raise InvalidOutput(f"inputs are not finite, first for example {first!r}: leave such examples out")
    if least < low or most > high:
        raise InvalidOutput(
            f"inputs reach from {least:g} to {most:g}, outside the box [{low:g}, {high:g}]"
            ": let the dataset scale them, or give its own box as fact 'box'; a model normalises them itself"
        )
    return inputs.float()


def _labels(values: Any, classes: int) -> Tensor:
    labels = whole_labels(values)
    if classes < 2:
        raise InvalidOutput(f"the dataset names {classes} class in fact 'classes'; classification needs at least 2")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InvalidOutput(f"labels must be whole numbers from 0 to {classes - 1}; they go from {low} to {high}")
    return labels
