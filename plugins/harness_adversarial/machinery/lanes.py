"""A batch that is refilled from the whole pool as the searches in it end, whatever the search is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, LabelledInputs
from harness_adversarial.machinery.news import News, on_device

Bools = npt.NDArray[np.bool_]

_FEW = 8
"""A batch is refilled once this fraction of it is free."""


@dataclass
class Lanes:
    """Searches under way, one a row; an attack adds its own tensors, each with one entry a lane.

    Attributes:
        place, turn, step: the row of the pool, which turn of the example, and how many steps of it are done; kept off
            the device, which they steer.
        row: the row of the pool, on the device.
        clean: the inputs searched around.
        labels: their true classes.
    """

    place: npt.NDArray[np.int_]
    turn: npt.NDArray[np.int_]
    step: npt.NDArray[np.int_]
    row: Tensor
    clean: Tensor
    labels: Tensor

    @staticmethod
    def of(pool: LabelledInputs, rows: list[int], turn: int) -> Lanes:
        """These rows of the pool, at the start of a turn."""
        place, count = np.array(rows, dtype=np.int64), len(rows)
        row = on_device(place, pool.inputs.device)
        return Lanes(place, np.full(count, turn), np.zeros(count, dtype=int), row, pool.inputs[row], pool.labels[row])

    def __len__(self) -> int:
        return len(self.step)

    def where(self, chosen: Bools) -> Self:
        """Some of the lanes."""
        # By position, since a mask on the device would have to be counted, which waits for it.
        positions = np.flatnonzero(chosen)
        there = on_device(positions, self.row.device)
        parts = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(part[there if isinstance(part, Tensor) else positions] for part in parts))

    def joined(self, other: Self) -> Self:
        """Both together."""
        return type(self)(*(_both(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))


def _both(one: Any, other: Any) -> Any:
    return torch.cat([one, other]) if isinstance(one, Tensor) else np.concatenate([one, other])


L = TypeVar("L", bound=Lanes)


class Search(Protocol[L]):
    """One turn of an attack on each lane. Nothing here may wait for the device.

    Attributes:
        turn_steps: how many steps a turn has.
    """

    turn_steps: int

    def begin(self, rows: list[int], turn: int) -> L:
        """Lanes for these rows of the pool, at the start of a turn."""

    def advance(self, lanes: L) -> Tensor:
        """One step in place: which examples need no further one `[n]`. What they came to must outlast more steps."""

    def record(self, lanes: L) -> None:
        """Keep what these lanes came to, whose turns are over."""


def work_off(search: Search[L], examples: int, turns: int, ctx: Context) -> None:
    """Give every example its turns, one after the other, with never more than a batch of lanes at once."""
    waiting = deque((row, 0) for row in range(examples if turns else 0))
    news = News(examples, torch.device(ctx.device))
    lanes: L | None = None
    ended = 0
    while waiting or lanes is not None:
        free = room(len(lanes) if lanes else 0, ctx)
        taken = [waiting.popleft() for _ in range(min(len(waiting), free))]
        for turn in sorted({turn for _, turn in taken}):
            fresh = search.begin([row for row, of in taken if of == turn], turn)
            lanes = lanes.joined(fresh) if lanes else fresh
        assert lanes is not None
        news.post(lanes.row, search.advance(lanes))
        lanes.step = lanes.step + 1
        done = news.heard()[lanes.place]
        over = done | (lanes.step >= search.turn_steps)
        if over.any():
            leaving, lanes = lanes.where(over), None if over.all() else lanes.where(~over)
            search.record(leaving)
            again = ~done[over] & (leaving.turn + 1 < turns)
            waiting.extend(
                (int(row), int(turn) + 1) for row, turn in zip(leaving.place[again], leaving.turn[again], strict=True)
            )
            ended += int((~again).sum())
        ctx.progress(ended, examples)


def room(taken: int, ctx: Context) -> int:
    """How many lanes to fill of a batch: none while few are free, since every refill moves the whole batch."""
    free = ctx.batch_size - taken
    return free if free >= ctx.batch_size // _FEW or not taken else 0


@dataclass(frozen=True)
class Found:
    """What an attack came to: a candidate for each example `[n, ...]`, and whether it fools the model `[n]`."""

    candidates: Tensor
    fooled: Tensor


def likeliest_targets(logits: Tensor, labels: Tensor, most: int) -> Tensor:
    """The most likely other classes `[n, min(most, classes - 1)]`, the likeliest first."""
    others = logits.scatter(1, labels[:, None], float("-inf"))
    return others.argsort(dim=1, descending=True, stable=True)[:, : min(most, logits.shape[1] - 1)]


def per_example(values: Tensor, like: Tensor) -> Tensor:
    """Values `[n]` shaped so that they multiply examples `[n, ...]`."""
    return values.reshape(-1, *([1] * (like.dim() - 1)))
