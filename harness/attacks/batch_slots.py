"""Slots of a batch that is refilled from the whole pool as the searches in it end, for any search.

A search is one turn (a restart, a target class) of an attack on each example. No pass is spent on an example that is
done, and never more than a batch of examples is under way.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.attacks.completion_flags import CompletionFlags, on_device
from harness.contract.context import Context
from harness.contract.threats import LabelledInputs

Bools = npt.NDArray[np.bool_]


@dataclass
class BatchSlots:
    """The slots of running searches; a subclass adds the tensors of an attack, each with one entry a slot.

    Attributes:
        place, turn, step: the row of the pool, which turn of the example, and how many steps of it are done; `[n]`
            each, kept off the device, which they steer.
        row: `[n]`, the row of the pool, on the device.
        clean: `[n, ...]`, the inputs searched around.
        labels: `[n]`, their true classes.
        targets: `[n]`, the classes to reach; None if any other than the true one is a success.
    """

    place: npt.NDArray[np.int_]
    turn: npt.NDArray[np.int_]
    step: npt.NDArray[np.int_]
    row: Tensor
    clean: Tensor
    labels: Tensor
    targets: Tensor | None

    def __post_init__(self) -> None:
        # Of a tensor of inference mode nobody can tell whether it was changed since the last pass, so that each pass
        # would look up its examples anew.
        if self.row.is_inference():
            with torch.inference_mode(False):
                self.row = self.row.clone()

    @staticmethod
    def of(pool: LabelledInputs, rows: list[int], turn: int, targets: Tensor | None = None) -> BatchSlots:
        """Slots for rows of the pool at the start of a turn; `targets` `[len(pool), turns]` replace the pool's."""
        place, count = np.array(rows, dtype=np.int64), len(rows)
        row = on_device(place, pool.inputs.device)
        aims = pool.targets if targets is None else targets[:, turn]
        return BatchSlots(
            place,
            np.full(count, turn),
            np.zeros(count, dtype=int),
            row,
            pool.inputs[row],
            pool.labels[row],
            None if aims is None else aims[row],
        )

    def __len__(self) -> int:
        return len(self.step)

    def take(self, positions: npt.NDArray[np.int_]) -> Self:
        """The slots at these positions."""
        there = on_device(positions, self.row.device)
        return type(self)(*(_part(getattr(self, field.name), positions, there) for field in fields(self)))

    def split(self, chosen: Bools) -> tuple[Self | None, Self | None]:
        """The chosen slots and the others; None for either if it is empty."""
        if not chosen.any():
            return None, self
        # By position, since a mask on the device would have to be counted, which waits for it.
        rest = None if chosen.all() else self.take(np.flatnonzero(~chosen))
        return self if rest is None else self.take(np.flatnonzero(chosen)), rest

    def batches(self, size: int) -> Iterator[Self]:
        """All slots in parts of at most `size`."""
        if len(self) <= size:
            yield self
            return
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def joined(self, other: Self) -> Self:
        """These slots followed by those of `other`."""
        return type(self)(*(_both(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))


def _part(values: Any, positions: npt.NDArray[np.int_], there: Tensor) -> Any:
    if values is None:
        return None
    return values[there] if isinstance(values, Tensor) else values[positions]


def _both(one: Any, other: Any) -> Any:
    if one is None:
        return None
    return torch.cat([one, other]) if isinstance(one, Tensor) else np.concatenate([one, other])


S = TypeVar("S", bound=BatchSlots)


class Search(ABC, Generic[S]):
    """One turn of an attack on each slot. `advance` and `record` must never wait for the device.

    Attributes:
        turn_steps: how many steps a turn has at most.
        looks_last: a turn that has used up its steps ends with another pass, in `conclude`; so a batch is awaited.
        refill_share: of the batch that must be free before it is refilled, since every refill moves the whole batch.
    """

    turn_steps: int = sys.maxsize
    looks_last: bool = False
    refill_share: float = 1 / 8

    @abstractmethod
    def begin(self, rows: list[int], turn: int) -> S:
        """Make slots for these rows of the pool, at the start of a turn."""

    @abstractmethod
    def advance(self, slots: S) -> Tensor:
        """Take one step in place; return which examples are done `[n]`. Their results must outlast more steps."""

    def record(self, slots: S) -> None:
        """Store the results of slots whose turns are over."""

    def conclude(self, slots: S) -> Tensor | None:
        """Record slots that have used up their steps; return which examples are done now `[n]`, None if none is."""
        self.record(slots)
        return None


def run_searches(search: Search[S], examples: int, turns: int, ctx: Context, late: bool | None = None) -> None:
    """Run the turns of every example in sequence until it is done, with at most a batch of slots at once.

    Args:
        search: the attack.
        examples: how many there are in the pool.
        turns: the largest number of turns of an example.
        ctx: gives batch size and device, and is told the progress.
        late: a step may see which examples are done one step late; by default on CUDA only.
    """
    waiting = deque((row, 0) for row in range(examples if turns else 0))
    flags = CompletionFlags(examples, torch.device(ctx.device), late)
    active: S | None = None
    over: S | None = None
    ended = 0
    while waiting or active is not None or over is not None:
        for fresh in _begun(search, waiting, active, ctx.batch_size):
            active = fresh if active is None else active.joined(fresh)
        if active is not None:
            flags.set(active.row, search.advance(active))
            active.step = active.step + 1
            leaving, active = active.split(flags.read()[active.place])
            if leaving is not None:
                search.record(leaving)
                ended += len(leaving)
        if active is not None:
            last, active = active.split(active.step >= search.turn_steps)
            over = last if over is None else over if last is None else over.joined(last)
        idle = active is None and not waiting
        if over is not None and (idle or not search.looks_last or len(over) >= ctx.batch_size):
            for slots in over.batches(ctx.batch_size):
                again = _concluded(search, slots, turns, flags)
                waiting.extend(again)
                ended += len(slots) - len(again)
            over = None
        ctx.progress(ended, examples)


def _begun(search: Search[S], waiting: deque[tuple[int, int]], active: S | None, size: int) -> Iterator[S]:
    """Slots for the rows that wait first, by turn, if enough of a batch of this size is free."""
    free = size if active is None else size - len(active)
    enough = active is None or free >= int(size * search.refill_share)
    taken = [waiting.popleft() for _ in range(min(len(waiting), free) if enough else 0)]
    for turn in sorted({turn for _, turn in taken}):
        yield search.begin([row for row, of in taken if of == turn], turn)


def _concluded(search: Search[S], slots: S, turns: int, flags: CompletionFlags) -> list[tuple[int, int]]:
    """The rows of slots whose steps are used up that have another turn, each with the number of that turn."""
    done = search.conclude(slots)
    if done is not None:
        done = flags.set(slots.row, done)
    again = slots.turn + 1 < turns
    if done is not None and again.any():
        # The only wait for the device, once for many steps, and none if there is nothing to decide.
        again &= ~done.cpu().numpy()
    return [(int(row), int(turn) + 1) for row, turn in zip(slots.place[again], slots.turn[again], strict=True)]


class _RowSteps(Search[BatchSlots]):
    """A search that keeps its state by row of the pool, so that little is moved when the batch is refilled."""

    refill_share = 0.0

    def __init__(self, pool: LabelledInputs, step: Callable[[Tensor], Tensor]) -> None:
        self._pool, self._step = pool, step

    def begin(self, rows: list[int], turn: int) -> BatchSlots:
        return BatchSlots.of(self._pool, rows, turn)

    def advance(self, slots: BatchSlots) -> Tensor:
        return self._step(slots.row)


def run_steps(pool: LabelledInputs, ctx: Context, step: Callable[[Tensor], Tensor]) -> None:
    """Call `step` on rows `[m]` of the pool, never on more than a batch, until it has reported each as done.

    Args:
        pool: the examples.
        ctx: gives batch size and device.
        step: rows `[m]` to whether each is done, `[m]`; it is not called again for those that are.
    """
    run_searches(_RowSteps(pool, step), len(pool), 1, ctx, late=False)


@dataclass(frozen=True)
class SearchResult:
    """The result of an attack: a candidate for each example `[n, ...]`, and whether it fools the model `[n]`."""

    candidates: Tensor
    fooled: Tensor
