"""The largest memory that a piece of work takes, as far as it can be told."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_BYTES_PER_KB = 1024

ON_GPU = "largest memory of torch's tensors on the GPU, weights included"
RISE = "rise of the resident memory of the process to its peak"
NO_SOURCE = "no source"


@dataclass(frozen=True)
class PeakMemory:
    """The largest memory that a piece of work took.

    Attributes:
        bytes: None if it cannot be told.
        source: what it is; "no source" if there is none.
    """

    bytes: int | None
    source: str


class MemoryMeter:
    """Measures the peak from its making on: on a GPU that of torch's tensors, else the rise of the process above now.

    The peak of a process can be reset on Linux only; elsewhere, and where the kernel forbids it, there is no source.
    Memory that the process had taken before and has not given back, such as that of freed tensors, counts as there.

    Args:
        device: a torch device.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._before: int | None = None
        if device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(device)
            return
        with contextlib.suppress(OSError):
            _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
            self._before = _resident("VmRSS")

    def peak(self) -> PeakMemory:
        """Return the peak since this meter was made."""
        if self._device.startswith("cuda"):
            import torch

            return PeakMemory(torch.cuda.max_memory_allocated(self._device), ON_GPU)
        highest = None if self._before is None else _resident("VmHWM")
        if self._before is None or highest is None:
            return PeakMemory(None, NO_SOURCE)
        return PeakMemory(max(0, highest - self._before), RISE)


def _resident(name: str) -> int | None:
    """A number of bytes of this process from the kernel; None if it does not say."""
    match = re.search(rf"^{name}:\s*(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.M)
    return int(match[1]) * _BYTES_PER_KB if match else None
