"""Auto-PGD in the L1 ball: sparse steps whose sparsity and size adapt (Croce & Hein 2021, "Mind the box")."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs
from harness_adversarial.machinery.l1_ball import l1_length, project_l1, sparse_step
from harness_adversarial.machinery.lanes import Bools, Found, Lanes, per_example, work_off
from harness_adversarial.machinery.news import on_device
from harness_adversarial.machinery.ratio_losses import ApgdLoss, averaged_gradient

_FIRST_SHARE = 0.2
"""Of the entries that move at first."""
_SPARSER = 1.5
"""The next steps move the changed entries of the best point, divided by this; a step that shrinks does so by it too."""
_SHORTEST = 10.0
"""The step size ends at the radius divided by this."""
_STABLE = 0.95
"""With fewer changed entries than this share of those at the last look, the step size starts again."""
_LOOKS = 0.04
"""How often sparsity and step size are looked at, as a share of the steps."""
_RADII = ((3, 0.3), (2, 0.3), (1, 0.4))
"""Balls of three and two times the budget first, and for what share of the steps (section 3)."""


@dataclass(frozen=True)
class Schedule:
    """What happens at which step.

    Attributes:
        factor: `[steps + 1]`, the radius at each in units of the budget.
        begins: `[steps + 1]`, whether the ball is new there.
        looks: `[steps + 1]`, whether sparsity and step size are looked at after the pass there.
    """

    factor: npt.NDArray[np.float64]
    begins: Bools
    looks: Bools

    @classmethod
    def of(cls, steps: int) -> Schedule:
        """For this many steps in all; fewer than ten are all spent in the ball itself."""
        lengths = [round(share * steps) for _, share in _RADII[:-1]] if steps >= 10 else [0, 0]
        lengths.append(steps + 1 - sum(lengths))
        factor = np.concatenate([np.full(n, float(f)) for n, (f, _) in zip(lengths, _RADII, strict=True)])
        since = np.concatenate([np.arange(n) for n in lengths])
        period = np.concatenate([np.full(n, max(1, int(_LOOKS * n))) for n in lengths])
        return cls(factor, since == 0, (since > 0) & (since % period == 0))


@dataclass
class SparseAscents(Lanes):
    """Ascents under way.

    Attributes:
        targets: the class aimed at, the true one if there is none.
        iterate: x_k.
        best, best_gradient, best_loss: x_max of this ball with what was found there.
        size: of a step, in units of the inputs.
        share: of the entries that move.
        changed: how many entries of x_max differed at the last look.
        fooled, stopped: whether the model was fooled within the budget; whether the search came to an end, at what is
            then `best`.
    """

    targets: Tensor
    iterate: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    size: Tensor
    share: Tensor
    changed: Tensor
    fooled: Tensor
    stopped: Tensor


@dataclass
class SparseAscent:
    """L1-APGD on a pool (section 3 of the paper); a turn is a restart or, if there are targets, a target.

    Beyond the paper, a step passes over pixels that are at the end of the box already, and a point of a wider ball
    that is within the budget may end the search.
    """

    model: GradientAccess
    pool: LabelledInputs
    ctx: Context
    eps: float
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
        self._schedule = Schedule.of(self.steps)

    def found(self, turns: int) -> Found:
        """What this many turns of every example come to."""
        work_off(self, len(self.pool), turns, self.ctx)
        return Found(self.answer, self.fooled)

    def begin(self, rows: list[int], turn: int) -> SparseAscents:
        """At a random point of the first ball: normal noise, projected."""
        lanes = Lanes.of(self.pool, rows, turn)
        noise = self.ctx.normal([self.pool.ids[row] for row in rows], self.pool.inputs.shape[1:], "start", turn)
        none = torch.full(lanes.labels.shape, float("-inf"), device=lanes.clean.device)
        no = torch.zeros_like(none, dtype=torch.bool)
        radius = torch.full_like(none, self.eps * float(self._schedule.factor[0]))
        start = project_l1(lanes.clean + noise, lanes.clean, radius, self.pool.low, self.pool.high)
        return SparseAscents(
            lanes.place,
            lanes.turn,
            lanes.step,
            lanes.row,
            lanes.clean,
            lanes.labels,
            targets=lanes.labels if self.targets is None else self.targets[lanes.row, turn],
            iterate=start,
            best=start,
            best_gradient=torch.zeros_like(start),
            best_loss=none,
            size=radius,
            share=torch.full_like(none, _FIRST_SHARE),
            changed=torch.full_like(none, float(lanes.clean[0].numel())),
            fooled=no,
            stopped=no,
        )

    def advance(self, lanes: SparseAscents) -> Tensor:
        """Judge the iterates, and take a step from each."""
        targets = None if self.targets is None else lanes.targets
        gradient, loss, fooled = averaged_gradient(
            self.model, lanes.iterate, lanes.row, lanes.labels, targets, self.loss, self.eot
        )
        fooled = fooled & (l1_length(lanes.iterate - lanes.clean) <= self.eps)
        # A model that is not finite there is the core's to report, so the point goes to the core.
        stopped = fooled | ~loss.isfinite()
        begins = on_device(self._schedule.begins[lanes.step], loss.device)
        # Nothing is better than where a search came to an end.
        better = ((loss > lanes.best_loss) | begins | stopped) & ~lanes.stopped
        wide = per_example(better, lanes.iterate)
        lanes.best = torch.where(wide, lanes.iterate, lanes.best)
        lanes.best_gradient = torch.where(wide, gradient, lanes.best_gradient)
        lanes.best_loss = torch.where(better, loss, lanes.best_loss)
        lanes.fooled, lanes.stopped = lanes.fooled | (fooled & better), lanes.stopped | stopped
        if not (lanes.step == self.steps).all():
            self._move(lanes, gradient)
        return lanes.stopped

    def record(self, lanes: SparseAscents) -> None:
        """Keep the points of those that end, if they are the best of all turns so far."""
        rows = lanes.row
        before, known = self._highest[rows], self.fooled[rows]
        inside = per_example(l1_length(lanes.best - lanes.clean) <= self.eps, lanes.best)
        point = torch.where(inside, lanes.best, self._projected(lanes.best, lanes.clean, self.eps))
        better = ~known & (lanes.stopped | (lanes.best_loss > before))
        self.answer[rows] = torch.where(per_example(better, point), point, self.answer[rows])
        self._highest[rows] = torch.where(better, lanes.best_loss, before)
        self.fooled[rows] = known | lanes.fooled

    def _move(self, lanes: SparseAscents, gradient: Tensor) -> None:
        """A sparse step within the ball, or the best point in the next ball where that begins."""
        point, device = lanes.iterate, lanes.iterate.device
        looked = on_device(self._schedule.looks[lanes.step], device)
        following = np.minimum(lanes.step + 1, self.steps)
        fresh = on_device(self._schedule.begins[following], device)
        factor = on_device(self._schedule.factor[following], device).to(point.dtype)
        radius = self.eps * factor
        looked = looked | fresh
        changed = (lanes.best != lanes.clean).flatten(1).sum(dim=1).to(point.dtype)
        sparser = looked & (changed < _STABLE * lanes.changed)
        shrunk = (lanes.size / _SPARSER).clamp_min(self.eps / _SHORTEST)
        shrunk = torch.maximum(shrunk, radius / _SHORTEST)
        lanes.size = torch.where(looked, torch.where(sparser | fresh, radius, shrunk), lanes.size)
        lanes.share = torch.where(looked, changed / point[0].numel() / _SPARSER, lanes.share)
        lanes.changed = torch.where(looked, changed, lanes.changed)
        back = per_example(sparser, point)
        point, gradient = torch.where(back, lanes.best, point), torch.where(back, lanes.best_gradient, gradient)
        step = sparse_step(gradient, point, lanes.share, self.pool.low, self.pool.high)
        moved = torch.where(per_example(fresh, point), lanes.best, point + per_example(lanes.size, point) * step)
        lanes.iterate = project_l1(moved, lanes.clean, radius, self.pool.low, self.pool.high)

    def _projected(self, point: Tensor, clean: Tensor, eps: float) -> Tensor:
        radius = torch.full((len(point),), eps, dtype=point.dtype, device=point.device)
        return project_l1(point, clean, radius, self.pool.low, self.pool.high)
