"""Auto-PGD: projected gradient ascent with momentum that chooses its own step size (Croce & Hein 2020b)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness_adversarial.attacks.apgd_l1 import SparseAscent
from harness_adversarial.machinery.lanes import Found, Lanes, likeliest_targets, per_example, work_off
from harness_adversarial.machinery.news import on_device
from harness_adversarial.machinery.norms import BallNorm, ConvexNorm, project, random_offset, steepest
from harness_adversarial.machinery.ratio_losses import ApgdLoss, averaged_gradient

Eps = Annotated[float, Ge(0)]
Count = Annotated[int, Ge(1)]

_RISING_SHARE = 0.75
"""rho: with fewer rising steps since the last checkpoint the step size is halved (section 3.2)."""
_MOMENTUM = 0.75
"""alpha: the weight of the new step against that of the last move (section 3.1)."""


class APGD:
    """Auto-PGD (Croce & Hein 2020, arXiv:2003.01690, algorithm 1).

    Every iterate is judged, and an example leaves the batch at the first that fools the model. In the L1 ball it is the
    version with sparse steps (Croce & Hein 2021, arXiv:2103.01208).

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        loss: ce, or the difference of logits ratio, which does not depend on the scale of the logits.
        steps: gradient steps per restart.
        restarts: independent random starts; an example is robust only if it survives all.
        eot: over how many passes of a random model gradients are averaged and predictions decided.
    """

    pooled = True

    def __init__(
        self,
        eps: Eps,
        norm: ConvexNorm = "linf",
        loss: ApgdLoss = "ce",
        steps: Count = 100,
        restarts: Count = 1,
        eot: Count = 1,
    ) -> None:
        self.eps, self.norm, self.loss, self.steps, self.restarts, self.eot = eps, norm, loss, steps, restarts, eot
        self.threat = Threat(norm, eps)
        self.averages = eot > 1

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model, else the one of the highest loss."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Found:
        """The same, with what is fooled."""
        if self.norm == "l1":
            sparse = SparseAscent(model, batch, ctx, self.eps, self.loss, self.steps, self.eot, None)
            return sparse.found(self.restarts)
        ascent = _Ascent(model, batch, ctx, self.eps, self.norm, self.loss, self.steps, self.eot, None)
        work_off(ascent, len(batch), self.restarts, ctx)
        return Found(ascent.answer, ascent.fooled)


class APGDTargeted:
    """Auto-PGD on the targeted difference of logits ratio, against each of the most likely other classes in turn.

    Any wrong class is a success (Croce & Hein 2020, arXiv:2003.01690, section 4.2 and equation 7).

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        targets: how many classes to try, at most all others.
        steps: gradient steps per target.
    """

    pooled = True

    def __init__(self, eps: Eps, norm: ConvexNorm = "linf", targets: Count = 9, steps: Count = 100) -> None:
        self.eps, self.norm, self.targets, self.steps = eps, norm, targets, steps
        self.threat = Threat(norm, eps)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model, else the one of the highest loss."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Found:
        """The same, with what is fooled."""
        targets = clean_targets(model, batch, self.targets, ctx)
        if self.norm == "l1":
            return SparseAscent(model, batch, ctx, self.eps, "dlr", self.steps, 1, targets).found(targets.shape[1])
        ascent = _Ascent(model, batch, ctx, self.eps, self.norm, "dlr", self.steps, 1, targets)
        work_off(ascent, len(batch), targets.shape[1], ctx)
        return Found(ascent.answer, ascent.fooled)


@torch.no_grad()
def clean_targets(model: GradientAccess, batch: LabelledInputs, most: int, ctx: Context) -> Tensor:
    """The other classes most likely on the clean inputs, `[n, min(most, classes - 1)]`."""
    every = torch.arange(len(batch), device=batch.inputs.device)
    found = [
        likeliest_targets(model(batch.inputs[rows], rows), batch.labels[rows], most)
        for rows in every.split(ctx.batch_size)
        if len(rows)
    ]
    return torch.cat(found) if found else batch.labels.new_zeros((0, 0))


def checkpoints(steps: int) -> list[int]:
    """The steps after which the step size is looked at, w_0 = 0 first (section 3.2)."""
    shares = [0.0, 0.22]
    while shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06) <= 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return sorted({ceil(round(share * steps, 9)) for share in shares})


@dataclass
class _Ascents(Lanes):
    """Ascents under way.

    Attributes:
        targets: the class aimed at, the true one if there is none.
        iterate, previous: x_k and x_(k-1).
        best, best_gradient, best_loss: x_max with what was found there.
        loss: at the last iterate; infinite before the first, which has not risen.
        weight: alpha, 1 before the first step, which has no move before it.
        size: eta, in units of the inputs.
        rises: steps since the last checkpoint that raised the loss.
        best_then: best_loss at the last checkpoint.
        halved: whether the step size was halved there.
        fooled, stopped: whether the model was fooled; whether the search came to an end, at what is then `best`.
    """

    targets: Tensor
    iterate: Tensor
    previous: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    loss: Tensor
    weight: Tensor
    size: Tensor
    rises: Tensor
    best_then: Tensor
    halved: Tensor
    fooled: Tensor
    stopped: Tensor


@dataclass
class _Ascent:
    """Algorithm 1 on a pool; a turn is a restart or, if there are targets, a target."""

    model: GradientAccess
    pool: LabelledInputs
    ctx: Context
    eps: float
    norm: BallNorm
    loss: ApgdLoss
    steps: int
    eot: int
    targets: Tensor | None
    answer: Tensor = field(init=False)
    fooled: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.turn_steps = self.steps + 1
        self.answer = self.pool.inputs.clone()
        self.fooled = torch.zeros_like(self.pool.labels, dtype=torch.bool)
        self._highest = torch.full(self.pool.labels.shape, float("-inf"), device=self.pool.inputs.device)
        marks = checkpoints(self.steps)
        self._interval = np.zeros(self.steps + 1, dtype=int)
        self._interval[marks[1:]] = np.diff(marks)

    def begin(self, rows: list[int], turn: int) -> _Ascents:
        """At a random point of the ball."""
        lanes = Lanes.of(self.pool, rows, turn)
        ids = [self.pool.ids[row] for row in rows]
        shape = self.pool.inputs.shape[1:]
        uniform = self.ctx.uniform(ids, shape, "start", turn)
        normal = self.ctx.normal(ids, shape, "direction", turn) if self.norm == "l2" else uniform
        offset = random_offset(uniform, normal, self.eps, self.norm)
        start = (lanes.clean + offset).clamp(self.pool.low, self.pool.high)
        worst = torch.full(lanes.labels.shape, float("-inf"), device=start.device)
        no = torch.zeros_like(worst, dtype=torch.bool)
        return _Ascents(
            lanes.place,
            lanes.turn,
            lanes.step,
            lanes.row,
            lanes.clean,
            lanes.labels,
            targets=lanes.labels if self.targets is None else self.targets[lanes.row, turn],
            iterate=start,
            previous=start,
            best=start,
            best_gradient=torch.zeros_like(start),
            best_loss=worst,
            loss=-worst,
            weight=torch.ones_like(worst),
            size=torch.full_like(worst, 2 * self.eps),
            rises=torch.zeros_like(worst),
            best_then=-worst,
            halved=no,
            fooled=no,
            stopped=no,
        )

    def advance(self, lanes: _Ascents) -> Tensor:
        """Judge the iterates, and take a step from each."""
        targets = None if self.targets is None else lanes.targets
        gradient, loss, fooled = averaged_gradient(
            self.model, lanes.iterate, lanes.row, lanes.labels, targets, self.loss, self.eot
        )
        # A model that is not finite there is the core's to report, so the point goes to the core.
        stopped = fooled | ~loss.isfinite()
        lanes.rises = lanes.rises + (loss > lanes.loss)
        lanes.best_then = torch.where(lanes.weight == 1, loss, lanes.best_then)
        # Nothing is better than where a search came to an end.
        better = ((loss > lanes.best_loss) | stopped) & ~lanes.stopped
        wide = per_example(better, lanes.iterate)
        lanes.best = torch.where(wide, lanes.iterate, lanes.best)
        lanes.best_gradient = torch.where(wide, gradient, lanes.best_gradient)
        lanes.best_loss, lanes.loss = torch.where(better, loss, lanes.best_loss), loss
        lanes.fooled, lanes.stopped = lanes.fooled | (fooled & better), lanes.stopped | stopped
        if not (lanes.step == self.steps).all():
            self._check(lanes, gradient)
        return lanes.stopped

    def record(self, lanes: _Ascents) -> None:
        """Keep the points of those that end, if they are the best of all turns so far."""
        rows = lanes.row
        before, known = self._highest[rows], self.fooled[rows]
        better = ~known & (lanes.stopped | (lanes.best_loss > before))
        self.answer[rows] = torch.where(per_example(better, lanes.best), lanes.best, self.answer[rows])
        self._highest[rows] = torch.where(better, lanes.best_loss, before)
        self.fooled[rows] = known | lanes.fooled

    def _check(self, lanes: _Ascents, gradient: Tensor) -> None:
        """At a checkpoint halve the step where it does not pay, and go on from the best point; then step."""
        point = lanes.iterate
        interval = self._interval[lanes.step]
        if interval.any():
            length = on_device(interval, point.device)
            due = length > 0
            stuck = ~lanes.halved & (lanes.best_loss <= lanes.best_then)
            halved = due & ((lanes.rises < _RISING_SHARE * length) | stuck)
            lanes.size = torch.where(halved, lanes.size / 2, lanes.size)
            point = torch.where(per_example(halved, point), lanes.best, point)
            gradient = torch.where(per_example(halved, point), lanes.best_gradient, gradient)
            lanes.halved = torch.where(due, halved, lanes.halved)
            lanes.best_then = torch.where(due, lanes.best_loss, lanes.best_then)
            lanes.rises = torch.where(due, torch.zeros_like(lanes.rises), lanes.rises)
        ahead = self._inside(point + per_example(lanes.size, point) * steepest(gradient, self.norm), lanes)
        moved = torch.lerp(point, ahead, per_example(lanes.weight, point))
        moved = moved.add_(point - lanes.previous, alpha=1 - _MOMENTUM)
        lanes.weight = torch.full_like(lanes.weight, _MOMENTUM)
        lanes.previous, lanes.iterate = point, self._inside(moved, lanes)

    def _inside(self, point: Tensor, lanes: _Ascents) -> Tensor:
        return project(point, lanes.clean, self.eps, self.norm, self.pool.low, self.pool.high)
