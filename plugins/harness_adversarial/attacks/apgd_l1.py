"""Auto-PGD in the L1 ball: sparse steps whose sparsity and size adapt (Croce & Hein 2021, "Mind the box")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api.attacks import BatchSlots, on_device, per_example, project_l1, sparse_step
from harness.api.instruments import distance
from harness_adversarial.common.auto_ascent import AutoAscent, AutoAscents

_FIRST_SHARE = 0.2
"""Share of the entries that move at first."""
_SHRINK_FACTOR = 1.5
"""The next steps move the changed entries of the best point, divided by this; a step that shrinks does so by it too."""
_MAX_SHRINKAGE = 10.0
"""The step size ends at the radius divided by this."""
_STABLE_SHARE = 0.95
"""With fewer changed entries than this share of those at the last look, the step size starts again."""
_CHECK_PERIOD = 0.04
"""Steps between updates of sparsity and step size, as a share of the steps."""
_RADII = ((3, 0.3), (2, 0.3), (1, 0.4))
"""Balls of three and two times the budget first, and for what share of the steps (section 3)."""


@dataclass(frozen=True)
class Schedule:
    """The radius of the ball at each step, and the steps at which sparsity and step size change.

    Attributes:
        factor: `[steps + 1]`, the radius at each in units of the budget.
        begins: `[steps + 1]`, whether the ball is new there.
        looks: `[steps + 1]`, whether sparsity and step size are looked at after the pass there.
    """

    factor: npt.NDArray[np.float64]
    begins: npt.NDArray[np.bool_]
    looks: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, steps: int) -> Schedule:
        """The schedule for `steps` steps; with fewer than ten all are spent in the ball itself."""
        lengths = [round(share * steps) for _, share in _RADII[:-1]] if steps >= 10 else [0, 0]
        lengths.append(steps + 1 - sum(lengths))
        factor = np.concatenate([np.full(n, float(f)) for n, (f, _) in zip(lengths, _RADII, strict=True)])
        since = np.concatenate([np.arange(n) for n in lengths])
        period = np.concatenate([np.full(n, max(1, int(_CHECK_PERIOD * n))) for n in lengths])
        return cls(factor, since == 0, (since > 0) & (since % period == 0))


@dataclass
class _SparseAscents(AutoAscents):
    """The slots of running ascents; `best` is that of the current ball.

    Attributes:
        share: the share of the entries that move.
        changed: how many entries of the best point differed at the last look.
    """

    share: Tensor
    changed: Tensor


class SparseAscent(AutoAscent[_SparseAscents]):
    """L1-APGD on a pool (section 3 of the paper); a turn is a restart or, if there are targets, a target.

    Beyond the paper, a step passes over pixels that are at the end of the box already, and a point of a wider ball
    that is within the budget may end the search.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._schedule = Schedule.of(self.steps)

    def start(self, slots: BatchSlots, rows: list[int], turn: int) -> _SparseAscents:
        """Start at random points of the first ball: normal noise, projected."""
        noise = self.ctx.normal([self.pool.ids[row] for row in rows], slots.clean.shape[1:], "start", turn)
        radius = torch.full(slots.labels.shape, self.eps * float(self._schedule.factor[0]), device=noise.device)
        start = self._projected(slots.clean + noise, slots, radius)
        return _SparseAscents.at(
            slots,
            start,
            best_gradient=torch.zeros_like(start),
            size=radius,
            share=torch.full_like(radius, _FIRST_SHARE),
            changed=torch.full_like(radius, float(start[0].numel())),
        )

    def judge(self, slots: _SparseAscents, loss: Tensor, fooled: Tensor) -> Tensor:
        """Count points within the budget only as fooling the model, and begin the best point anew in every ball."""
        begins = on_device(self._schedule.begins[slots.step], loss.device)
        return slots.judge(loss, fooled & (distance(slots.iterate - slots.clean, "l1") <= self.eps), begins)

    def record(self, slots: _SparseAscents) -> None:
        """Keep the best points, projected into the budget, if they are the best of all turns so far."""
        inside = distance(slots.best - slots.clean, "l1") <= self.eps
        slots.best = slots.choose(inside, slots.best, self._projected(slots.best, slots, self.eps))
        super().record(slots)

    def move(self, slots: _SparseAscents, gradient: Tensor, loss: Tensor) -> None:
        """Take a sparse step within the ball, or go to the best point in the next ball where that begins."""
        point, device = slots.iterate, slots.iterate.device
        looked = on_device(self._schedule.looks[slots.step], device)
        following = np.minimum(slots.step + 1, self.steps)
        fresh = on_device(self._schedule.begins[following], device)
        factor = on_device(self._schedule.factor[following], device).to(point.dtype)
        radius = self.eps * factor
        looked = looked | fresh
        changed = (slots.best != slots.clean).flatten(1).sum(dim=1).to(point.dtype)
        sparser = looked & (changed < _STABLE_SHARE * slots.changed)
        shrunk = (slots.size / _SHRINK_FACTOR).clamp_min(self.eps / _MAX_SHRINKAGE)
        shrunk = torch.maximum(shrunk, radius / _MAX_SHRINKAGE)
        slots.size = torch.where(looked, torch.where(sparser | fresh, radius, shrunk), slots.size)
        slots.share = torch.where(looked, changed / point[0].numel() / _SHRINK_FACTOR, slots.share)
        slots.changed = torch.where(looked, changed, slots.changed)
        point = slots.choose(sparser, slots.best, point)
        gradient = slots.choose(sparser, slots.best_gradient, gradient)
        step = sparse_step(gradient, point, slots.share, self.pool.low, self.pool.high)
        moved = slots.choose(fresh, slots.best, point + per_example(slots.size, point) * step)
        slots.iterate = self._projected(moved, slots, radius)

    def _projected(self, point: Tensor, slots: BatchSlots, radius: float | Tensor) -> Tensor:
        return project_l1(point, slots.clean, radius, self.pool.low, self.pool.high)
