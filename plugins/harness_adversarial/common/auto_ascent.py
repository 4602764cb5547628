"""Auto-PGD in any norm: a pass, the best point and its gradient, and a step that a subclass defines."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs
from harness.api.attacks import (
    Ascents,
    BatchSlots,
    BestSearch,
    adversarial_loss,
    gradients,
    log_odds,
    mean_fooled,
)

if TYPE_CHECKING:
    from harness_adversarial.attacks.apgd import APGD


@dataclass
class AutoAscents(Ascents):
    """The slots of running ascents.

    Attributes:
        best_gradient: `[n, ...]`, the gradient at `best`.
        size: `[n]`, of a step, in units of the inputs.
    """

    best_gradient: Tensor
    size: Tensor


A = TypeVar("A", bound=AutoAscents)


class AutoAscent(BestSearch[A]):
    """Auto-PGD on a pool; a turn is a restart or, if there are targets, a target.

    Args:
        attack: gives the budget, the loss, the gradient steps a turn, and the passes that are averaged.
        model: the attacked model.
        pool: all examples.
        ctx: for random starts.
        targets: `[n, turns]`, the class aimed at in each turn, where any wrong class is a success.
    """

    def __init__(
        self, attack: APGD, model: GradientAccess, pool: LabelledInputs, ctx: Context, targets: Tensor | None = None
    ) -> None:
        super().__init__(pool)
        self.eps, self.loss, self.steps, self.eot = attack.eps, attack.loss, attack.steps, attack.eot
        self.turn_steps = self.steps + 1
        self.model, self.ctx, self.targets = model, ctx, targets

    def begin(self, rows: list[int], turn: int) -> A:
        """Start at a random point of the ball."""
        return self.start(BatchSlots.of(self.pool, rows, turn, self.targets), rows, turn)

    def advance(self, slots: A) -> Tensor:
        """Classify the iterates, and take a step from each."""
        gradient, loss, fooled = self._averaged(slots)
        better = self.judge(slots, loss, fooled)
        slots.best_gradient = slots.choose(better, gradient, slots.best_gradient)
        if not (slots.step == self.steps).all():
            self.move(slots, gradient, loss)
        return slots.stopped

    @abstractmethod
    def start(self, slots: BatchSlots, rows: list[int], turn: int) -> A:
        """Make ascents at random points of the ball."""

    def judge(self, slots: A, loss: Tensor, fooled: Tensor) -> Tensor:
        """Keep the iterates that are better than the best points so far, and return which they are, `[n]`."""
        return slots.judge(loss, fooled)

    @abstractmethod
    def move(self, slots: A, gradient: Tensor, loss: Tensor) -> None:
        """Set the next iterates, from the gradient `[n, ...]` and the loss `[n]` at the current ones."""

    def _averaged(self, slots: A) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient `[n, ...]` and loss `[n]` at the iterates, means over draws, and whether they fool the model."""
        slopes, losses, logits = gradients(self.model, slots.iterate, slots.row, partial(self._loss, slots), self.eot)
        return _mean(slopes), _mean(losses), mean_fooled(logits, slots.labels)

    def _loss(self, slots: A, logits: Tensor) -> Tensor:
        # The same steps as cross-entropy without its saturation, but not the same mean over draws of a random model.
        if self.loss == "cross_entropy" and slots.targets is None and self.eot == 1:
            return log_odds(logits, slots.labels)
        return adversarial_loss(logits, slots.labels, slots.targets, self.loss)


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean(dim=0)
