"""Attacks that follow the gradient of the loss with respect to the input: FGSM, BIM and PGD."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness_adversarial.machinery.active_set import ActiveSet
from harness_adversarial.machinery.l1_ball import project_l1, sparse_step
from harness_adversarial.machinery.lanes import Found
from harness_adversarial.machinery.losses import Loss, adversarial_loss, targets_of
from harness_adversarial.machinery.norms import ConvexNorm, project, random_start, steepest

Eps = Annotated[float, Ge(0)]
Steps = Annotated[int, Ge(1)]
StepSize = Annotated[float, Gt(0)] | None

_SPARSE = 0.01
"""Of the entries that a step in L1 moves (Tramèr & Boneh 2019, arXiv:1904.13000, section 4)."""


class FGSM:
    """Fast gradient sign method (Goodfellow, Shlens & Szegedy 2015, section 4): x + eps * sign(grad loss(x)).

    Args:
        eps: L-infinity budget, in units of the inputs.
        targeted: move towards a target class instead of away from the true one.
        loss: what is maximised.
    """

    pooled = True

    def __init__(self, eps: Eps, targeted: bool = False, loss: Loss = "cross_entropy") -> None:
        self.eps, self.loss = eps, loss
        self.threat = Threat("linf", eps, targeted)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """One step for every example."""
        answer = torch.empty_like(batch.inputs)
        for start in range(0, len(batch), ctx.batch_size):
            rows = torch.arange(start, min(start + ctx.batch_size, len(batch)), device=batch.inputs.device)
            clean = batch.inputs[rows].requires_grad_(True)
            loss = adversarial_loss(model(clean, rows), batch.labels[rows], targets_of(batch, rows), self.loss)
            (gradient,) = torch.autograd.grad(loss.sum(), clean)
            moved = clean.detach() + self.eps * gradient.sign()
            answer[rows] = moved.clamp(batch.low, batch.high)
            ctx.progress(start + len(rows), len(batch))
        return answer


class PGD:
    """Projected gradient descent on the negative loss (Madry et al. 2018, section 2.1).

    In the L1 ball a step moves the hundredth of the pixels with the largest gradients.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        steps: gradient steps per restart.
        step_size: length of a step in the norm; by default 2.5 * eps / steps.
        restarts: independent random starts; an example is robust only if it survives all.
        random_start: start at a random point of the ball instead of at the clean input: uniform for L-infinity, for
            L2 uniform in direction and distance.
        targeted: move towards a target class instead of away from the true one.
        loss: what is maximised.
    """

    pooled = True

    def __init__(
        self,
        eps: Eps,
        norm: ConvexNorm = "linf",
        steps: Steps = 20,
        step_size: StepSize = None,
        restarts: Annotated[int, Ge(1)] = 1,
        random_start: bool = True,
        targeted: bool = False,
        loss: Loss = "cross_entropy",
    ) -> None:
        self.eps, self.norm, self.steps, self.restarts = eps, norm, steps, restarts
        self.step_size = 2.5 * eps / steps if step_size is None else step_size
        self.random_start, self.loss = random_start, loss
        self.threat = Threat(norm, eps, targeted)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Ascend from every start until the example is fooled or the steps are used up."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context, first: Tensor | None = None) -> Found:
        """The same, with what is fooled; `first` `[n, ...]` are points of the ball to begin at instead."""
        shape = batch.inputs.shape[1:]

        def inside(point: Tensor, clean: Tensor) -> Tensor:
            radius = torch.full((len(clean),), self.eps, dtype=clean.dtype, device=clean.device)
            return project_l1(point, clean, radius, batch.low, batch.high)

        def start(rows: list[int], restart: int) -> Tensor:
            clean = batch.inputs[rows]
            if first is not None and not restart:
                return first[rows]
            if not self.random_start:
                return clean
            ids = [batch.ids[row] for row in rows]
            if self.norm == "l1":
                return inside(clean + ctx.normal(ids, shape, "start", restart), clean)
            uniform = ctx.uniform(ids, shape, "start", restart)
            normal = ctx.normal(ids, shape, "direction", restart) if self.norm == "l2" else uniform
            return (clean + random_start(uniform, normal, self.eps, self.norm)).clamp(batch.low, batch.high)

        def move(iterate: Tensor, clean: Tensor, gradient: Tensor) -> Tensor:
            if self.norm == "l1":
                share = torch.full((len(clean),), _SPARSE, device=clean.device)
                step = sparse_step(gradient, iterate, share, batch.low, batch.high)
                return inside(iterate + self.step_size * step, clean)
            moved = iterate + self.step_size * steepest(gradient, self.norm)
            return project(moved, clean, self.eps, self.norm, batch.low, batch.high)

        ascent = ActiveSet(model, batch, ctx, self.loss, self.steps, self.restarts, start, move)
        return Found(ascent.run(), ascent.fooled)


class BIM(PGD):
    """Basic iterative method (Kurakin, Goodfellow & Bengio 2017, equation 2): sign steps from the clean input.

    Args:
        eps: L-infinity budget, in units of the inputs.
        steps: gradient steps.
        step_size: length of a step; by default eps / steps.
        targeted: move towards a target class instead of away from the true one.
    """

    def __init__(self, eps: Eps, steps: Steps = 10, step_size: StepSize = None, targeted: bool = False) -> None:
        size = eps / steps if step_size is None else step_size
        super().__init__(eps, "linf", steps, size, random_start=False, targeted=targeted)
