"""Searches that maximise a loss and keep, for each example, the first point that fools the model, else the highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from harness.attacks.batch_slots import BatchSlots, Search, SearchResult, run_searches
from harness.contract.context import Context
from harness.contract.threats import LabelledInputs
from harness.instruments.broadcasting import per_example


@dataclass
class Ascents(BatchSlots):
    """The slots of running ascents.

    Attributes:
        iterate: `[n, ...]`, the current points.
        best, best_loss: `[n, ...]` and `[n]`, the best points of this turn and their loss, -inf before the first.
        fooled, stopped: `[n]`, whether the model was fooled; whether the search came to an end, at what is then `best`.
    """

    iterate: Tensor
    best: Tensor
    best_loss: Tensor
    fooled: Tensor
    stopped: Tensor

    @classmethod
    def at(cls, slots: BatchSlots, start: Tensor, **own: Any) -> Self:
        """Start ascents at points `[n, ...]`; `own` are the tensors that a subclass adds."""
        lowest = torch.full(slots.labels.shape, float("-inf"), device=start.device)
        no = torch.zeros_like(lowest, dtype=torch.bool)
        return cls(**vars(slots), iterate=start, best=start, best_loss=lowest, fooled=no, stopped=no, **own)

    def judge(self, loss: Tensor, fooled: Tensor, anew: Tensor | None = None) -> Tensor:
        """Keep the iterates that are better than the best points so far, and return which they are, `[n]`.

        Args:
            loss: `[n]`, at the iterates.
            fooled: `[n]`, whether they fool the model.
            anew: `[n]`, where what was best so far no longer counts.
        """
        # A model that is not finite there is the core's to report, so the point goes to the core.
        ends = fooled | ~loss.isfinite()
        higher = loss > self.best_loss
        # Nothing is better than where a search came to an end.
        better = ((higher if anew is None else higher | anew) | ends) & ~self.stopped
        self.best = self.choose(better, self.iterate, self.best)
        self.best_loss = torch.where(better, loss, self.best_loss)
        self.fooled, self.stopped = self.fooled | (fooled & better), self.stopped | ends
        return better

    def choose(self, chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
        """Return the new values `[n, ...]` where `chosen` `[n]` is true, else the old ones."""
        return torch.where(per_example(chosen, new), new, old)


A = TypeVar("A", bound=BatchSlots)


class AscentSearch(Search[A]):
    """A search that keeps for each example of a pool the first point that fools the model, else that of highest loss.

    Attributes:
        pool: all examples.
        answer, fooled: `[n, ...]` and `[n]`, what was kept so far, and whether it fools the model.
    """

    def __init__(self, pool: LabelledInputs) -> None:
        self.pool = pool
        self.answer = pool.inputs.clone()
        self.fooled = torch.zeros_like(pool.labels, dtype=torch.bool)
        self._highest = torch.full(pool.labels.shape, float("-inf"), device=pool.inputs.device)

    def keep(self, rows: Tensor, points: Tensor, loss: Tensor, fooled: Tensor, ends: Tensor) -> None:
        """Keep points `[m, ...]` of some rows `[m]` that fool the model, end the search or have a higher loss `[m]`."""
        already, before = self.fooled[rows], self._highest[rows]
        better = ~already & (ends | (loss > before))
        self.answer[rows] = torch.where(per_example(better, points), points, self.answer[rows])
        self._highest[rows] = torch.maximum(before, loss)
        self.fooled[rows] = already | fooled

    def run(self, turns: int, ctx: Context) -> SearchResult:
        """Run this many turns of every example."""
        run_searches(self, len(self.pool), turns, ctx)
        return SearchResult(self.answer, self.fooled)


C = TypeVar("C", bound=Ascents)


class BestSearch(AscentSearch[C]):
    """A search whose turn ends at the best of its points."""

    def record(self, slots: C) -> None:
        """Keep the best points of searches that end, if they are the best of all turns so far."""
        self.keep(slots.row, slots.best, slots.best_loss, slots.fooled, slots.stopped)
