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

Bools = npt.NDArray[np.bool_]


@dataclass
class Lanes:
    """Searches under way, one a row; an attack adds its own tensors, each with one entry a lane.

    Attributes:
        turn, step: which turn of the example, and how many steps of it are done; kept off the device, which they steer.
        row: the row of the pool.
        clean: the inputs searched around.
        labels: their true classes.
    """

    turn: npt.NDArray[np.int_]
    step: npt.NDArray[np.int_]
    row: Tensor
    clean: Tensor
    labels: Tensor

    @staticmethod
    def of(pool: LabelledInputs, rows: list[int], turn: int) -> Lanes:
        """These rows of the pool, at the start of a turn."""
        row = torch.tensor(rows, dtype=torch.long, device=pool.inputs.device)
        return Lanes(np.full(len(rows), turn), np.zeros(len(rows), dtype=int), row, pool.inputs[row], pool.labels[row])

    def __len__(self) -> int:
        return len(self.step)

    def where(self, chosen: Bools) -> Self:
        """Some of the lanes."""
        on_device = torch.as_tensor(chosen, device=self.row.device)
        parts = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(part[on_device if isinstance(part, Tensor) else chosen] for part in parts))

    def joined(self, other: Self) -> Self:
        """Both together."""
        return type(self)(*(_both(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))


def _both(one: Any, other: Any) -> Any:
    return torch.cat([one, other]) if isinstance(one, Tensor) else np.concatenate([one, other])


L = TypeVar("L", bound=Lanes)


class Search(Protocol[L]):
    """One turn of an attack on each lane."""

    def begin(self, rows: list[int], turn: int) -> L:
        """Lanes for these rows of the pool, at the start of a turn."""

    def advance(self, lanes: L) -> tuple[Bools, Bools]:
        """One step in place: which turns are over, and which examples need no further turn."""


def work_off(search: Search[L], examples: int, turns: int, ctx: Context) -> None:
    """Give every example its turns, one after the other, with never more than a batch of lanes at once."""
    waiting = deque((row, 0) for row in range(examples if turns else 0))
    lanes: L | None = None
    ended = 0
    while waiting or lanes is not None:
        taken = [waiting.popleft() for _ in range(min(len(waiting), ctx.batch_size - (len(lanes) if lanes else 0)))]
        for turn in sorted({turn for _, turn in taken}):
            fresh = search.begin([row for row, of in taken if of == turn], turn)
            lanes = lanes.joined(fresh) if lanes else fresh
        assert lanes is not None
        over, done = search.advance(lanes)
        if over.any():
            rows = lanes.row.cpu().numpy()[over].tolist()
            for row, turn, is_done in zip(rows, lanes.turn[over].tolist(), done[over].tolist(), strict=True):
                if is_done or turn + 1 == turns:
                    ended += 1
                else:
                    waiting.append((row, turn + 1))
            lanes = None if over.all() else lanes.where(~over)
        ctx.progress(ended, examples)


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
