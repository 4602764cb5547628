"""Columns of datasets as tensors: plugins give arrays, lists, or tensors that require gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.contract.errors import InvalidOutput


def column_tensor(values: Any, name: str) -> Tensor:
    """A column of a dataset as a tensor without gradient.

    Args:
        values: an array, a tensor, or a list of numbers or of lists.
        name: what the column is called, for errors.

    Raises:
        InvalidOutput: the column holds anything but numbers, or its rows differ in shape.
    """
    try:
        return torch.as_tensor(values).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        first = next(iter(values), None) if hasattr(values, "__iter__") else values
        raise InvalidOutput(
            f"{name} cannot be read as an array of numbers; the first one is {first!r:.40}, of type "
            f"{type(first).__name__}"
        ) from error


def whole_labels(values: Any) -> Tensor:
    """The labels of a dataset, int64 `[n]`, whatever the width of its whole numbers.

    Raises:
        InvalidOutput: the labels are no whole numbers, or not one for each example.
    """
    labels = column_tensor(values, "labels")
    if labels.dim() != 1:
        remedy = "" if labels.dim() != 2 else ": flatten them" if labels.shape[1] == 1 else ": take their argmax"
        raise InvalidOutput(
            f"labels have shape {list(labels.shape)}; one whole number for each example is needed{remedy}"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise InvalidOutput(f"labels must be whole numbers, not {str(labels.dtype).removeprefix('torch.')}")
    return labels.long()
