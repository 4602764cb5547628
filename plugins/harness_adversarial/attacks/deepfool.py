"""DeepFool: steps to the nearest boundary of the linearised model."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    DUAL,
    ROUND_OFF,
    BallNorm,
    Bisections,
    Closest,
    firmly_fooled,
    length,
    per_example,
    run_steps,
    steepest,
)


class DeepFool:
    """Smallest L2 or L-infinity distance by steps to the boundary of the linearised model (Moosavi-Dezfooli 2016).

    arXiv:1511.04599, algorithm 2 and, for L-infinity, equations 11 and 12.

    Args:
        norm: the distance to make small.
        steps: at most so many.
        candidates: classes whose boundaries are considered, the likeliest first; each costs a backward pass a step.
        overshoot: the perturbation is made larger by this share, to get across the boundary.
        bisections: halvings of the line to the clean input at the end; 0 is the paper's attack.
    """

    pooled = True

    def __init__(
        self,
        norm: BallNorm = "l2",
        steps: Annotated[int, Ge(1)] = 50,
        candidates: Annotated[int, Ge(1)] = 9,
        overshoot: Annotated[float, Ge(0)] = 0.02,
        bisections: Bisections = 10,
    ) -> None:
        self.norm, self.steps, self.candidates, self.overshoot = norm, steps, candidates, overshoot
        self.bisections = bisections
        self.threat = Threat(norm, None, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The closest of all points looked at that fool the model: the last iterate, moved back to the boundary."""
        closest = Closest(batch, self.norm)
        model = closest.watching(model)
        offset = torch.zeros_like(batch.inputs)
        taken = torch.zeros(len(batch), dtype=torch.long, device=batch.inputs.device)

        def step(rows: Tensor) -> Tensor:
            pushed = batch.inputs[rows] + (1 + self.overshoot) * offset[rows]
            point = pushed.clamp(batch.low, batch.high)
            fooled, move = self._towards_boundary(model, point, batch.labels[rows], rows)
            offset[rows] += move
            taken[rows] += 1
            # Without any slope there is nowhere to go.
            return fooled | ~(length(move, "linf") > 0) | (taken[rows] > self.steps)

        run_steps(batch, ctx, step)
        return closest.bisected(model, ctx, self.bisections)

    def _towards_boundary(
        self, model: GradientAccess, point: Tensor, labels: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Which points fool the model firmly `[m]`, and the step `[m, ...]` across the nearest linearised boundary."""
        point = point.detach().requires_grad_(True)
        logits = model(point, rows)
        own = logits.gather(1, labels[:, None])
        others = logits.detach().scatter(1, labels[:, None], -math.inf)
        rivals = others.topk(min(self.candidates, logits.shape[1] - 1), dim=1).indices
        lead = own - logits.gather(1, rivals)
        spread = (logits.amax(dim=1) - logits.amin(dim=1)).detach()
        beyond = 2 * ROUND_OFF * spread
        nearest = torch.full((len(rows),), math.inf, device=point.device)
        move = torch.zeros_like(point)
        for rival in range(rivals.shape[1]):
            last = rival + 1 == rivals.shape[1]
            (gradient,) = torch.autograd.grad(-lead[:, rival].sum(), point, retain_graph=not last)
            slope = length(gradient, DUAL[self.norm])
            # A point on the boundary must move too, if only by more than round-off.
            away = torch.where(slope > 0, (lead[:, rival].detach().abs() + beyond) / slope, math.inf)
            closer = away < nearest
            step = per_example(away.nan_to_num(posinf=0), move) * steepest(gradient, self.norm)
            move = torch.where(per_example(closer, move), step, move)
            nearest = torch.where(closer, away, nearest)
        return firmly_fooled(logits.detach(), labels, None), move.detach()
