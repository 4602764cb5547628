"""The closest point to each input that fools the model, as attacks for the smallest distance record it."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.attacks.losses import fooled_at
from harness.attacks.norm_balls import BallNorm, length
from harness.contract.context import Context
from harness.contract.threats import LabelledInputs, ScoreAccess
from harness.instruments.broadcasting import per_example

Bisections = Annotated[int, Ge(0)]


class Closest:
    """The closest point to each input that fools the model so far; the input itself where there is none.

    Args:
        batch: the inputs.
        norm: in which distance is measured.

    Attributes:
        answer: `[n, ...]`, the points.
        distance: `[n]`, of each from its input; infinite where none fools the model.
    """

    def __init__(self, batch: LabelledInputs, norm: BallNorm) -> None:
        self.norm: BallNorm = norm
        self.answer = batch.inputs.clone()
        self.distance = torch.full((len(batch),), math.inf, device=batch.inputs.device)
        self._batch = batch

    def offer(self, rows: Tensor, candidate: Tensor, fooled: Tensor) -> None:
        """Keep candidates `[m, ...]` of some rows `[m]` where `fooled` `[m]`, if closer than the points so far."""
        distance = length(candidate - self._batch.inputs[rows], self.norm)
        better = fooled & (distance < self.distance[rows])
        self.answer[rows] = torch.where(per_example(better, candidate), candidate, self.answer[rows])
        self.distance[rows] = torch.where(better, distance, self.distance[rows])

    @torch.no_grad()
    def bisected(self, model: ScoreAccess, ctx: Context, times: int) -> Tensor:
        """The points after bisecting `times` times between each and its input for where the prediction changes."""
        fooling_rows = torch.nonzero(self.distance.isfinite()).flatten()
        for rows in fooling_rows.split(ctx.batch_size) if times else ():
            clean, far = self._batch.inputs[rows], self.answer[rows]
            robust, fooling = torch.zeros(len(rows), device=rows.device), torch.ones(len(rows), device=rows.device)
            for _ in range(times):
                middle = (robust + fooling) / 2
                point = clean + per_example(middle, far) * (far - clean)
                fooled = fooled_at(model, point, self._batch, rows)
                self.offer(rows, point, fooled)
                robust, fooling = torch.where(fooled, robust, middle), torch.where(fooled, middle, fooling)
        return self.answer


def cosine(first: float, last: float, share: float) -> float:
    """Cosine annealing from `first` (at share 0) to `last` (at share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
