"""The model that attacks are given: inputs padded to a fixed shape, passes counted, outputs checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from harness.instruments.model_outputs import input_dtype, logits_of
from harness.instruments.unchanged_inputs import UnchangedInputs

LANES = 8
"""Batches are padded to a multiple of this many rows.

Most CPU kernels then give each example the same bits whatever the batch it travels in, so records do not depend
on the batch size (measured: bitwise equal for multiples of 4, not for 1, 2 or 7).
"""


class PassObserver(Protocol):
    """Is given every pass that an attack makes through a counted model, and may follow its gradients."""

    def watched(self, inputs: Tensor, batch: Tensor, places: Tensor | None) -> Tensor:
        """Return the inputs of a pass, as a tensor that may record their gradient.

        Args:
            inputs: `[m, ...]`.
            batch: the positions of the attacked examples among all.
            places: `[m]`, the position of the example that each input belongs to; None if that cannot be told.
        """

    def note_pass(self, inputs: Tensor, logits: Tensor, batch: Tensor, places: Tensor | None) -> None:
        """Note a pass of the attack: `inputs` `[m, ...]` and their `logits` `[m, classes]`; otherwise as above."""


class CountedModel(nn.Module):
    """Wraps a classifier; counts forward and backward passes per example of the current batch.

    Counting is done here, where the passes happen, so that an attack need not be trusted with it.

    Attributes:
        observer: is given the passes booked to a batch as they happen; None for no observer.
    """

    def __init__(self, model: Any, classes: int, n: int, device: str) -> None:
        super().__init__()
        self.model = model
        self.classes = classes
        self._dtype = input_dtype(model)
        self.forward_passes = _Counter(n, device)
        self.backward_passes = _Counter(n, device)
        self.observer: PassObserver | None = None
        self._batch: Tensor | None = None
        self._lanes = LANES
        self._last: tuple[Tensor, Tensor, Tensor, int] | None = None
        self._unchanged = UnchangedInputs()

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
            self._batch, self._lanes, self._last = None, LANES, None

    def parts(self) -> dict[str, object]:
        """What must be the very same objects after it was in the hands of a plugin, by name."""
        own = {name: vars(self).get(name) for name in ("forward", "__call__", "forward_passes", "backward_passes")}
        hooks = {name: len(table) for name, table in vars(self).items() if "hooks" in name and table}
        return {**own, **hooks, "observer": self.observer, "model": self.model, "class": type(self)}

    def check_inputs(self) -> None:
        """Raise InvalidOutput if the model has written into its inputs; an attack itself must not wait for that."""
        self._unchanged.check()

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits `[m, classes]` of inputs `[m, ...]`; `rows` says to which row of the batch each input belongs."""
        m = len(inputs)
        batch, given = self._batch, inputs
        observer = None if batch is None else self.observer
        places = None if batch is None else self._places(batch, m, rows)
        if observer is not None and batch is not None:
            inputs = observer.watched(inputs, batch, places)
        padding = -m % self._lanes
        if padding:
            inputs = torch.cat([inputs, inputs.new_zeros((padding, *inputs.shape[1:]))])
        logits = logits_of(partial(self._unchanged.call, self.model), inputs, self.classes, self._dtype)
        if batch is None:
            self.check_inputs()
        if padding:
            logits = logits[:m]
        if batch is not None:
            # Passes whose rows cannot be told apart are shared out among the batch.
            booked, amount = (batch, m / len(batch)) if places is None else (places, 1.0)
            self.forward_passes.add(booked, amount)
            if logits.requires_grad:
                logits.register_hook(lambda gradient: self.backward_passes.add(booked, amount))
            if observer is not None:
                observer.note_pass(given, logits, batch, places)
        return logits

    def _places(self, batch: Tensor, m: int, rows: Tensor | None) -> Tensor | None:
        """Return the examples of the m inputs of a pass, the same tensor while they stay; None if not known."""
        if rows is None:
            return batch if m == len(batch) else None
        # What cannot be seen to be changed in place is looked up anew.
        version = None if rows.is_inference() else rows._version
        last = self._last
        if last is not None and last[0] is batch:
            same = last[1] is rows and version == last[3] if version is not None else _equal(rows, last[1])
            if same:
                return last[2]
        places = batch[rows]
        self._last = (batch, rows if version is not None else rows.clone(), places, -1 if version is None else version)
        return places


def _equal(one: Tensor, two: Tensor) -> bool:
    """Whether two tensors are known to be equal without waiting for a device."""
    return one.device.type == "cpu" and torch.equal(one, two)


class _Counter:
    """Passes per example. Bookings are collected and added up in blocks, since adding is slow."""

    _MAX_NOTES = 512

    def __init__(self, n: int, device: str) -> None:
        self._total = torch.zeros(n, device=device)
        self._noted: list[tuple[Tensor, float]] = []

    def add(self, indices: Tensor, amount: float) -> None:
        """Book an amount to each of the examples."""
        if self._noted and self._noted[-1][0] is indices:
            amount += self._noted.pop()[1]
        self._noted.append((indices, amount))
        if len(self._noted) >= self._MAX_NOTES:
            self.total()

    def total(self) -> Tensor:
        """Return the number of passes of each example, `[n]`."""
        for indices, amount in self._noted:
            self._total.index_add_(0, indices, torch.full(indices.shape, amount, device=self._total.device))
        self._noted = []
        return self._total
