"""Gradient ascent on each example until it is fooled, and projected gradient descent, whose loss a subclass chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.attacks.ascents import AscentSearch
from harness.attacks.batch_slots import BatchSlots, SearchResult
from harness.attacks.l1_ball import project_l1, sparse_step
from harness.attacks.losses import adversarial_loss, gradients, is_fooled
from harness.attacks.norm_balls import ConvexNorm, project, random_points, steepest
from harness.contract.context import Context
from harness.contract.threats import GradientAccess, LabelledInputs, Threat
from harness.instruments.broadcasting import per_example

Objective = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Start = Callable[[list[int], int], Tensor]
Move = Callable[[Tensor, Tensor, Tensor], Tensor]

_SPARSE = 0.01
"""Of the entries that a step in L1 moves (Tramèr & Boneh 2019, arXiv:1904.13000, section 4)."""


@dataclass
class _Climbs(BatchSlots):
    """The slots of running ascents: the current points `[n, ...]`, and which of them fool the model `[n]`."""

    iterate: Tensor
    fooled: Tensor


class GradientAscent(AscentSearch[_Climbs]):
    """For each example of a pool the first iterate that fools the model, else the last iterate of the best restart.

    Every iterate is judged: a turn has `steps` forward and backward passes and a last forward pass.

    Args:
        model: the attacked model.
        pool: all examples.
        objective: (logits `[m, classes]`, labels `[m]`, targets `[m]` or None) to the loss `[m]` that is maximised.
        steps: gradient steps per restart.
        start: (rows, restart) to first iterates `[len(rows), ...]`.
        move: (iterates, clean inputs, gradients), `[m, ...]` each, to next iterates.
    """

    looks_last = True

    def __init__(
        self, model: GradientAccess, pool: LabelledInputs, objective: Objective, steps: int, start: Start, move: Move
    ) -> None:
        super().__init__(pool)
        self.turn_steps = steps
        self._model, self._objective, self._start, self._move = model, objective, start, move

    def begin(self, rows: list[int], turn: int) -> _Climbs:
        """Start at the first iterates of a restart."""
        slots = BatchSlots.of(self.pool, rows, turn)
        return _Climbs(**vars(slots), iterate=self._start(rows, turn), fooled=self.fooled[slots.row])

    def advance(self, slots: _Climbs) -> Tensor:
        """Classify the iterates, and take a step from each that does not fool the model."""
        (gradient,), _, (logits,) = gradients(self._model, slots.iterate, slots.row, partial(self._loss, slots))
        slots.fooled = slots.fooled | is_fooled(logits, slots.labels, slots.targets)
        moved = self._move(slots.iterate, slots.clean, gradient)
        slots.iterate = torch.where(per_example(slots.fooled, moved), slots.iterate, moved)
        return slots.fooled

    def record(self, slots: _Climbs) -> None:
        """Keep iterates that fool the model."""
        self.answer[slots.row], self.fooled[slots.row] = slots.iterate, slots.fooled

    @torch.no_grad()
    def conclude(self, slots: _Climbs) -> Tensor:
        """Classify last iterates and keep those that fool the model or are better than that of any other restart."""
        logits = self._model(slots.iterate, slots.row)
        fooled = slots.fooled | is_fooled(logits, slots.labels, slots.targets)
        self.keep(slots.row, slots.iterate, self._loss(slots, logits), fooled, fooled)
        return fooled

    def _loss(self, slots: _Climbs, logits: Tensor) -> Tensor:
        return self._objective(logits, slots.labels, slots.targets)


class ProjectedGradientDescent:
    """Projected gradient descent on the negative loss (Madry et al. 2018, section 2.1), for any loss.

    A subclass overrides `objective`; unless it does, that is cross-entropy. In the L1 ball a step moves the hundredth
    of the pixels with the largest gradients.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        steps: gradient steps per restart.
        step_size: length of a step in the norm; by default 2.5 * eps / steps.
        restarts: independent random starts; an example is robust only if it survives all.
        random_start: start at a random point of the ball instead of at the clean input: uniform for L-infinity, for
            L2 uniform in direction and distance.
        targeted: move towards a target class instead of away from the true one.
    """

    pooled = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)],
        norm: ConvexNorm = "linf",
        steps: Annotated[int, Ge(1)] = 20,
        step_size: Annotated[float, Gt(0)] | None = None,
        restarts: Annotated[int, Ge(1)] = 1,
        random_start: bool = True,
        targeted: bool = False,
    ) -> None:
        self.eps, self.norm, self.steps, self.restarts = eps, norm, steps, restarts
        self.step_size = 2.5 * eps / steps if step_size is None else step_size
        self.random_start = random_start
        self.threat = Threat(norm, eps, targeted)

    def objective(self, logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        """The loss `[m]` that is maximised, of logits `[m, classes]`; `targets` `[m]` only if the attack is targeted.

        It must depend on each example by itself, and not on the company that it is classified in.
        """
        return adversarial_loss(logits, labels, targets, "cross_entropy")

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Ascend from every start until the example is fooled or the steps are used up."""
        return self.search(model, batch, ctx).candidates

    def search(
        self, model: GradientAccess, batch: LabelledInputs, ctx: Context, first: Tensor | None = None
    ) -> SearchResult:
        """Like `perturb`, with which are fooled; `first` `[n, ...]` are points of the ball to start from instead."""

        def inside(point: Tensor, clean: Tensor) -> Tensor:
            if self.norm == "l1":
                return project_l1(point, clean, self.eps, batch.low, batch.high)
            return project(point, clean, self.eps, self.norm, batch.low, batch.high)

        def start(rows: list[int], restart: int) -> Tensor:
            clean = batch.inputs[rows]
            if first is not None and not restart:
                return first[rows]
            if not self.random_start:
                return clean
            if self.norm == "l1":
                ids = [batch.ids[row] for row in rows]
                return inside(clean + ctx.normal(ids, clean.shape[1:], "start", restart), clean)
            return random_points(batch, rows, ctx, self.eps, self.norm, restart)

        def move(iterate: Tensor, clean: Tensor, gradient: Tensor) -> Tensor:
            if self.norm == "l1":
                step = sparse_step(gradient, iterate, _SPARSE, batch.low, batch.high)
            else:
                step = steepest(gradient, self.norm)
            return inside(iterate + self.step_size * step, clean)

        return GradientAscent(model, batch, self.objective, self.steps, start, move).run(self.restarts, ctx)
