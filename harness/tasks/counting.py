"""The model as attacks see it: padded to a steady shape, every pass counted, every output checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.contract.errors import InvalidOutput
from harness.tasks.indicators import AttackWatch

LANES = 8
"""Batches are padded to a multiple of this many rows.

Most CPU kernels then give each example the same bits whatever the batch it travels in, so records do not depend
on the batch size (measured: bitwise equal for multiples of 4, not for 1, 2 or 7).
"""


class CountedModel(nn.Module):
    """Wraps a classifier; counts forward and backward passes per example of the current batch.

    Counting is done here, where the passes happen, so that an attack need not be trusted with it.
    """

    def __init__(self, model: Any, classes: int, n: int, device: str) -> None:
        super().__init__()
        self.model = model
        self.classes = classes
        self.forward_passes = _Counter(n, device)
        self.backward_passes = _Counter(n, device)
        self.watch: AttackWatch | None = None
        self._batch: Tensor | None = None
        self._lanes = LANES

    @contextmanager
    def attacked_batch(self, indices: Tensor, lanes: int) -> Iterator[None]:
        """Book the passes made inside to these examples.

        Args:
            indices: `[m]`, the position of each row of the attacked batch among the n examples.
            lanes: pad to a multiple of this many rows; 1 where the batch is the same for every batch size.
        """
        self._batch, self._lanes = indices, lanes
        try:
            yield
        finally:
            self._batch, self._lanes = None, LANES

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits `[m, classes]` of inputs `[m, ...]`; `rows` says to which row of the batch each input belongs."""
        m = len(inputs)
        watch = None if self._batch is None else self.watch
        given = inputs
        if watch is not None and self._batch is not None:
            inputs = watch.watched(inputs, self._batch, rows)
        padding = -m % self._lanes
        if padding:
            inputs = torch.cat([inputs, inputs.new_zeros((padding, *inputs.shape[1:]))])
        logits = self.model(inputs)
        expected = (m + padding, self.classes)
        if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
            got = f"shape {list(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
            raise InvalidOutput(
                f"the model returned {got} for {m + padding} inputs; expected logits of shape {list(expected)}"
            )
        if padding:
            logits = logits[:m]
        if self._batch is not None:
            book = partial(self._book, self._batch, m, rows)
            book(self.forward_passes)
            if logits.requires_grad:
                logits.register_hook(lambda gradient: book(self.backward_passes))
            if watch is not None:
                watch.note_pass(given, logits, self._batch, rows)
        return logits

    @staticmethod
    def _book(batch: Tensor, m: int, rows: Tensor | None, passes: _Counter) -> None:
        if rows is None:
            passes.add(batch, m / len(batch))
        else:
            passes.add(batch[rows], 1.0)


class _Counter:
    """Passes per example. Bookings are collected and added up now and then, since adding costs as much as noting."""

    _AT_MOST = 512

    def __init__(self, n: int, device: str) -> None:
        self._total = torch.zeros(n, device=device)
        self._noted: list[tuple[Tensor, float]] = []

    def add(self, indices: Tensor, amount: float) -> None:
        """Book an amount to each of the examples."""
        self._noted.append((indices, amount))
        if len(self._noted) >= self._AT_MOST:
            self.total()

    def total(self) -> Tensor:
        """All that was booked, `[n]`."""
        for indices, amount in self._noted:
            self._total.index_add_(0, indices, torch.full(indices.shape, amount, device=self._total.device))
        self._noted = []
        return self._total
