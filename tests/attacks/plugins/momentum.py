"""A third party's attack built on the batch slots: sign steps along a gradient that each slot accumulates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Component, Context, GradientAccess, LabelledInputs, Threat, hookimpl
from harness.api.attacks import Ascents, BatchSlots, BestSearch, gradients, is_fooled, logit_margin, project, unit


class Momentum:
    """MI-FGSM (Dong et al. 2018, arXiv:1710.06081, algorithm 1) from the clean input, on the margin."""

    pooled = True

    def __init__(self, eps: float, steps: int = 10, decay: float = 1.0) -> None:
        self.eps, self.steps, self.decay, self.threat = eps, steps, decay, Threat("linf", eps)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model, else the one of the largest loss."""
        return _Search(self, model, batch).run(1, ctx).candidates


@dataclass
class _Slots(Ascents):
    velocity: Tensor


class _Search(BestSearch[_Slots]):
    def __init__(self, attack: Momentum, model: GradientAccess, pool: LabelledInputs) -> None:
        super().__init__(pool)
        self.attack, self.model, self.turn_steps = attack, model, attack.steps + 1

    def begin(self, rows: list[int], turn: int) -> _Slots:
        slots = BatchSlots.of(self.pool, rows, turn)
        return _Slots.at(slots, slots.clean, velocity=torch.zeros_like(slots.clean))

    def advance(self, slots: _Slots) -> Tensor:
        (slope,), (loss,), (logits,) = gradients(
            self.model, slots.iterate, slots.row, lambda logits: -logit_margin(logits, slots.labels)
        )
        slots.judge(loss, is_fooled(logits, slots.labels, None))
        slots.velocity = self.attack.decay * slots.velocity + unit(slope, "l1")
        ahead = slots.iterate + self.attack.eps / self.attack.steps * slots.velocity.sign()
        slots.iterate = project(ahead, slots.clean, self.attack.eps, "linf", self.pool.low, self.pool.high)
        return slots.stopped


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the attack."""
    summary = "Sign steps along an accumulated gradient."
    return [Component("attack", "momentum", f"{__name__}:Momentum", summary, tasks=frozenset({"classify"}))]
