"""What a piece of work takes: its seconds, its energy and its peak of memory."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

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

    def spent(self) -> Spent:
        """Return what was spent so far."""
        synchronise(self._device)
        seconds = time.perf_counter() - self._clock
        energy, memory = self._energy.used_since(self._readings, seconds), self._memory.peak()
        return Spent(seconds, energy.joules, energy.source, memory.bytes, memory.source)


def synchronise(device: str) -> None:
    """Wait until a GPU has done all that was asked of it."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
