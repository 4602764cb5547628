"""Random search over the outermost points of an L-infinity ball."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from harness.api import Context, LabelledInputs, ScoreAccess, Threat
from torch import Tensor


class Corners:
    """Moves every pixel up or down by the whole budget, at random; the first move that fools the model is kept.

    Args:
        eps: budget in L-infinity, in units of the inputs.
        tries: how many moves to look at.
    """

    def __init__(self, eps: Annotated[float, Ge(0)] = 0.1, tries: Annotated[int, Ge(1)] = 10) -> None:
        self._eps, self._tries = eps, tries
        self.threat = Threat("linf", eps)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Draw by example id, so that neither the batch nor the order of examples changes what is drawn."""
        answer = batch.inputs.clone()
        left = torch.ones(len(batch), dtype=torch.bool, device=answer.device)
        for number in range(self._tries):
            sign = ctx.uniform(batch.ids, batch.inputs.shape[1:], "sign", number).round() * 2 - 1
            moved = (batch.inputs + self._eps * sign).clamp(batch.low, batch.high)
            answer[left] = moved[left]
            left &= model(moved).argmax(dim=1) == batch.labels
        return answer
