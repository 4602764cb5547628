"""Fast adaptive boundary attack, targeted version (Croce & Hein 2020a): the smallest perturbation, without a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    BallNorm,
    BatchSlots,
    Closest,
    Search,
    SearchResult,
    gradients,
    likeliest_targets,
    per_example,
    run_searches,
)
from harness_adversarial.common.hyperplanes import step_to_hyperplane

Count = Annotated[int, Ge(1)]

_MAX_BIAS = 0.1
"""alpha_max: the largest weight of the step from the clean input."""
_OVERSHOOT = 1.05
"""eta: by how much steps go beyond the hyperplane."""
_BACKWARD_SHARE = 0.9
"""beta: where a found point is pulled back to, on the way from the clean input."""
_ELEMENTS_AT_ONCE = 1 << 22
"""Of the inputs: a step takes twenty times their memory, and treats each by itself."""


class FABTargeted:
    """Fast adaptive boundary: the smallest perturbation towards each of the most likely other classes.

    FAB (Croce & Hein 2020, arXiv:1907.02044, algorithm 1), against the most likely other classes in turn (FAB-T).

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

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Like `perturb`, with which examples are fooled; with a budget, only within it."""
        targets = likeliest_targets(model, batch, self.targets, ctx.batch_size)
        boundary = _Boundary(self, model, batch, targets)
        run_searches(boundary, len(batch), targets.shape[1], ctx)
        return boundary.result()


@dataclass
class _Approaches(BatchSlots):
    """The slots of running searches.

    Attributes:
        iterate: where the approach is; `targets` are the classes aimed at.
    """

    iterate: Tensor


class _Boundary(Search[_Approaches]):
    """Algorithm 1 on a pool; a turn is a target, of which `targets` are `[n, turns]`."""

    def __init__(self, attack: FABTargeted, model: GradientAccess, pool: LabelledInputs, targets: Tensor) -> None:
        self.pool, self.targets = pool, targets
        self.eps, self.norm, self.turn_steps = attack.eps, attack.norm, attack.steps
        self._closest = Closest(pool, attack.norm)
        self.model = self._closest.watching(model)
        self._is_broken = torch.zeros_like(pool.labels, dtype=torch.bool)

    def result(self) -> SearchResult:
        """The nearest points; with a budget, those within it only."""
        found = self._closest.distance.isfinite() if self.eps is None else self._closest.distance <= self.eps
        kept = per_example(found | self._is_broken, self.pool.inputs)
        return SearchResult(torch.where(kept, self._closest.answer, self.pool.inputs), found)

    def begin(self, rows: list[int], turn: int) -> _Approaches:
        """Start at the clean input."""
        slots = BatchSlots.of(self.pool, rows, turn, self.targets)
        return _Approaches(**vars(slots), iterate=slots.clean)

    def advance(self, slots: _Approaches) -> Tensor:
        """Take one step towards the hyperplane; a point beyond the boundary is pulled back."""
        gap, normal = self._hyperplane(slots)
        moved = self._towards(slots, gap, normal)
        with torch.no_grad():
            logits: Tensor = self.model(moved, slots.row)
        finite = logits.isfinite().all(dim=1)
        fooled = finite & (logits.argmax(dim=1) != slots.labels)
        # A model that is not finite there is the core's to report, so the point goes to the core.
        broken = ~(finite & gap.isfinite())
        self._closest.pin(slots.row, moved, broken)
        self._is_broken[slots.row] |= broken
        slots.iterate = torch.lerp(moved, slots.clean, per_example((1 - _BACKWARD_SHARE) * fooled, moved))
        return broken if self.eps is None else broken | (self._closest.distance[slots.row] <= self.eps)

    def _hyperplane(self, slots: _Approaches) -> tuple[Tensor, Tensor]:
        """By how much the target's logit exceeds the true one's `[n]`, and its gradient `[n, dimension]`."""

        def lead(logits: Tensor) -> Tensor:
            assert slots.targets is not None
            aim, own = (logits.gather(1, which[:, None]).squeeze(1) for which in (slots.targets, slots.labels))
            return aim - own

        (gradient,), (gap,), _ = gradients(self.model, slots.iterate, slots.row, lead)
        return gap, gradient.flatten(1)

    def _towards(self, slots: _Approaches, gap: Tensor, normal: Tensor) -> Tensor:
        """The convex combination of steps from the iterate and from the clean input (equation 9)."""
        rows = max(1, _ELEMENTS_AT_ONCE // normal.shape[1])
        parts = zip(*(each.split(rows) for each in (slots.iterate, slots.clean, gap, normal)), strict=True)
        return torch.cat([self._combined(*part) for part in parts])

    def _combined(self, iterate: Tensor, centre: Tensor, gap: Tensor, normal: Tensor) -> Tensor:
        point, clean = iterate.flatten(1), centre.flatten(1)
        both, needed = torch.stack([point, clean]), torch.stack([-gap, -gap - (normal * (clean - point)).sum(dim=1)])
        steps = step_to_hyperplane(both, normal, needed, self.norm, self.pool.low, self.pool.high)
        own, bias = _size(steps, self.norm)
        weight = (own / (own + bias).clamp_min(1e-12)).clamp(max=_MAX_BIAS)
        from_point, from_clean = both.add_(steps, alpha=_OVERSHOOT)
        moved = torch.lerp(from_point, from_clean, weight[:, None])
        return moved.clamp_(self.pool.low, self.pool.high).reshape(iterate.shape)


def _size(difference: Tensor, norm: BallNorm) -> Tensor:
    """The norm of differences `[..., dimension]`."""
    return difference.abs().amax(dim=-1) if norm == "linf" else difference.norm(dim=-1)
