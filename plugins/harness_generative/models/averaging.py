"""The exponential moving average of a network's weights, which yields better samples than the last weights."""

from __future__ import annotations

import torch
from torch import nn


class MovingAverage:
    """An exponential moving average of a network's weights; Karras et al. 2022, appendix F.2.

    The decay is (1 + step) / (10 + step) as long as that is less, so that the first, random weights are forgotten.

    Args:
        network: the network that is averaged.
        decay: how much of the average stays in each step.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._weights = list(network.parameters())
        self._average = [weight.detach().clone() for weight in self._weights]
        self._decay, self._step = decay, 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after a step."""
        decay = min(self._decay, (1 + self._step) / (10 + self._step))
        self._step += 1
        for average, weight in zip(self._average, self._weights, strict=True):
            average.lerp_(weight, 1 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the network's weights by the average."""
        for average, weight in zip(self._average, self._weights, strict=True):
            weight.copy_(average)
