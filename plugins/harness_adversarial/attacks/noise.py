"""Uniform noise: the baseline of a budget without any search."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import BallNorm, fooled_at, random_offset, random_points


class UniformNoise:
    """Uniform noise from the ball of the budget around each input: the baseline every attack must beat.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball.
        draws: how many points to try; the first that fools the model counts.
    """

    pooled = True

    def __init__(self, eps: Annotated[float, Ge(0)], norm: BallNorm = "linf", draws: Annotated[int, Ge(1)] = 1) -> None:
        self.eps, self.norm, self.draws = eps, norm, draws
        self.threat = Threat(norm, eps)

    @torch.no_grad()
    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Draw until an example is fooled or its draws are used up; the last draw is not classified here."""
        answer = torch.empty_like(batch.inputs)
        left = torch.arange(len(batch), device=batch.inputs.device)
        for draw in range(self.draws):
            rows = left.tolist()
            answer[left] = random_points(batch, rows, ctx, self.eps, self.norm, draw, "draw", random_offset)
            if draw + 1 < self.draws and len(left):
                fooled = [fooled_at(model, answer[rows], batch, rows) for rows in left.split(ctx.batch_size)]
                left = left[~torch.cat(fooled)]
        return answer
