"""What attacks and their peers are tried on: a digit classifier trained a little, and digits that it gets right."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api import LabelledInputs
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits
from trained_digits import trained_cnn


class Plain(nn.Module):
    """A network that takes the `rows` of the core's handle and ignores them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        logits: Tensor = self.network(inputs)
        return logits


def trained_network() -> DigitCNN:
    """Trained a little, so that its boundaries are those of digits."""
    return trained_cnn("short")


def right_digits(network: nn.Module, n: int) -> LabelledInputs:
    """Those of the first n test digits that the network gets right."""
    data = digits("test")
    inputs, labels = (torch.as_tensor(data.columns[name])[:n] for name in ("inputs", "labels"))
    with torch.no_grad():
        right = network(inputs).argmax(1) == labels
    ids = [name for name, chosen in zip(data.ids, right.tolist(), strict=False) if chosen]
    return LabelledInputs(ids, inputs[right], labels[right])
