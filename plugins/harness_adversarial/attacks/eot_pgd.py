"""PGD against models that are random: gradients averaged over several passes (Athalye et al. 2018)."""

from __future__ import annotations

from functools import partial, reduce
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import (
    Ascents,
    BallNorm,
    BatchSlots,
    BestSearch,
    Loss,
    SearchResult,
    adversarial_loss,
    gradients,
    mean_fooled,
    project,
    random_points,
    steepest,
)

Count = Annotated[int, Ge(1)]


class EotPGD:
    """PGD against random models: gradients and verdicts averaged over passes (Athalye et al. 2018, section 4.2).

    What fools the model is decided on the mean predicted probabilities of the same passes, not on a lucky one.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        steps: gradient steps per restart.
        step_size: length of a step in the norm; by default 2.5 * eps / steps.
        restarts: independent random starts; an example is robust only if it survives all.
        draws: passes over which gradients are averaged and predictions decided.
        loss: the loss that is maximised.
    """

    pooled = True
    averages = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)],
        norm: BallNorm = "linf",
        steps: Count = 40,
        step_size: Annotated[float, Gt(0)] | None = None,
        restarts: Count = 1,
        draws: Count = 20,
        loss: Loss = "cross_entropy",
    ) -> None:
        self.eps, self.norm, self.steps, self.restarts = eps, norm, steps, restarts
        self.step_size = 2.5 * eps / steps if step_size is None else step_size
        self.draws = draws
        self.loss: Loss = loss
        self.threat = Threat(norm, eps)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model on average, else the one of the highest loss."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Like `perturb`, with which examples are fooled."""
        return _Climb(self, model, batch, ctx).run(self.restarts, ctx)


class _Climb(BestSearch[Ascents]):
    """Projected ascent on a pool; a turn is a restart."""

    def __init__(self, attack: EotPGD, model: GradientAccess, pool: LabelledInputs, ctx: Context) -> None:
        super().__init__(pool)
        self.turn_steps = attack.steps + 1
        self._attack, self._model, self._ctx = attack, model, ctx

    def begin(self, rows: list[int], turn: int) -> Ascents:
        """Start at a random point of the ball."""
        slots = BatchSlots.of(self.pool, rows, turn)
        start = random_points(self.pool, rows, self._ctx, self._attack.eps, self._attack.norm, turn)
        return Ascents.at(slots, start)

    def advance(self, slots: Ascents) -> Tensor:
        """Classify the iterates by the mean of the draws, keep the best, and take a step."""
        attack = self._attack
        objective = partial(adversarial_loss, labels=slots.labels, targets=None, loss=attack.loss)
        slope, loss, logits = gradients(self._model, slots.iterate, slots.row, objective)
        total, losses = slope[0], loss
        for _ in range(attack.draws - 1):
            # Added up one by one, since all of them would take the memory of as many batches.
            slope, loss, drawn = gradients(self._model, slots.iterate, slots.row, objective)
            total, losses, logits = total.add_(slope[0]), losses + loss, logits + drawn
        slots.judge(reduce(torch.add, losses), mean_fooled(logits, slots.labels))
        ahead = slots.iterate + attack.step_size * steepest(total, attack.norm)
        slots.iterate = project(ahead, slots.clean, attack.eps, attack.norm, self.pool.low, self.pool.high)
        return slots.stopped
