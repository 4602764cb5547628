"""Square attack: random search over square windows, with the model's scores alone (Andriushchenko et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from harness.api import Context, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import (
    Ascents,
    BallNorm,
    BatchSlots,
    BestSearch,
    SearchResult,
    is_fooled,
    length,
    logit_margin,
    on_device,
    per_example,
    project,
)
from harness_adversarial.common.square_windows import BumpTable, opposed_bumps, window_sides

Count = Annotated[int, Ge(1)]

_BLOCK = 128
"""Queries whose windows are drawn at once: drawing by example is slow, and so is drawing for every query."""
_MIN_LENGTH = 1e-12
_TILES_PER_SIDE = 5
"""The first L2 candidate is a grid of this many tiles a side."""


class Square:
    """Random search over square windows, on the margin; no gradient (Andriushchenko et al. 2020, algorithms 1 to 3).

    Inputs that are not images `[channels, height, width]` are taken for images one pixel high.

    Stronger than the authors' code at the same budget on small images, for reasons that are the paper's: windows lie
    anywhere within the image (r, s in {0, ..., w - h}), while the code never draws the last place, so that windows do
    not reach the last row and column (on digits 57.3 % instead of 64.7 % robust after 500 queries; with that place the
    code comes to 57.6 %); and the schedule of window sizes is stretched to the queries, while official AutoAttack
    leaves it at 10000. The first candidate is a query as any other; the code does not count it.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        queries: passes per example and restart at most.
        share: share of the pixels that the first window covers; it shrinks as the queries are used up.
        restarts: independent searches; an example is robust only if it survives all.
    """

    pooled = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)],
        norm: BallNorm = "linf",
        queries: Count = 5000,
        share: Annotated[float, Gt(0), Le(1)] = 0.8,
        restarts: Count = 1,
    ) -> None:
        self.eps, self.norm, self.queries, self.share, self.restarts = eps, norm, queries, share, restarts
        self.threat = Threat(norm, eps)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first candidate that fools the model, else the one of the smallest margin."""
        return self.search(model, batch, ctx).candidates

    @torch.inference_mode()
    def search(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Like `perturb`, with which examples are fooled."""
        result = _Walk(self, model, batch, ctx).run(self.restarts, ctx)
        with torch.inference_mode(False):
            return SearchResult(result.candidates.clone().reshape(batch.inputs.shape), result.fooled.clone())


@dataclass
class _Walks(Ascents):
    """The slots of running walks; the iterate is the next candidate, `best` the accepted one, within ball and box.

    Attributes:
        drawn: `[n, _BLOCK, 5 + channels]`, for each query of a block the first row and column of two windows, whether
            bumps are side by side, and a sign for each channel.
    """

    drawn: Tensor

    def choose(self, chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
        """Choose by weights of 0 and 1, which equals `where` and is several times as fast on a CPU, as for windows."""
        return torch.lerp(old, new, per_example(chosen.float(), new))


class _Walk(BestSearch[_Walks]):
    """Algorithm 1 on a pool."""

    def __init__(self, attack: Square, model: ScoreAccess, pool: LabelledInputs, ctx: Context) -> None:
        self._given = shape = pool.inputs.shape[1:]
        self._shape = shape if len(shape) == 3 else torch.Size((1, 1, shape.numel()))
        super().__init__(replace(pool, inputs=pool.inputs.reshape(-1, *self._shape)))
        self.turn_steps = self.queries = attack.queries
        self.model, self.ctx, self.eps, self.norm = model, ctx, attack.eps, attack.norm
        _, height, width = self._shape
        is_l2 = attack.norm == "l2"
        smallest = 3 if is_l2 else 1
        self._rows, self._columns = window_sides(height, width, attack.queries, attack.share, smallest, is_l2)
        device = pool.inputs.device
        self._bumps = BumpTable.of(self._rows, self._columns, height, width, device) if is_l2 else None
        self._sides = np.stack([self._rows, self._columns], axis=1).astype(np.float32)
        self._down = torch.arange(height, device=device, dtype=torch.float32)
        self._across = torch.arange(width, device=device, dtype=torch.float32)
        self._slot = torch.arange(ctx.batch_size, device=device)

    def begin(self, rows: list[int], turn: int) -> _Walks:
        """Start at the first candidate: vertical stripes for L-infinity, a grid of bumps for L2."""
        slots = BatchSlots.of(self.pool, rows, turn)
        ids = [self.pool.ids[row] for row in rows]
        channels, height, width = self._shape
        if self.norm == "linf":
            offset = self.eps * _sign(self.ctx.uniform(ids, (channels, 1, width), "stripes", turn))
        else:
            tiles = min(_TILES_PER_SIDE, height), min(_TILES_PER_SIDE, width)
            bumps = _tiled(_sign(self.ctx.uniform(ids, (channels, *tiles), "tiles", turn)), height, width)
            offset = self.eps * bumps / per_example(length(bumps, "l2"), bumps)
        start = self._inside(slots.clean + offset, slots)
        return _Walks.at(slots, start, drawn=torch.zeros(len(rows), _BLOCK, 5 + channels, device=start.device))

    def advance(self, slots: _Walks) -> Tensor:
        """Classify the candidates, keep what is better, and propose the next."""
        logits = self.model(slots.iterate.reshape(-1, *self._given), slots.row)
        slots.judge(-logit_margin(logits, slots.labels), is_fooled(logits, slots.labels, None))
        if not (slots.step + 1 == self.queries).all():
            slots.iterate = self._proposal(slots)
        return slots.stopped

    def _inside(self, point: Tensor, slots: BatchSlots) -> Tensor:
        return project(point, slots.clean, self.eps, self.norm, self.pool.low, self.pool.high)

    def _proposal(self, slots: _Walks) -> Tensor:
        """The next candidates. Windows differ in size, since slots are at different queries."""
        drawn = self._drawn(slots)
        step = np.minimum(slots.step + 1, self.queries - 1)
        rows, columns = on_device(self._sides[step], drawn.device).split(1, dim=1)
        signs = drawn[:, 5:, None, None]
        first = _Windows.at(drawn[:, 0:1], drawn[:, 1:2], rows, columns, self._down, self._across)
        if self._bumps is None:
            ahead = (slots.clean + self.eps * signs).clamp_(self.pool.low, self.pool.high)
            return torch.lerp(slots.best, ahead, first.mask)
        second = _Windows.at(drawn[:, 2:3], drawn[:, 3:4], rows, columns, self._down, self._across)
        size = on_device(self._bumps.index[step], drawn.device)
        bumps = first.filled(self._bumps.patches[size, drawn[:, 4].long()])
        offset = _moved_mass(slots.best - slots.clean, signs, bumps, first, second, self.eps)
        return self._inside(slots.clean + offset, slots)

    def _drawn(self, slots: _Walks) -> Tensor:
        """The random numbers of each slot's query, `[n, 5 + channels]`."""
        step = slots.step + 1
        position = step % _BLOCK
        # Query 0 asks about the start and needs none, so the first block is drawn at query 1.
        fresh = (position == 0) | (step == 1)
        if fresh.any():
            for turn, block in sorted({(int(slots.turn[i]), int(step[i]) // _BLOCK) for i in np.flatnonzero(fresh)}):
                chosen = np.flatnonzero(fresh & (slots.turn == turn) & (step // _BLOCK == block))
                ids = [self.pool.ids[row] for row in slots.place[chosen]]
                uniform = self.ctx.uniform(ids, slots.drawn.shape[1:], "queries", turn, block)
                slots.drawn[on_device(chosen, uniform.device)] = self._block(uniform, block)
        device = slots.drawn.device
        return slots.drawn[self._slot[: len(slots)], on_device(position, device)]

    def _block(self, uniform: Tensor, block: int) -> Tensor:
        """Convert uniform numbers `[n, _BLOCK, 5 + channels]` to the draws of the queries of a block, same shape."""
        step = np.minimum(np.arange(block * _BLOCK, (block + 1) * _BLOCK), self.queries - 1)
        _, height, width = self._shape
        places = np.stack([height - self._rows[step] + 1, width - self._columns[step] + 1] * 2, axis=1)
        corners = (uniform[:, :, :4] * on_device(places, uniform.device)).floor()
        return torch.cat([corners, (uniform[:, :, 4:5] < 0.5).float(), _sign(uniform[:, :, 5:])], dim=2)


@dataclass(frozen=True)
class _Windows:
    """One window a slot.

    Attributes:
        mask: `[n, 1, height, width]`, 1 for the pixels in it, otherwise 0.
        row, column: `[n, 1]`, its upper left corner.
    """

    mask: Tensor
    row: Tensor
    column: Tensor

    @staticmethod
    def at(row: Tensor, column: Tensor, rows: Tensor, columns: Tensor, down: Tensor, across: Tensor) -> _Windows:
        """Windows with these corners and sides, each `[n, 1]`, in an image of rows `down` and columns `across`."""
        in_rows = ((down >= row) & (down < row + rows)).float()
        in_columns = ((across >= column) & (across < column + columns)).float()
        return _Windows((in_rows[:, :, None] * in_columns[:, None, :])[:, None], row, column)

    def filled(self, patches: Tensor) -> Tensor:
        """Patches `[n, height, width]` from the corner of their image moved into the windows, 0 around them."""
        n, height, width = patches.shape
        slot = torch.arange(n, device=patches.device)[:, None, None]
        down = (torch.arange(height, device=patches.device) - self.row.long()).clamp_min(0)
        across = (torch.arange(width, device=patches.device) - self.column.long()).clamp_min(0)
        return patches[slot, down[:, :, None], across[:, None, :]][:, None] * self.mask


def _moved_mass(offset: Tensor, signs: Tensor, bumps: Tensor, first: _Windows, second: _Windows, eps: float) -> Tensor:
    """The offset with the mass of the second window moved into the first (algorithm 3), `[n, channels, h, w]`."""
    image = (2, 3)
    squares = offset.square()
    inside = (squares * first.mask).sum(image, keepdim=True)
    either = (squares * torch.maximum(first.mask, second.mask)).sum(image, keepdim=True)
    unused = (eps**2 - squares.sum((1, 2, 3), keepdim=True)).clamp_min(0)
    available = (either + unused / offset.shape[1]).sqrt()
    direction = torch.addcmul(signs * bumps, offset, first.mask / inside.sqrt().clamp_min(_MIN_LENGTH))
    length = direction.square().sum(image, keepdim=True).sqrt().clamp_min(_MIN_LENGTH)
    return torch.lerp(offset * (1 - second.mask), direction * (available / length), first.mask)


def _tiled(signs: Tensor, height: int, width: int) -> Tensor:
    """Bumps of these signs `[n, channels, tiles, tiles]` in the middle of an image, `[n, channels, height, width]`."""
    n, channels, down, across = signs.shape
    tall, wide = height // down, width // across
    tiles = signs.repeat_interleave(tall, dim=2).repeat_interleave(wide, dim=3)
    tiles = tiles * opposed_bumps(tall, wide).to(signs.device).repeat(down, across)
    top, left = (height - tall * down) // 2, (width - wide * across) // 2
    image = signs.new_zeros(n, channels, height, width)
    image[:, :, top : top + tall * down, left : left + wide * across] = tiles
    return image


def _sign(uniform: Tensor) -> Tensor:
    """-1 or 1 for uniform numbers in [0, 1)."""
    return torch.where(uniform < 0.5, -1.0, 1.0)
