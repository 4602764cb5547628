"""A model that is too large for its device unless it is given few examples at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api import Component, hookimpl


class Greedy(nn.Module):
    """Asks for a twentieth of the memory of its device for each example, so that 19 fit at most."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.is_cuda:
            share = torch.cuda.mem_get_info(inputs.device)[1] // 20
            torch.empty(len(inputs) * share, dtype=torch.uint8, device=inputs.device)
        elif len(inputs) > 16:
            raise torch.OutOfMemoryError("a rehearsal without a GPU")
        logits: Tensor = self.layer(inputs.flatten(1))
        return logits


@hookimpl
def harness_components() -> list[Component]:
    return [Component("model", "greedy", f"{__name__}:Greedy", "Too large for its device.")]
