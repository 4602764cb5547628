"""What a piece of work takes: its seconds, its energy and its peak of memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.instruments.energy import energy_meter
from harness.instruments.memory import MemoryMeter


@dataclass(frozen=True)
class Spent:
    """What a piece of work took.

    Attributes:
        seconds: wall time.
        joules: None if no counter of energy can be read; `energy_source` names the counters.
        peak_memory: in bytes, None if it cannot be told; `memory_source` says what it is.
    """

    seconds: float
    joules: float | None
    energy_source: str
    peak_memory: int | None
    memory_source: str


class Metering:
    """Measures what is spent on a device from its making on, until `spent` is asked."""

    def __init__(self, device: str) -> None:
        self._device = device
        synchronise(device)
        self._memory, self._energy = MemoryMeter(device), energy_meter(device)
        self._readings = self._energy.readings()
        self._clock = time.perf_counter()
        self._left_out_joules = 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what is done inside, such as loading data; the peak of memory is that after it."""
        readings, clock = self._energy.readings(), time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - clock
            self._clock += seconds
            self._left_out_joules += self._energy.used_since(readings, seconds).joules or 0.0
            self._memory = MemoryMeter(self._device)

    def spent(self) -> Spent:
        """Return what was spent so far."""
        synchronise(self._device)
        seconds = time.perf_counter() - self._clock
        energy, memory = self._energy.used_since(self._readings, seconds), self._memory.peak()
        joules = None if energy.joules is None else max(0.0, energy.joules - self._left_out_joules)
        return Spent(seconds, joules, energy.source, memory.bytes, memory.source)


def synchronise(device: str) -> None:
    """Wait until a GPU has done all that was asked of it."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
