"""The training data of a generative model: a split as tensors, checked against the shapes of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Dataset, HarnessError


@dataclass(frozen=True)
class TrainingData:
    """A whole split on one device.

    Attributes:
        inputs: `[n, *shape]`, float32 in [0, 1].
        labels: `[n]`, int64; None for a model without conditions.
    """

    inputs: Tensor
    labels: Tensor | None

    @classmethod
    def of(cls, data: Dataset, shape: Sequence[int], classes: int | None, device: str) -> TrainingData:
        """Read every example of a dataset.

        Args:
            data: with a column `inputs`, and `labels` if there are classes.
            shape: the shape of one example, as the model was built for it.
            classes: how many the model knows; None if it takes no conditions.
            device: where the tensors go.

        Raises:
            HarnessError: the data are of another shape, box or number of classes.
        """
        columns = data.take(range(len(data.ids)))
        inputs = torch.as_tensor(columns["inputs"]).float()
        low, high = data.facts.get("box", (0.0, 1.0))
        if tuple(inputs.shape[1:]) != tuple(shape):
            actual = list(inputs.shape[1:])
            raise HarnessError(f"the model makes samples of shape {list(shape)}, its training data have {actual}")
        if (low, high) != (0.0, 1.0):
            raise HarnessError(f"the model makes samples in [0, 1], its training data lie in [{low:g}, {high:g}]")
        if classes is None:
            return cls(inputs.to(device), None)
        if "labels" not in columns:
            raise HarnessError("the model takes classes as conditions, but its training data have no labels")
        labels = torch.as_tensor(columns["labels"]).long()
        if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise HarnessError(f"the model knows {classes} classes, its training data have label {int(labels.max())}")
        return cls(inputs.to(device), labels.to(device))
