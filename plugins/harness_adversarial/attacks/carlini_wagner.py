"""The L2 attack of Carlini and Wagner: distance plus a weighted margin, with a search for the weight."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import Bisections, Closest, adversarial_loss, is_fooled, per_example, run_steps, targets_of

_MAX_TANH = 0.999
"""Black and white stay off the ends, where the slope of the tanh is 0 and Adam would need thousands of steps."""
_MAX_WEIGHT = 1e10
_BETAS = (0.9, 0.999)


class CarliniWagner:
    """The smallest L2 distance by gradient descent on |x' - x|^2 + c max(margin, -kappa) (Carlini & Wagner 2017).

    arXiv:1608.04644, section VI.A: x' is a tanh of what is optimised, so it stays in the box; c is found by search,
    for every example by itself. The margin is of logits, so the loss does not change with a shift of them.

    Args:
        steps: the steps of Adam, for each weight.
        searches: how many weights c are tried; 10 times larger until one fools the model, then halfway.
        weight: the first c.
        learning_rate: the learning rate of Adam.
        confidence: kappa, by how much the wrong class should lead.
        abort_early: leave a weight once a tenth of the steps has not lowered the loss.
        bisections: halvings of the line to the clean input at the end; 0 is the paper's attack.
        targeted: move towards a target class instead of away from the true one.
    """

    pooled = True

    def __init__(
        self,
        steps: Annotated[int, Ge(1)] = 200,
        searches: Annotated[int, Ge(1)] = 9,
        weight: Annotated[float, Gt(0)] = 0.1,
        learning_rate: Annotated[float, Gt(0)] = 0.02,
        confidence: Annotated[float, Ge(0)] = 0.0,
        abort_early: bool = True,
        bisections: Bisections = 10,
        targeted: bool = False,
    ) -> None:
        self.steps, self.searches, self.weight, self.learning_rate = steps, searches, weight, learning_rate
        self.confidence, self.abort_early, self.bisections = confidence, abort_early, bisections
        self.threat = Threat("l2", None, targeted, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The closest of all points looked at that fool the model."""
        closest = Closest(batch, "l2")
        model = closest.watching(model)
        state = _State(batch, self.weight)
        every = max(1, self.steps // 10)

        def step(rows: Tensor) -> Tensor:
            point = state.point(rows)
            loss, gradient, reached = self._loss(model, point, batch, rows, state.weight[rows])
            state.fooled[rows] |= reached
            state.descend(rows, gradient, self.learning_rate)
            over = state.step[rows] >= self.steps
            if self.abort_early:
                checked = state.step[rows] % every == 0
                over |= checked & (loss > 0.9999 * state.loss[rows])
                state.loss[rows] = torch.where(checked, loss, state.loss[rows])
            state.next_weight(rows[over])
            return state.search[rows] >= self.searches

        run_steps(batch, ctx, step)
        return closest.bisected(model, ctx, self.bisections)

    def _loss(
        self, model: GradientAccess, point: Tensor, batch: LabelledInputs, rows: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss `[m]`, its gradient by the points `[m, ...]`, and which are fooled with confidence."""
        point = point.detach().requires_grad_(True)
        labels, targets = batch.labels[rows], targets_of(batch, rows)
        logits = model(point, rows)
        margin = -adversarial_loss(logits, labels, targets, "margin")
        squared = (point - batch.inputs[rows]).flatten(1).square().sum(dim=1)
        loss = squared + weight * margin.clamp(min=-self.confidence)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
        fooled = is_fooled(logits.detach(), labels, targets)
        return loss.detach(), gradient, fooled & (margin.detach() <= -self.confidence)


class _State:
    """The state of each example of the pool: the search over weights, and Adam within it."""

    def __init__(self, batch: LabelledInputs, weight: float) -> None:
        self._low, self._width = batch.low, batch.high - batch.low
        scaled = 2 * (batch.inputs - batch.low) / self._width - 1
        self._first = torch.atanh(scaled.clamp(-1, 1) * _MAX_TANH)
        self._argument = self._first.clone()
        self._mean, self._square = torch.zeros_like(self._first), torch.zeros_like(self._first)
        n, device = len(batch), batch.inputs.device
        self.weight = torch.full((n,), float(weight), device=device)
        self.loss = torch.full((n,), math.inf, device=device)
        self.fooled = torch.zeros(n, dtype=torch.bool, device=device)
        self.step = torch.zeros(n, dtype=torch.long, device=device)
        self.search = torch.zeros(n, dtype=torch.long, device=device)
        self._too_small = torch.zeros(n, device=device)
        self._enough = torch.full((n,), math.inf, device=device)

    def point(self, rows: Tensor) -> Tensor:
        """The inputs `[m, ...]` at the current arguments of the tanh."""
        return self._low + self._width * (torch.tanh(self._argument[rows]) + 1) / 2

    def descend(self, rows: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """One step of Adam (Kingma & Ba 2015) on the argument of the tanh."""
        gradient = gradient * self._width / 2 * (1 - torch.tanh(self._argument[rows]).square())
        self.step[rows] += 1
        self._mean[rows] = _BETAS[0] * self._mean[rows] + (1 - _BETAS[0]) * gradient
        self._square[rows] = _BETAS[1] * self._square[rows] + (1 - _BETAS[1]) * gradient.square()
        count = per_example(self.step[rows], gradient)
        mean = self._mean[rows] / (1 - _BETAS[0] ** count)
        deviation = (self._square[rows] / (1 - _BETAS[1] ** count)).sqrt()
        self._argument[rows] -= learning_rate * mean / (deviation + 1e-8)

    def next_weight(self, rows: Tensor) -> None:
        """Begin the next search of some rows, with the weight that follows from the last one."""
        weight, fooled = self.weight[rows], self.fooled[rows]
        self._enough[rows] = torch.where(fooled, weight, self._enough[rows])
        self._too_small[rows] = torch.where(fooled, self._too_small[rows], weight)
        halfway = (self._too_small[rows] + self._enough[rows]) / 2
        self.weight[rows] = torch.where(halfway.isfinite(), halfway, 10 * weight).clamp(max=_MAX_WEIGHT)
        self._argument[rows] = self._first[rows]
        self._mean[rows], self._square[rows] = 0.0, 0.0
        self.loss[rows], self.fooled[rows] = math.inf, False
        self.step[rows] = 0
        self.search[rows] += 1
