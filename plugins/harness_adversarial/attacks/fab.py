"""Fast adaptive boundary attack, targeted version (Croce & Hein 2020a): the smallest perturbation, without a budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness_adversarial.attacks.apgd import clean_targets
from harness_adversarial.machinery.hyperplanes import step_to_hyperplane
from harness_adversarial.machinery.lanes import Found, Lanes, per_example, work_off
from harness_adversarial.machinery.norms import BallNorm

Count = Annotated[int, Ge(1)]

_MOST_BIAS = 0.1
"""alpha_max: the most weight of the step from the clean input."""
_OVERSHOOT = 1.05
"""eta: by how much steps go beyond the hyperplane."""
_BACKWARD = 0.9
"""beta: where a found point is pulled back to, on the way from the clean input."""


class FABTargeted:
    """FAB (Croce & Hein 2020, arXiv:1907.02044, algorithm 1), against the most likely other classes in turn (FAB-T).

    The boundary to the target is taken for the hyperplane of the logits' linear approximation; any wrong class is a
    success (arXiv:2003.01690, section 5).

    Args:
        eps: the search for an example ends with the first point within this distance; without it the smallest
            distance is sought.
        norm: the distance.
        targets: how many classes to try, at most all others.
        steps: steps per target.
    """

    pooled = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)] | None = None,
        norm: BallNorm = "linf",
        targets: Count = 9,
        steps: Count = 100,
    ) -> None:
        self.eps, self.norm, self.targets, self.steps = eps, norm, targets, steps
        self.threat = Threat(norm, eps, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the nearest point found that fools the model, the clean input if there is none."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Found:
        """The same, with what is fooled; with a budget, only within it."""
        targets = clean_targets(model, batch, self.targets, ctx)
        boundary = _Boundary(model, batch, ctx, self.eps, self.norm, self.steps, targets)
        work_off(boundary, len(batch), targets.shape[1], ctx)
        return Found(boundary.answer, boundary.fooled)


@dataclass
class _Approaches(Lanes):
    """Approaches under way.

    Attributes:
        targets: the class aimed at.
        iterate: where the approach is.
        answer, nearest, fooled: the nearest point of all turns, how far it is, and whether it fools the model.
    """

    targets: Tensor
    iterate: Tensor
    answer: Tensor
    nearest: Tensor
    fooled: Tensor


@dataclass
class _Boundary:
    """Algorithm 1 on a pool; a turn is a target."""

    model: GradientAccess
    pool: LabelledInputs
    ctx: Context
    eps: float | None
    norm: BallNorm
    steps: int
    targets: Tensor
    answer: Tensor = field(init=False)
    fooled: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.turn_steps = self.steps
        self.answer = self.pool.inputs.clone()
        self.fooled = torch.zeros_like(self.pool.labels, dtype=torch.bool)
        # With a budget nothing beyond it counts.
        far = float("inf") if self.eps is None else self.eps
        self._nearest = torch.full(self.pool.labels.shape, far, device=self.pool.inputs.device)

    def begin(self, rows: list[int], turn: int) -> _Approaches:
        """At the clean input."""
        lanes = Lanes.of(self.pool, rows, turn)
        targets = self.targets[lanes.row, turn]
        own = (lanes.place, lanes.turn, lanes.step, lanes.row, lanes.clean, lanes.labels)
        best = self.answer[lanes.row], self._nearest[lanes.row], self.fooled[lanes.row]
        return _Approaches(*own, targets, lanes.clean, *best)

    def advance(self, lanes: _Approaches) -> Tensor:
        """One step towards the hyperplane; a point beyond the boundary is noted and pulled back."""
        gap, normal = self._hyperplane(lanes)
        moved = self._towards(lanes, gap, normal)
        with torch.no_grad():
            logits = self.model(moved, lanes.row)
        finite = logits.isfinite().all(dim=1)
        fooled = finite & (logits.argmax(dim=1) != lanes.labels)
        nearer = self._nearer(lanes, moved, fooled)
        # A model that is not finite there is the core's to report, so the point goes to the core.
        broken = ~(finite & gap.isfinite())
        lanes.answer = torch.where(per_example(broken | nearer, moved), moved, lanes.answer)
        lanes.iterate = torch.lerp(moved, lanes.clean, per_example((1 - _BACKWARD) * fooled, moved))
        return broken if self.eps is None else broken | lanes.fooled

    def record(self, lanes: _Approaches) -> None:
        """Keep what was found."""
        rows = lanes.row
        self.answer[rows], self._nearest[rows], self.fooled[rows] = lanes.answer, lanes.nearest, lanes.fooled

    def _hyperplane(self, lanes: _Approaches) -> tuple[Tensor, Tensor]:
        """By how much the target's logit exceeds the true one's `[n]`, and its gradient `[n, dimension]`."""
        point = lanes.iterate.detach().requires_grad_(True)
        logits = self.model(point, lanes.row)
        aim, own = (logits.gather(1, which[:, None]).squeeze(1) for which in (lanes.targets, lanes.labels))
        gap = aim - own
        (gradient,) = torch.autograd.grad(gap.sum(), point)
        return gap.detach(), gradient.flatten(1)

    def _towards(self, lanes: _Approaches, gap: Tensor, normal: Tensor) -> Tensor:
        """The convex combination of steps from the iterate and from the clean input (equation 9)."""
        point, clean = lanes.iterate.flatten(1), lanes.clean.flatten(1)
        both, needed = torch.stack([point, clean]), torch.stack([-gap, -gap - (normal * (clean - point)).sum(dim=1)])
        steps = step_to_hyperplane(both, normal, needed, self.norm, self.pool.low, self.pool.high)
        own, bias = _size(steps, self.norm)
        weight = (own / (own + bias).clamp_min(1e-12)).clamp(max=_MOST_BIAS)
        from_point, from_clean = both.add_(steps, alpha=_OVERSHOOT)
        moved = torch.lerp(from_point, from_clean, weight[:, None])
        return moved.clamp_(self.pool.low, self.pool.high).reshape(lanes.iterate.shape)

    def _nearer(self, lanes: _Approaches, moved: Tensor, fooled: Tensor) -> Tensor:
        """Which points are nearer than those found before, `[n]`; their distance is noted."""
        distance = _size((moved - lanes.clean).flatten(1), self.norm)
        nearer = fooled & ((distance < lanes.nearest) | ((distance == lanes.nearest) & ~lanes.fooled))
        lanes.nearest, lanes.fooled = torch.where(nearer, distance, lanes.nearest), lanes.fooled | nearer
        return nearer


def _size(difference: Tensor, norm: BallNorm) -> Tensor:
    """The norm of differences `[..., dimension]`."""
    return difference.abs().amax(dim=-1) if norm == "linf" else difference.norm(dim=-1)
