"""What attacks for the smallest distance share: the closest point found, the loss and its gradient, and schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, ScoreAccess
from harness_adversarial.machinery.losses import Loss, adversarial_loss, is_fooled, targets_of
from harness_adversarial.machinery.norms import BallNorm

Bisections = Annotated[int, Ge(0)]


def length_of(offset: Tensor, norm: BallNorm | str) -> Tensor:
    """The norm `[n]` (linf, l2, l1) of offsets `[n, ...]`."""
    if norm == "linf":
        # Ten times as fast as the norm of infinite order on a CPU.
        return offset.flatten(1).abs().amax(dim=1)
    length: Tensor = torch.linalg.vector_norm(offset.flatten(1), {"l2": 2, "l1": 1}[norm], dim=1)
    return length


def like(values: Tensor, tensor: Tensor) -> Tensor:
    """Values `[n]` in a shape that multiplies `[n, ...]`."""
    return values.reshape(-1, *([1] * (tensor.dim() - 1)))


def unit(offset: Tensor) -> Tensor:
    """Offsets `[n, ...]` divided by their L2 norm; 0 stays 0."""
    return offset / like(length_of(offset, "l2").clamp_min(torch.finfo(offset.dtype).tiny), offset)


def cosine(first: float, last: float, share: float) -> float:
    """Cosine annealing from first (share 0) to last (share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def ascent(
    model: GradientAccess, iterate: Tensor, batch: LabelledInputs, rows: Tensor, loss: Loss
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss `[m]` that the attack maximises, its gradient `[m, ...]`, and who is fooled `[m]`."""
    iterate = iterate.detach().requires_grad_(True)
    labels, targets = batch.labels[rows], targets_of(batch, rows)
    logits = model(iterate, rows)
    value = adversarial_loss(logits, labels, targets, loss)
    (gradient,) = torch.autograd.grad(value.sum(), iterate)
    return value.detach(), gradient, is_fooled(logits.detach(), labels, targets)


def refilled(n: int, ctx: Context, device: torch.device, step: Callable[[Tensor], Tensor]) -> None:
    """Call `step` on the first `ctx.batch_size` rows that are not done, until all are.

    Args:
        n: how many rows there are.
        ctx: gives the batch size.
        device: of the rows.
        step: rows `[m]` to whether each goes on, `[m]`; the places of those that do not are filled from the rest.
    """
    waiting = torch.arange(n, device=device)
    while len(waiting):
        rows, rest = waiting[: ctx.batch_size], waiting[ctx.batch_size :]
        waiting = torch.cat([rows[step(rows)], rest])
        ctx.progress(n - len(waiting), n)


class Smallest:
    """The closest point to each input that fools the model so far; the input itself where there is none.

    Args:
        batch: the inputs.
        norm: in which distance is measured.
    """

    def __init__(self, batch: LabelledInputs, norm: BallNorm) -> None:
        self.norm: BallNorm = norm
        self.answer = batch.inputs.clone()
        self.distance = torch.full((len(batch),), math.inf, device=batch.inputs.device)
        self._batch = batch

    def offer(self, rows: Tensor, candidate: Tensor, fooled: Tensor) -> None:
        """Keep the candidates `[m, ...]` of some rows that fool the model and are closer than what there was."""
        found = length_of(candidate - self._batch.inputs[rows], self.norm)
        better = fooled & (found < self.distance[rows])
        self.answer[rows] = torch.where(like(better, candidate), candidate, self.answer[rows])
        self.distance[rows] = torch.where(better, found, self.distance[rows])

    @torch.no_grad()
    def bisected(self, model: ScoreAccess, ctx: Context, times: int) -> Tensor:
        """The answer after halving, so many times, the piece of the line to the input in which the verdict changes."""
        found = torch.nonzero(self.distance.isfinite()).flatten()
        for rows in found.split(ctx.batch_size) if times else ():
            clean, far = self._batch.inputs[rows], self.answer[rows]
            robust, fooling = torch.zeros(len(rows), device=rows.device), torch.ones(len(rows), device=rows.device)
            for _ in range(times):
                middle = (robust + fooling) / 2
                point = clean + like(middle, far) * (far - clean)
                fooled = is_fooled(model(point, rows), self._batch.labels[rows], targets_of(self._batch, rows))
                self.offer(rows, point, fooled)
                robust, fooling = torch.where(fooled, robust, middle), torch.where(fooled, middle, fooling)
        return self.answer
