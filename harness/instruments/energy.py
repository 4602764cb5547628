"""Energy that a machine has used, read from its counters: RAPL for processors, NVML for GPUs; or no source.

The counters are of whole processor packages and GPUs, so that other programs on the machine count too.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

POWERCAP_VARIABLE = "HARNESS_POWERCAP"
"""The environment variable that names another folder of RAPL counters than the kernel's."""
POWERCAP = Path("/sys/class/powercap")
NO_SOURCE = "no source"

_PACKAGE = re.compile(r"intel-rapl:\d+")
_WHOLE_MACHINE = "psys"
_JOULES_PER_MICROJOULE, _JOULES_PER_MILLIJOULE = 1e-6, 1e-3
# No package takes more; a counter that this power could bring round twice between two readings is said to be doubtful.
_MOST_WATTS = 1000.0


@dataclass(frozen=True)
class Energy:
    """Energy used between two readings.

    Attributes:
        joules: None if there is no counter that can be read.
        source: the counters, such as "RAPL package-0", and what to know of them; "no source" if there are none.
    """

    joules: float | None
    source: str


@dataclass(frozen=True)
class EnergyCounter:
    """A counter of energy that only rises, and starts again at 0 beyond its range.

    Attributes:
        name: what it counts, e.g. "RAPL package-0".
        read: return its value in joules.
        range: the largest value in joules; None if it never starts again.
    """

    name: str
    read: Callable[[], float]
    range: float | None = None

    def used(self, before: float, after: float) -> float:
        """The joules between two readings, if it started again at most once."""
        return after - before if after >= before or self.range is None else after - before + self.range


@dataclass(frozen=True)
class EnergyMeter:
    """Reads counters of energy; without counters it says so."""

    counters: Sequence[EnergyCounter]

    def readings(self) -> list[float | None]:
        """The value of each counter now; None where it cannot be read."""
        return [_read(counter) for counter in self.counters]

    def used_since(self, before: Sequence[float | None], seconds: float) -> Energy:
        """Return the energy used since these readings, which were made so many seconds ago."""
        read = [
            (counter, counter.used(then, now))
            for counter, then, now in zip(self.counters, before, self.readings(), strict=True)
            if then is not None and now is not None
        ]
        if not read:
            return Energy(None, NO_SOURCE)
        source = " + ".join(counter.name for counter, _ in read)
        if any(counter.range is not None and seconds * _MOST_WATTS > counter.range for counter, _ in read):
            source += ", at least: the counter may have started again more than once"
        return Energy(sum(joules for _, joules in read), source)


def energy_meter(device: str, folder: Path | None = None) -> EnergyMeter:
    """Return a meter of the processor packages and, for a CUDA device, of that GPU (by the optional `pynvml`).

    Counters that are not there, or that only root may read, are left out without an error.

    Args:
        device: a torch device, e.g. "cpu" or "cuda:0".
        folder: where the counters of RAPL lie; by default $HARNESS_POWERCAP, else the kernel's folder.
    """
    folder = folder or Path(os.environ.get(POWERCAP_VARIABLE) or POWERCAP)
    found = [*_rapl(folder), *(_nvml(device) if device.startswith("cuda") else ())]
    return EnergyMeter([counter for counter in found if _read(counter) is not None])


def _read(counter: EnergyCounter) -> float | None:
    try:
        return counter.read()
    except (OSError, ValueError):
        return None


def _rapl(folder: Path) -> Iterator[EnergyCounter]:
    """The counters of whole packages; their parts, such as cores and memory, are in them or are not everywhere."""
    with contextlib.suppress(OSError):
        for zone in sorted(path for path in folder.iterdir() if _PACKAGE.fullmatch(path.name)):
            with contextlib.suppress(OSError, ValueError):
                name = (zone / "name").read_text(encoding="utf-8").strip()
                if name != _WHOLE_MACHINE:
                    range_ = _microjoules(zone / "max_energy_range_uj")
                    yield EnergyCounter(f"RAPL {name}", partial(_microjoules, zone / "energy_uj"), range_)


def _microjoules(file: Path) -> float:
    """The content of a file in microjoules, as joules."""
    return int(file.read_text(encoding="utf-8")) * _JOULES_PER_MICROJOULE


def _nvml(device: str) -> Iterator[EnergyCounter]:
    """The counter of a GPU since its driver was loaded; none without `pynvml` or on GPUs older than Volta."""
    try:
        import pynvml as nvml  # type: ignore[import-not-found]  # keyed: it reads a meter, no record depends on it
    except ImportError:
        return
    import torch

    with contextlib.suppress(nvml.NVMLError, AttributeError):
        nvml.nvmlInit()
        gpu = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)

        def read() -> float:
            try:
                return float(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) * _JOULES_PER_MILLIJOULE
            except nvml.NVMLError as error:
                raise OSError(str(error)) from None

        yield EnergyCounter(f"NVML {device}", read)
