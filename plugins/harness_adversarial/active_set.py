"""Iterative attacks over an active set: an example leaves the batch once it is fooled and the batch is refilled.

No pass is spent on an example that is fooled already, and every iterate is judged, not just the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs
from harness_adversarial.losses import Loss, adversarial_loss, is_fooled, targets_of

Start = Callable[[list[int], int], Tensor]
Move = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass
class ActiveSet:
    """Gradient ascent on each example of a pool until it is fooled or its restarts are used up.

    Attributes:
        model: the attacked model.
        pool: all examples.
        ctx: gives the batch size.
        loss: what is maximised.
        steps: gradient steps per restart.
        restarts: how often an example that was not fooled starts again.
        start: (rows, restart) to first iterates `[len(rows), ...]`.
        move: (iterates, clean inputs, gradients) to next iterates.
    """

    model: GradientAccess
    pool: LabelledInputs
    ctx: Context
    loss: Loss
    steps: int
    restarts: int
    start: Start
    move: Move
    _answer: Tensor = field(init=False)
    _best: Tensor = field(init=False)
    _waiting: deque[tuple[int, int]] = field(init=False)

    def run(self) -> Tensor:
        """For each example the first iterate that fools the model, else the last iterate of the best restart."""
        self._answer = self.pool.inputs.clone()
        self._best = torch.full((len(self.pool),), float("-inf"), device=self.pool.inputs.device)
        self._waiting = deque((row, 0) for row in range(len(self.pool)))
        ended = 0
        active = _Lanes.empty(self.pool.inputs)
        finished = _Lanes.empty(self.pool.inputs)
        while self._waiting or len(active) or len(finished):
            active = active.joined(self._refill(self.ctx.batch_size - len(active)))
            if len(active):
                active, fooled = self._step(active)
                ended += fooled
            last = active.step >= self.steps
            if bool(last.any()):
                finished, active = finished.joined(active.where(last)), active.where(~last)
            if len(finished) >= self.ctx.batch_size or not (len(active) or self._waiting):
                ended += self._judge(finished)
                finished = _Lanes.empty(self.pool.inputs)
            self.ctx.progress(ended, len(self.pool))
        return self._answer

    def _refill(self, free: int) -> _Lanes:
        """Up to `free` waiting examples, at the start of their next restart."""
        taken = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        lanes = _Lanes.empty(self.pool.inputs)
        for restart in sorted({restart for _, restart in taken}):
            rows = [row for row, of in taken if of == restart]
            lanes = lanes.joined(_Lanes.at(rows, restart, self.start(rows, restart)))
        return lanes

    def _step(self, lanes: _Lanes) -> tuple[_Lanes, int]:
        """One gradient step for all lanes; those already fooled at their current iterate leave."""
        labels, targets = self.pool.labels[lanes.row], targets_of(self.pool, lanes.row)
        iterate = lanes.iterate.requires_grad_(True)
        logits = self.model(iterate, lanes.row)
        loss = adversarial_loss(logits, labels, targets, self.loss).sum()
        (gradient,) = torch.autograd.grad(loss, iterate)
        iterate = iterate.detach()
        fooled = is_fooled(logits.detach(), labels, targets)
        left = int(fooled.sum())
        if left:
            self._answer[lanes.row[fooled]] = iterate[fooled]
            lanes, iterate, gradient = lanes.where(~fooled), iterate[~fooled], gradient[~fooled]
        moved = self.move(iterate, self.pool.inputs[lanes.row], gradient)
        return _Lanes(lanes.row, lanes.restart, lanes.step + 1, moved), left

    @torch.no_grad()
    def _judge(self, lanes: _Lanes) -> int:
        """Classify last iterates; examples that are not fooled wait for their next restart, if any."""
        ended = 0
        for part in lanes.split(self.ctx.batch_size):
            labels, targets = self.pool.labels[part.row], targets_of(self.pool, part.row)
            logits = self.model(part.iterate, part.row)
            fooled = is_fooled(logits, labels, targets)
            loss = adversarial_loss(logits, labels, targets, self.loss)
            better = fooled | (loss > self._best[part.row])
            self._answer[part.row[better]] = part.iterate[better]
            self._best[part.row] = torch.maximum(self._best[part.row], loss)
            for row, restart, is_over in zip(part.row.tolist(), part.restart.tolist(), fooled.tolist(), strict=True):
                if not is_over and restart + 1 < self.restarts:
                    self._waiting.append((row, restart + 1))
                else:
                    ended += 1
        return ended


@dataclass
class _Lanes:
    """Examples under way: which row of the pool, which restart, how many steps done, and the current iterate."""

    row: Tensor
    restart: Tensor
    step: Tensor
    iterate: Tensor

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls, like: Tensor) -> _Lanes:
        none = torch.empty(0, dtype=torch.long, device=like.device)
        return cls(none, none, none, like[:0])

    @classmethod
    def at(cls, rows: list[int], restart: int, iterate: Tensor) -> _Lanes:
        row = torch.tensor(rows, device=iterate.device)
        return cls(row, torch.full_like(row, restart), torch.zeros_like(row), iterate)

    def where(self, mask: Tensor) -> _Lanes:
        return _Lanes(self.row[mask], self.restart[mask], self.step[mask], self.iterate[mask])

    def joined(self, other: _Lanes) -> _Lanes:
        if not len(other):
            return self
        if not len(self):
            return other
        parts = zip(self._parts(), other._parts(), strict=True)
        return _Lanes(*(torch.cat(pair) for pair in parts))

    def split(self, size: int) -> list[_Lanes]:
        return [_Lanes(*parts) for parts in zip(*(part.split(size) for part in self._parts()), strict=True)]

    def _parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.row, self.restart, self.step, self.iterate
