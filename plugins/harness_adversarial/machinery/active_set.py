"""Iterative attacks over an active set: an example leaves the batch once it is fooled and the batch is refilled.

No pass is spent on an example that is fooled already, and every iterate is judged, not just the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs
from harness_adversarial.machinery.lanes import room
from harness_adversarial.machinery.losses import Loss, adversarial_loss, is_fooled
from harness_adversarial.machinery.news import News, on_device
from harness_adversarial.machinery.smallest import like

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
    _news: News = field(init=False)

    def run(self) -> Tensor:
        """For each example the first iterate that fools the model, else the last iterate of the best restart."""
        self._answer = self.pool.inputs.clone()
        self._best = torch.full((len(self.pool),), float("-inf"), device=self.pool.inputs.device)
        self._waiting = deque((row, 0) for row in range(len(self.pool)))
        self._news = News(len(self.pool), self.pool.inputs.device)
        ended = 0
        active, finished = self._lanes([], 0), self._lanes([], 0)
        while self._waiting or len(active) or len(finished):
            if self._waiting and (free := room(len(active), self.ctx)):
                active = active.joined(self._refill(free))
            if len(active):
                active, fooled = self._step(active)
                ended += fooled
            last = active.step >= self.steps
            if last.any():
                finished, active = finished.joined(active.where(last)), active.where(~last)
            if len(finished) >= self.ctx.batch_size or not (len(active) or self._waiting):
                ended += self._judge(finished)
                finished = self._lanes([], 0)
            self.ctx.progress(ended, len(self.pool))
        return self._answer

    @property
    def fooled(self) -> Tensor:
        """Which examples fooled the model, `[n]`, after the run."""
        return self._news.done

    def _lanes(self, rows: list[int], restart: int) -> _Lanes:
        """These examples at the start of a restart."""
        place = np.array(rows, dtype=np.int64)
        row = on_device(place, self.pool.inputs.device)
        clean = self.pool.inputs[row]
        return _Lanes(
            place=place,
            restart=np.full(len(rows), restart),
            step=np.zeros(len(rows), dtype=int),
            row=row,
            labels=self.pool.labels[row],
            targets=None if self.pool.targets is None else self.pool.targets[row],
            clean=clean,
            iterate=self.start(rows, restart) if rows else clean,
        )

    def _refill(self, free: int) -> _Lanes:
        """Up to `free` waiting examples, at the start of their next restart."""
        taken = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        lanes = self._lanes([], 0)
        for restart in sorted({restart for _, restart in taken}):
            lanes = lanes.joined(self._lanes([row for row, of in taken if of == restart], restart))
        return lanes

    def _step(self, lanes: _Lanes) -> tuple[_Lanes, int]:
        """One gradient step for all lanes; those known to be fooled leave, and until then stay where they are."""
        iterate = lanes.iterate.requires_grad_(True)
        logits = self.model(iterate, lanes.row)
        loss = adversarial_loss(logits, lanes.labels, lanes.targets, self.loss).sum()
        (gradient,) = torch.autograd.grad(loss, iterate)
        iterate = iterate.detach()
        fooled = self._news.post(lanes.row, is_fooled(logits.detach(), lanes.labels, lanes.targets))
        lanes.iterate = torch.where(like(fooled, iterate), iterate, self.move(iterate, lanes.clean, gradient))
        lanes.step = lanes.step + 1
        left = self._news.heard()[lanes.place]
        if left.any():
            leaving, lanes = lanes.where(left), lanes.where(~left)
            self._answer[leaving.row] = leaving.iterate
        return lanes, int(left.sum())

    @torch.no_grad()
    def _judge(self, finished: _Lanes) -> int:
        """Classify last iterates; examples that are not fooled wait for their next restart, if any."""
        ended = 0
        for start in range(0, len(finished), self.ctx.batch_size):
            lanes = finished.where(np.arange(start, min(start + self.ctx.batch_size, len(finished))))
            logits = self.model(lanes.iterate, lanes.row)
            fooled = self._news.post(lanes.row, is_fooled(logits, lanes.labels, lanes.targets))
            loss = adversarial_loss(logits, lanes.labels, lanes.targets, self.loss)
            better = fooled | (loss > self._best[lanes.row])
            answer = self._answer[lanes.row]
            self._answer[lanes.row] = torch.where(like(better, answer), lanes.iterate, answer)
            self._best[lanes.row] = torch.maximum(self._best[lanes.row], loss)
            # The only wait for the device, once for many steps, and none if there is nothing to decide.
            goes_on = lanes.restart + 1 < self.restarts
            if goes_on.any():
                goes_on &= ~fooled.cpu().numpy()
            for row, restart in zip(lanes.place[goes_on].tolist(), lanes.restart[goes_on].tolist(), strict=True):
                self._waiting.append((row, restart + 1))
            ended += len(lanes) - int(goes_on.sum())
        return ended


@dataclass
class _Lanes:
    """Examples under way.

    Attributes:
        place, restart, step: the row of the pool, which restart, and how many steps of it are done; kept off the
            device, which they steer.
        row: the row of the pool, on the device.
        labels, targets, clean: what the pool says of that row.
        iterate: the current candidate.
    """

    place: npt.NDArray[np.int_]
    restart: npt.NDArray[np.int_]
    step: npt.NDArray[np.int_]
    row: Tensor
    labels: Tensor
    targets: Tensor | None
    clean: Tensor
    iterate: Tensor

    def __len__(self) -> int:
        return len(self.step)

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int_]) -> _Lanes:
        """Some of the lanes, by mask or by position."""
        # A mask on the device would have to be counted, which waits for it.
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        there = on_device(positions, self.row.device)
        tensors = (None if part is None else part[there] for part in self._tensors())
        return _Lanes(self.place[positions], self.restart[positions], self.step[positions], *tensors)  # type: ignore[arg-type]

    def joined(self, other: _Lanes) -> _Lanes:
        """Both together."""
        if not len(other):
            return self
        if not len(self):
            return other
        pairs = zip(self._tensors(), other._tensors(), strict=True)
        tensors = (None if one is None or two is None else torch.cat([one, two]) for one, two in pairs)
        steering = ((self.place, other.place), (self.restart, other.restart), (self.step, other.step))
        return _Lanes(*(np.concatenate(pair) for pair in steering), *tensors)  # type: ignore[arg-type]

    def _tensors(self) -> tuple[Tensor | None, ...]:
        return self.row, self.labels, self.targets, self.clean, self.iterate
