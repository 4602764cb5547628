"""A small convolutional network for coloured digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.api import Context, Dataset
from harness_fairness.models.mitigation import Mitigation, TrainingGroups, train


class ColoredDigitCNN(nn.Module):
    """A small convolutional network for coloured digits, with mitigation by group.

    Two 3x3 convolutions with max-poolings and a hidden layer of 64 units, for images of three channels.

    Args:
        width: channels of the first convolution; the second has twice as many.
        epochs: passes over the training set.
        weight_decay: of AdamW; group DRO needs more than usual to generalise (Sagawa 2020, section 3.2).
        mitigation: `reweighting` gives every group the same weight, `balanced_sampling` draws every group as often,
            `group_dro` minimises the worst group's loss (Sagawa 2020).
        group: a group column of the training data for the mitigation, or several joined by `*`; `label` is the class.
        step_size: how fast the weights of groups move in group DRO.
    """

    def __init__(
        self,
        width: Annotated[int, Ge(1)] = 16,
        epochs: Annotated[int, Ge(1)] = 30,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        mitigation: Mitigation = "none",
        group: str | None = None,
        step_size: Annotated[float, Gt(0)] = 0.01,
    ) -> None:
        super().__init__()
        self._epochs, self._weight_decay = epochs, weight_decay
        self._mitigation, self._group, self._step_size = mitigation, group, step_size
        self.network = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * width * 4, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, 10]` of images `[n, 3, 8, 8]` in [0, 1]."""
        logits: Tensor = self.network(inputs)
        return logits

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split."""
        training = data("train")
        columns = training.take(range(len(training.ids)))
        inputs, labels = (torch.as_tensor(columns[name]).to(ctx.device) for name in ("inputs", "labels"))
        train(
            self.network,
            inputs,
            lambda outputs, rows: cross_entropy(outputs, labels[rows], reduction="none"),
            TrainingGroups.of(training, self._group, self._mitigation),
            self._mitigation,
            epochs=self._epochs,
            learning_rate=3e-3,
            weight_decay=self._weight_decay,
            step_size=self._step_size,
            ctx=ctx,
        )
