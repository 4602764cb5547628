"""Adversarial examples that survive changes of the view: expectation over physical transformations."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import BallNorm, Loss, adversarial_loss, project, row_batches, steepest, targets_of
from harness_adversarial.common.warp import Views

Share = Annotated[float, Ge(0), Lt(1)]


class EOTPhysical:
    """Survives being turned, moved, tilted and lit otherwise: expectation over transformation.

    Expectation over transformation (Athalye et al. 2018, arXiv:1707.07397, section 2.1), within a norm ball.

    Ascends the mean, over views drawn afresh in every step, of the log-probability of the target. The core judges the
    answer on other views. What is a bound here is a Lagrange term with the distance of LAB colours in the paper.

    Args:
        eps: budget in the norm, in units of the inputs, before the view is taken.
        norm: the ball.
        steps: gradient steps.
        samples: views per step.
        step_size: length of a step; by default 2.5 * eps / steps.
        targeted: move towards a target class instead of away from the true one.
        loss: whose mean is maximised.
        views: how many views the returned input is classified in.
        rotation: largest turn, in degrees, to both sides.
        scale: share by which the image grows or shrinks at most.
        translation: largest shift, as a share of width and height.
        perspective: share by which the far side of the tilted image is smaller at most.
        contrast: share by which the light is stronger or weaker at most.
        brightness: what is added or taken away at most, as a share of the box.
        noise: standard deviation of Gaussian noise, as a share of the box.
    """

    pooled = True
    averages = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)],
        norm: BallNorm = "linf",
        steps: Annotated[int, Ge(1)] = 50,
        samples: Annotated[int, Ge(1)] = 8,
        step_size: Annotated[float, Gt(0)] | None = None,
        targeted: bool = True,
        loss: Loss = "cross_entropy",
        views: Annotated[int, Ge(1)] = 50,
        rotation: Annotated[float, Ge(0)] = 20.0,
        scale: Share = 0.1,
        translation: Share = 0.1,
        perspective: Annotated[float, Ge(0), Lt(0.5)] = 0.1,
        contrast: Share = 0.2,
        brightness: Share = 0.1,
        noise: Annotated[float, Ge(0)] = 0.02,
    ) -> None:
        self.eps, self.norm, self.steps, self.samples, self.loss = eps, norm, steps, samples, loss
        self.step_size = 2.5 * eps / steps if step_size is None else step_size
        self.views = views
        self.threat = Threat(norm, eps, targeted)
        self._views = Views(rotation, scale, translation, perspective, contrast, brightness, noise)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Return the last iterate, since losses under fresh views cannot be compared to choose the best."""
        answer = batch.inputs.clone()
        for rows in row_batches(batch, ctx):
            for step in range(self.steps):
                gradient = self._mean_gradient(model, answer[rows], batch, rows, step, ctx)
                moved = answer[rows] + self.step_size * steepest(gradient, self.norm)
                answer[rows] = project(moved, batch.inputs[rows], self.eps, self.norm, batch.low, batch.high)
        return answer

    def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
        """One view of each input."""
        return self._views.draw(inputs, batch.ids, ctx, ("judge", draw), batch.low, batch.high)

    def _mean_gradient(
        self, model: GradientAccess, iterate: Tensor, batch: LabelledInputs, rows: Tensor, step: int, ctx: Context
    ) -> Tensor:
        ids = [batch.ids[row] for row in rows.tolist()]
        total = torch.zeros_like(iterate)
        for sample in range(self.samples):
            leaf = iterate.detach().requires_grad_(True)
            viewed = self._views.draw(leaf, ids, ctx, ("attack", step, sample), batch.low, batch.high)
            loss = adversarial_loss(model(viewed, rows), batch.labels[rows], targets_of(batch, rows), self.loss)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
            total += gradient
        return total
