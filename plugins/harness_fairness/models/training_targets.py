"""The labels or numbers that a model for tables is fitted to, by the columns of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.api import Dataset, InvalidOutput
from harness.api.instruments import column_tensor, whole_labels


@dataclass(frozen=True)
class TrainingTargets:
    """Inputs with the labels or numbers that a model is fitted to.

    Attributes:
        inputs: `[n, d]`, float32.
        labels: `[n]`, int64; None for regression.
        targets: `[n]`, float64; None for classification.
        classes: the number of classes; 0 for regression.
    """

    inputs: Tensor
    labels: Tensor | None
    targets: Tensor | None
    classes: int

    @classmethod
    def of(cls, data: Dataset, device: str) -> TrainingTargets:
        """Labels where the data have them, else targets.

        Raises:
            InvalidOutput: inputs are no rows of finite numbers, or there is nothing to learn.
        """
        columns = data.take(range(len(data.ids)))
        if "inputs" not in columns:
            raise InvalidOutput("the training data have no inputs; of a table, name the `features:`")
        inputs = column_tensor(columns["inputs"], "inputs").float().flatten(1)
        if not bool(inputs.isfinite().all()):
            raise InvalidOutput("the inputs of the training data are not finite")
        if "labels" in columns:
            labels = whole_labels(columns["labels"])
            classes = len(data.facts.get("classes", ())) or int(labels.max()) + 1
            if int(labels.min()) < 0 or int(labels.max()) >= classes:
                raise InvalidOutput(f"labels of the training data must be from 0 to {classes - 1}")
            return cls(inputs.to(device), labels.to(device), None, classes)
        if "targets" not in columns:
            raise InvalidOutput("the training data have neither labels nor targets")
        targets = torch.as_tensor(np.asarray(columns["targets"], dtype=np.float64))
        return cls(inputs.to(device), None, targets.to(device), 0)

    @cached_property
    def scale(self) -> Tensor:
        """Mean and standard deviation of the targets, float64 `[2]`; 0 and 1 for classes."""
        if self.targets is None:
            return torch.tensor([0.0, 1.0], dtype=torch.float64)
        deviation = self.targets.std(correction=0)
        return torch.stack(
            [self.targets.mean(), deviation if float(deviation) > 0 else torch.ones_like(deviation)]
        ).cpu()

    def losses(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Cross-entropy, or the squared error in units of the deviation, `[m]` of outputs `[m, k]`."""
        if self.labels is not None:
            return cross_entropy(outputs, self.labels[rows], reduction="none")
        assert self.targets is not None
        mean, deviation = self.scale.tolist()
        wanted = ((self.targets[rows] - mean) / deviation).to(outputs.dtype)
        squares: Tensor = (outputs.squeeze(1) - wanted) ** 2
        return squares

    def deviation_of(self, predictions: Tensor) -> Tensor:
        """The root mean square error of predictions `[n]`, positive, in the units of the targets."""
        assert self.targets is not None
        return (predictions - self.targets).square().mean().sqrt().clamp(min=1e-12)
