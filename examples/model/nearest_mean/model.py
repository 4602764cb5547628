"""Classification by the nearest class mean, for images of digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from annotated_types import Gt
from harness.api import Context, Dataset
from torch import Tensor, nn

_PIXELS, _CLASSES = 8 * 8, 10


class NearestMean(nn.Module):
    """Gives an image the class whose mean training image is nearest to it.

    Args:
        sharpness: what a squared distance of 1 takes from the logit of a class.
    """

    means: Tensor

    def __init__(self, sharpness: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self._sharpness = sharpness
        # A buffer: what `fit` finds is kept in the store with the state of the module.
        self.register_buffer("means", torch.zeros(_CLASSES, _PIXELS))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, 10]` of images `[n, 1, 8, 8]` in [0, 1]."""
        differences = inputs.flatten(1)[:, None] - self.means
        return -self._sharpness * differences.square().sum(dim=-1)

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Take the mean of the training images of every class."""
        train = data("train")
        columns = train.take(range(len(train.ids)))
        images, labels = torch.as_tensor(columns["inputs"]).flatten(1), torch.as_tensor(columns["labels"])
        means = torch.stack([images[labels == label].mean(dim=0) for label in range(_CLASSES)])
        self.means.copy_(means)
