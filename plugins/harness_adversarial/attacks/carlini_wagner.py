"""The L2 attack of Carlini and Wagner: distance plus a weighted margin, with a search for the weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    BatchSlots,
    Bisections,
    Closest,
    Search,
    adversarial_loss,
    is_fooled,
    per_example,
    run_searches,
)

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
        run_searches(_Descent(self, model, batch), len(batch), 1, ctx, late=False)
        return closest.bisected(model, ctx, self.bisections)


@dataclass
class _Descents(BatchSlots):
    """The slots of running searches.

    Attributes:
        argument: `[n, ...]`, of the tanh that is the point.
        mean, square: `[n, ...]`, of its gradients, as Adam keeps them.
        count: `[n]`, steps of Adam with this weight.
        search: `[n]`, how many weights were tried before.
        weight: `[n]`, c.
        too_small, enough: `[n]`, the largest c that did not fool the model, and the smallest that did.
        loss: `[n]`, when it was looked at last.
        fooled: `[n]`, with this weight.
    """

    argument: Tensor
    mean: Tensor
    square: Tensor
    count: Tensor
    search: Tensor
    weight: Tensor
    too_small: Tensor
    enough: Tensor
    loss: Tensor
    fooled: Tensor


class _Descent(Search[_Descents]):
    """Adam (Kingma & Ba 2015) at one weight after the other, all in one turn."""

    def __init__(self, attack: CarliniWagner, model: GradientAccess, pool: LabelledInputs) -> None:
        self._attack, self._model, self._pool = attack, model, pool
        self._low, self._width = pool.low, pool.high - pool.low
        self._every = max(1, attack.steps // 10)

    def begin(self, rows: list[int], turn: int) -> _Descents:
        """Start at the clean inputs, with the first weight."""
        slots = BatchSlots.of(self._pool, rows, turn)
        first = self._first(slots)
        none, count = torch.zeros_like(slots.labels, dtype=first.dtype), torch.zeros_like(slots.labels)
        infinite = torch.full_like(none, math.inf)
        return _Descents(
            **vars(slots),
            argument=first,
            mean=torch.zeros_like(first),
            square=torch.zeros_like(first),
            count=count,
            search=count,
            weight=torch.full_like(none, self._attack.weight),
            too_small=none,
            enough=infinite,
            loss=infinite,
            fooled=torch.zeros_like(slots.labels, dtype=torch.bool),
        )

    def advance(self, slots: _Descents) -> Tensor:
        """Take one step; where a weight has had its steps, go on with the next."""
        attack = self._attack
        point = self._low + self._width * (torch.tanh(slots.argument) + 1) / 2
        loss, gradient, reached = self._loss(slots, point)
        slots.fooled = slots.fooled | reached
        self._descend(slots, gradient)
        over = slots.count >= attack.steps
        if attack.abort_early:
            checked = slots.count % self._every == 0
            over = over | (checked & (loss > 0.9999 * slots.loss))
            slots.loss = torch.where(checked, loss, slots.loss)
        if bool(over.any()):
            self._next_weight(slots, over)
        return slots.search >= attack.searches

    def _first(self, slots: BatchSlots) -> Tensor:
        scaled = 2 * (slots.clean - self._low) / self._width - 1
        return torch.atanh(scaled.clamp(-1, 1) * _MAX_TANH)

    def _loss(self, slots: _Descents, point: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The loss `[m]`, its gradient by the points `[m, ...]`, and which are fooled with confidence."""
        confidence = self._attack.confidence
        point = point.requires_grad_(True)
        logits = self._model(point, slots.row)
        margin = -adversarial_loss(logits, slots.labels, slots.targets, "margin")
        squared = (point - slots.clean).flatten(1).square().sum(dim=1)
        loss = squared + slots.weight * margin.clamp(min=-confidence)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
        fooled = is_fooled(logits.detach(), slots.labels, slots.targets)
        return loss.detach(), gradient, fooled & (margin.detach() <= -confidence)

    def _descend(self, slots: _Descents, gradient: Tensor) -> None:
        """One step of Adam on the argument of the tanh."""
        gradient = gradient * self._width / 2 * (1 - torch.tanh(slots.argument).square())
        slots.count = slots.count + 1
        slots.mean = _BETAS[0] * slots.mean + (1 - _BETAS[0]) * gradient
        slots.square = _BETAS[1] * slots.square + (1 - _BETAS[1]) * gradient.square()
        count = per_example(slots.count, gradient)
        mean = slots.mean / (1 - _BETAS[0] ** count)
        deviation = (slots.square / (1 - _BETAS[1] ** count)).sqrt()
        slots.argument = slots.argument - self._attack.learning_rate * mean / (deviation + 1e-8)

    def _next_weight(self, slots: _Descents, over: Tensor) -> None:
        """Begin anew where `over` `[n]`, with the weight that follows from the last search."""
        slots.enough = torch.where(over & slots.fooled, slots.weight, slots.enough)
        slots.too_small = torch.where(over & ~slots.fooled, slots.weight, slots.too_small)
        halfway = (slots.too_small + slots.enough) / 2
        following = torch.where(halfway.isfinite(), halfway, 10 * slots.weight).clamp(max=_MAX_WEIGHT)
        slots.weight = torch.where(over, following, slots.weight)
        again = per_example(over, slots.argument)
        slots.argument = torch.where(again, self._first(slots), slots.argument)
        slots.mean, slots.square = slots.mean.masked_fill(again, 0.0), slots.square.masked_fill(again, 0.0)
        slots.loss, slots.fooled = slots.loss.masked_fill(over, math.inf), slots.fooled & ~over
        slots.count, slots.search = slots.count.masked_fill(over, 0), slots.search + over
