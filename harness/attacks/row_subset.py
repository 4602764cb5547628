"""An attack on some of the examples of a pool, whose passes are still counted for the right ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.contract.context import Context
from harness.contract.threats import GradientAccess, LabelledInputs

_PARTS_OF_POOL, _BATCHES_OF_PART = 8, 2
"""A part is an eighth of a pool, but no less than two batches, or searches would end in small ones."""


def rows_of(batch: LabelledInputs, rows: Tensor) -> LabelledInputs:
    """A batch of the examples in rows `[m]` only; the batch itself where these are all of them."""
    if len(rows) == len(batch) and bool((rows == torch.arange(len(batch), device=rows.device)).all()):
        return batch
    ids = [batch.ids[row] for row in rows.tolist()]
    targets = None if batch.targets is None else batch.targets[rows]
    return replace(batch, ids=ids, inputs=batch.inputs[rows], labels=batch.labels[rows], targets=targets)


def row_batches(batch: LabelledInputs, ctx: Context) -> Iterator[Tensor]:
    """The rows of a batch, at most `ctx.batch_size` at a time; progress is reported after each."""
    for rows in torch.arange(len(batch), device=batch.inputs.device).split(ctx.batch_size):
        if len(rows):
            yield rows
            ctx.progress(int(rows[-1]) + 1, len(batch))


def row_parts(rows: Tensor, batch: LabelledInputs, ctx: Context) -> Iterator[Tensor]:
    """Some rows `[m]` of a pool in parts, so that what is held of a part is little beside what is held of the pool.

    Only for attacks on which the company of an example has no influence, since parts depend on `ctx.batch_size`.
    """
    yield from rows.split(max(_BATCHES_OF_PART * ctx.batch_size, -(-len(batch) // _PARTS_OF_POOL)))


class OnRows(nn.Module):
    """The model for an attack that has only some of the examples: maps its rows to those of all examples."""

    def __init__(self, model: GradientAccess, rows: Tensor) -> None:
        super().__init__()
        self._model, self._rows = model, rows

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits; without rows the passes are spread over its examples as they come."""
        index = torch.arange(len(inputs), device=inputs.device) % len(self._rows) if rows is None else rows
        return self._model(inputs, self._rows[index])
