"""PGD against models that are random: gradients averaged over several passes (Athalye et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness_adversarial.machinery.lanes import Found, Lanes, per_example, work_off
from harness_adversarial.machinery.losses import Loss, adversarial_loss
from harness_adversarial.machinery.norms import BallNorm, project, random_start, steepest
from harness_adversarial.machinery.ratio_losses import mean_fooled

Count = Annotated[int, Ge(1)]


class EotPGD:
    """PGD on the expected loss (Athalye, Carlini & Wagner 2018, arXiv:1802.00420, section 4.2).

    What fools the model is decided on the mean predicted probabilities of the same passes, not on a lucky one.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        steps: gradient steps per restart.
        step_size: length of a step in the norm; by default 2.5 * eps / steps.
        restarts: independent random starts; an example is robust only if it survives all.
        draws: passes over which gradients are averaged and predictions decided.
        loss: what is maximised.
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
        self.draws, self.loss = draws, loss
        self.threat = Threat(norm, eps)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first iterate that fools the model on average, else the one of the highest loss."""
        return self.search(model, batch, ctx).candidates

    def search(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Found:
        """The same, with what is fooled."""
        climb = _Climb(self, model, batch, ctx)
        work_off(climb, len(batch), self.restarts, ctx)
        return Found(climb.answer, climb.fooled)


@dataclass
class _Climbs(Lanes):
    """Climbs under way.

    Attributes:
        iterate: where they are.
        best, highest, fooled, stopped: of all turns the best point, its loss, whether it fools the model, and whether
            the search came to an end there.
    """

    iterate: Tensor
    best: Tensor
    highest: Tensor
    fooled: Tensor
    stopped: Tensor


@dataclass
class _Climb:
    """Projected ascent on a pool; a turn is a restart."""

    attack: EotPGD
    model: GradientAccess
    pool: LabelledInputs
    ctx: Context
    answer: Tensor = field(init=False)
    fooled: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.turn_steps = self.attack.steps + 1
        self.answer = self.pool.inputs.clone()
        self.fooled = torch.zeros_like(self.pool.labels, dtype=torch.bool)
        self._highest = torch.full(self.pool.labels.shape, float("-inf"), device=self.pool.inputs.device)

    def begin(self, rows: list[int], turn: int) -> _Climbs:
        """At a random point of the ball."""
        lanes = Lanes.of(self.pool, rows, turn)
        ids, shape = [self.pool.ids[row] for row in rows], self.pool.inputs.shape[1:]
        uniform = self.ctx.uniform(ids, shape, "start", turn)
        normal = self.ctx.normal(ids, shape, "direction", turn) if self.attack.norm == "l2" else uniform
        offset = random_start(uniform, normal, self.attack.eps, self.attack.norm)
        start = (lanes.clean + offset).clamp(self.pool.low, self.pool.high)
        own = (lanes.place, lanes.turn, lanes.step, lanes.row, lanes.clean, lanes.labels)
        best = self.answer[lanes.row], self._highest[lanes.row], self.fooled[lanes.row]
        return _Climbs(*own, start, *best, best[2])

    def advance(self, lanes: _Climbs) -> Tensor:
        """Judge the iterates on the mean of the draws, keep the best, and take a step."""
        attack = self.attack
        point = lanes.iterate.detach().requires_grad_(True)
        gradient, total, drawn = torch.zeros_like(lanes.iterate), torch.zeros_like(lanes.highest), []
        for _ in range(attack.draws):
            logits = self.model(point, lanes.row)
            loss = adversarial_loss(logits, lanes.labels, None, attack.loss)
            gradient = gradient + torch.autograd.grad(loss.sum(), point)[0]
            total = total + loss.detach()
            drawn.append(logits.detach())
        fooled = mean_fooled(drawn, lanes.labels)
        # A model that is not finite there is the core's to report, so the point goes to the core.
        stopped = fooled | ~total.isfinite()
        better = (stopped | (total > lanes.highest)) & ~lanes.stopped
        lanes.best = torch.where(per_example(better, lanes.best), lanes.iterate, lanes.best)
        lanes.highest = torch.where(better, total, lanes.highest)
        lanes.fooled, lanes.stopped = lanes.fooled | (fooled & better), lanes.stopped | stopped
        ahead = lanes.iterate + attack.step_size * steepest(gradient, attack.norm)
        inside = project(ahead, lanes.clean, attack.eps, attack.norm, self.pool.low, self.pool.high)
        lanes.iterate = inside
        return lanes.stopped

    def record(self, lanes: _Climbs) -> None:
        """Keep what was found."""
        rows = lanes.row
        self.answer[rows], self._highest[rows], self.fooled[rows] = lanes.best, lanes.highest, lanes.fooled
