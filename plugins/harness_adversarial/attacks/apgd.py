"""Auto-PGD: projected gradient ascent with momentum that chooses its own step size (Croce & Hein 2020b)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, FormerSpelling, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    BallNorm,
    BatchSlots,
    ConvexNorm,
    Loss,
    SearchResult,
    likeliest_targets,
    on_device,
    per_example,
    project,
    random_offset,
    random_points,
    steepest,
)
from harness_adversarial.attacks.apgd_l1 import SparseAscent
from harness_adversarial.common.auto_ascent import AutoAscent, AutoAscents

Eps = Annotated[float, Ge(0)]
Count = Annotated[int, Ge(1)]

_RISING_SHARE = 0.75
"""rho: with fewer rising steps since the last checkpoint the step size is halved (section 3.2)."""
_MOMENTUM = 0.75
"""alpha: the weight of the new step against that of the last move (section 3.1)."""


class APGD:
    """Auto-PGD: gradient ascent with momentum and a step size that halves itself (Croce & Hein 2020, algorithm 1).

    Every iterate is judged, and an example leaves the batch at the first that fools the model. In the L1 ball it is the
    version with sparse steps (Croce & Hein 2021, arXiv:2103.01208).

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        loss: what is maximised; only dlr, the difference of logits ratio, does not depend on the scale of the logits.
        steps: gradient steps per restart.
        restarts: independent random starts; an example is robust only if it survives all.
        eot: over how many passes of a random model gradients are averaged and predictions decided.
    """

    pooled = True

    def __init__(
        self,
        eps: Eps,
        norm: ConvexNorm = "linf",
        loss: Annotated[Loss, FormerSpelling("cross_entropy", "ce")] = "cross_entropy",
        steps: Count = 100,
        restarts: Count = 1,
        eot: Count = 1,
    ) -> None:
        self.eps, self.norm, self.steps, self.restarts, self.eot = eps, norm, steps, restarts, eot
        self.loss: Loss = loss
        self.threat = Threat(norm, eps)
        self.averages = eot > 1

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model, else the one of the highest loss."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Like `perturb`, with which examples are fooled."""
        return self._ascent(model, batch, ctx).run(self.restarts, ctx)

    def _ascent(
        self, model: GradientAccess, batch: LabelledInputs, ctx: Context, targets: Tensor | None = None
    ) -> AutoAscent[Any]:
        given = (self, model, batch, ctx, targets)
        return SparseAscent(*given) if self.norm == "l1" else _Ascent(self.norm, *given)


class APGDTargeted(APGD):
    """Auto-PGD on the targeted difference of logits ratio, against each of the most likely other classes in turn.

    Any wrong class is a success (Croce & Hein 2020, arXiv:2003.01690, section 4.2 and equation 7).

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        targets: how many classes to try, at most all others.
        steps: gradient steps per target.
    """

    def __init__(self, eps: Eps, norm: ConvexNorm = "linf", targets: Count = 9, steps: Count = 100) -> None:
        super().__init__(eps, norm, "dlr", steps)
        self.targets = targets

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Like `perturb`, with which examples are fooled."""
        targets = likeliest_targets(model, batch, self.targets, ctx.batch_size)
        return self._ascent(model, batch, ctx, targets).run(targets.shape[1], ctx)


def checkpoints(steps: int) -> list[int]:
    """The steps after which the step size is updated, w_0 = 0 first (section 3.2)."""
    shares = [0.0, 0.22]
    while shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06) <= 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return sorted({ceil(round(share * steps, 9)) for share in shares})


@dataclass
class _Ascents(AutoAscents):
    """The slots of running ascents.

    Attributes:
        previous: x_(k-1), where the iterate is x_k.
        loss: at the last iterate; infinite before the first, which has not risen.
        weight: alpha, 1 before the first step, which has no move before it.
        rises: steps since the last checkpoint that raised the loss.
        best_then: best_loss at the last checkpoint.
        halved: whether the step size was halved there.
    """

    previous: Tensor
    loss: Tensor
    weight: Tensor
    rises: Tensor
    best_then: Tensor
    halved: Tensor


class _Ascent(AutoAscent[_Ascents]):
    """Algorithm 1 in the L-infinity and the L2 ball."""

    def __init__(self, norm: BallNorm, *given: Any) -> None:
        super().__init__(*given)
        self.norm = norm
        marks = checkpoints(self.steps)
        self._interval = np.zeros(self.steps + 1, dtype=int)
        self._interval[marks[1:]] = np.diff(marks)

    def start(self, slots: BatchSlots, rows: list[int], turn: int) -> _Ascents:
        """Start at points drawn uniformly from the ball."""
        start = random_points(self.pool, rows, self.ctx, self.eps, self.norm, turn, offset=random_offset)
        infinite = torch.full(slots.labels.shape, float("inf"), device=start.device)
        return _Ascents.at(
            slots,
            start,
            best_gradient=torch.zeros_like(start),
            size=torch.full_like(infinite, 2 * self.eps),
            previous=start,
            loss=infinite,
            weight=torch.ones_like(infinite),
            rises=torch.zeros_like(infinite),
            best_then=infinite,
            halved=torch.zeros_like(infinite, dtype=torch.bool),
        )

    def move(self, slots: _Ascents, gradient: Tensor, loss: Tensor) -> None:
        """At a checkpoint halve the step where progress is poor, and continue from the best point; then take a step."""
        slots.rises = slots.rises + (loss > slots.loss)
        slots.best_then = torch.where(slots.weight == 1, loss, slots.best_then)
        slots.loss = loss
        point = slots.iterate
        interval = self._interval[slots.step]
        if interval.any():
            length = on_device(interval, point.device)
            due = length > 0
            stuck = ~slots.halved & (slots.best_loss <= slots.best_then)
            halved = due & ((slots.rises < _RISING_SHARE * length) | stuck)
            slots.size = torch.where(halved, slots.size / 2, slots.size)
            point = slots.choose(halved, slots.best, point)
            gradient = slots.choose(halved, slots.best_gradient, gradient)
            slots.halved = torch.where(due, halved, slots.halved)
            slots.best_then = torch.where(due, slots.best_loss, slots.best_then)
            slots.rises = torch.where(due, torch.zeros_like(slots.rises), slots.rises)
        ahead = self._inside(point + per_example(slots.size, point) * steepest(gradient, self.norm), slots)
        moved = torch.lerp(point, ahead, per_example(slots.weight, point))
        moved = moved.add_(point - slots.previous, alpha=1 - _MOMENTUM)
        slots.weight = torch.full_like(slots.weight, _MOMENTUM)
        slots.previous, slots.iterate = point, self._inside(moved, slots)

    def _inside(self, point: Tensor, slots: _Ascents) -> Tensor:
        return project(point, slots.clean, self.eps, self.norm, self.pool.low, self.pool.high)
