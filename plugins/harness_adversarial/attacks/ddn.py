"""Decoupled direction and norm: steps projected onto a sphere that shrinks while the model is fooled."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    Bisections,
    Closest,
    Loss,
    adversarial_loss,
    cosine,
    fooled_at,
    gradients,
    is_fooled,
    log_odds,
    per_example,
    row_batches,
    targets_of,
    unit,
)


class DDN:
    """Decoupled direction and norm for the smallest L2 distance (Rony et al. 2019, arXiv:1811.09600, algorithm 1).

    Args:
        steps: gradient steps.
        gamma: by which share the radius of the sphere shrinks or grows in a step.
        radius: the radius of the first sphere, as a share of the width of the box.
        loss: what is maximised. The margin commits to the class that is nearest at the start, and is exact where
            boundaries are flat. Cross-entropy, as in the paper, leads past several classes: on a digits CNN one example
            in ten is closer by 5 to 40 %, on a linear model of five classes the median is 11 % farther. Its steps
            follow the log odds, which have its direction and a gradient where a model is very sure.
        bisections: halvings of the line to the clean input at the end; 0 is the paper's attack.
        targeted: move towards a target class instead of away from the true one.
    """

    pooled = True

    def __init__(
        self,
        steps: Annotated[int, Ge(1)] = 100,
        gamma: Annotated[float, Gt(0), Lt(1)] = 0.05,
        radius: Annotated[float, Gt(0)] = 1.0,
        loss: Loss = "margin",
        bisections: Bisections = 10,
        targeted: bool = False,
    ) -> None:
        self.steps, self.gamma, self.radius, self.bisections = steps, gamma, radius, bisections
        self.loss: Loss = loss
        self.threat = Threat("l2", None, targeted, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The closest of all points looked at that fool the model."""
        closest = Closest(batch, "l2")
        model = closest.watching(model)
        for rows in row_batches(batch, ctx):
            self._descend(model, batch, rows)
        return closest.bisected(model, ctx, self.bisections)

    def _descend(self, model: GradientAccess, batch: LabelledInputs, rows: Tensor) -> None:
        clean = batch.inputs[rows]
        width = batch.high - batch.low
        iterate, radius = clean.clone(), torch.full((len(rows),), self.radius * width, device=clean.device)
        for step in range(self.steps):
            (gradient,), _, (logits,) = gradients(model, iterate, rows, partial(self._loss, batch, rows))
            fooled = is_fooled(logits, batch.labels[rows], targets_of(batch, rows))
            size = cosine(1.0, 0.01, step / self.steps) * width
            offset = iterate - clean + size * unit(gradient)
            radius = radius * torch.where(fooled, 1 - self.gamma, 1 + self.gamma)
            # A radius beyond the corners of the box only delays the way back.
            radius = radius.clamp(max=width * clean[0].numel() ** 0.5)
            iterate = (clean + per_example(radius, offset) * unit(offset)).clamp(batch.low, batch.high)
        fooled_at(model, iterate, batch, rows)

    def _loss(self, batch: LabelledInputs, rows: Tensor, logits: Tensor) -> Tensor:
        labels, targets = batch.labels[rows], targets_of(batch, rows)
        if self.loss == "cross_entropy":
            return log_odds(logits, labels) if targets is None else -log_odds(logits, targets)
        return adversarial_loss(logits, labels, targets, self.loss)
