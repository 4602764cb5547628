"""Fast minimum-norm attack: gradient steps in a ball that shrinks while the model is fooled and grows while not."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    DUAL,
    BallNorm,
    Bisections,
    Closest,
    clipped,
    cosine,
    fooled_at,
    length,
    loss_gradient,
    row_batches,
    unit,
)


class FMN:
    """Fast minimum-norm attack for the smallest L2 or L-infinity distance (Pintor et al. 2021).

    arXiv:2102.12827, algorithm 1.

    Args:
        norm: the distance to make small.
        steps: gradient steps.
        gamma: by which share the ball shrinks or grows in the first step; 1e-4 in the last.
        step_size: length of the first step in L2, as a share of the width of the box; 1e-5 times as much in the last.
        bisections: halvings of the line to the clean input at the end; 0 is the paper's attack.
        targeted: move towards a target class instead of away from the true one.
    """

    pooled = True

    def __init__(
        self,
        norm: BallNorm = "l2",
        steps: Annotated[int, Ge(1)] = 100,
        gamma: Annotated[float, Gt(0), Lt(1)] = 0.05,
        step_size: Annotated[float, Gt(0)] = 1.0,
        bisections: Bisections = 10,
        targeted: bool = False,
    ) -> None:
        self.norm, self.steps, self.gamma, self.step_size, self.bisections = norm, steps, gamma, step_size, bisections
        self.threat = Threat(norm, None, targeted, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The closest of all points looked at that fool the model."""
        closest = Closest(batch, self.norm)
        model = closest.watching(model)
        for rows in row_batches(batch, ctx):
            self._descend(model, batch, rows, closest)
        return closest.bisected(model, ctx, self.bisections)

    def _descend(self, model: GradientAccess, batch: LabelledInputs, rows: Tensor, closest: Closest) -> None:
        clean = batch.inputs[rows]
        step_size = self.step_size * (batch.high - batch.low)
        offset, eps = torch.zeros_like(clean), torch.full((len(rows),), math.inf, device=clean.device)
        for step in range(self.steps):
            loss, gradient, fooled = loss_gradient(model, clean + offset, batch, rows, "margin")
            gamma = cosine(self.gamma, 1e-4, step / self.steps)
            never = closest.distance[rows].isinf()
            # To first order the boundary is where the margin, over the dual norm of its gradient, is used up. A point
            # on it fools nobody, so go beyond by the share that balls grow by.
            slope = length(gradient, DUAL[self.norm]).clamp_min(torch.finfo(gradient.dtype).tiny)
            ahead = length(offset, self.norm) - loss / slope
            outwards = torch.where(never, ahead, eps) * (1 + gamma)
            eps = torch.where(fooled, torch.minimum(eps * (1 - gamma), closest.distance[rows]), outwards)
            offset = offset + cosine(step_size, 1e-5 * step_size, step / self.steps) * unit(gradient)
            offset = clipped(offset, eps, self.norm)
            offset = (clean + offset).clamp(batch.low, batch.high) - clean
        fooled_at(model, clean + offset, batch, rows)
