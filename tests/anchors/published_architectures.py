"""Architectures for tests of loading weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Tiny(nn.Module):
    """Two weights, for tests of loading."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.linear = nn.Linear(64, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs.flatten(1))


def not_a_module() -> int:
    """For a test of what an architecture must be."""
    return int(torch.tensor(3))
