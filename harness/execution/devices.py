"""Choosing a device, without importing torch where the choice does not need it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.contract.errors import UsageError

_DEVICE_NAMES = re.compile(r"cpu|auto|mps|cuda(:\d+)?")


def choose_device(wanted: str) -> str:
    """Return the torch device string for what the user asked: cpu, cuda, cuda:N, mps or auto.

    Raises:
        UsageError: the name is unknown, or the device is not there.
    """
    if not _DEVICE_NAMES.fullmatch(wanted):
        raise UsageError(f"unknown device {wanted!r}; use cpu, cuda, cuda:N, mps or auto")
    if wanted == "cpu" or (wanted == "auto" and _only_cpu_possible()):
        return "cpu"
    import torch

    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("device mps was asked for, but this torch has no Metal support here; use --device cpu")
        return "mps"
    index = int(wanted.partition(":")[2] or 0)
    if not torch.cuda.is_available():
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a CPU build"
        raise UsageError(
            f"device {wanted} was asked for, but torch {torch.__version__} ({built}) sees no GPU; use --device cpu"
        )
    if index >= torch.cuda.device_count():
        raise UsageError(
            f"device {wanted} was asked for, but torch sees {torch.cuda.device_count()} GPUs, counted from cuda:0"
        )
    return f"cuda:{index}"


def choose_devices(wanted: str, workers: int | None = None) -> tuple[str, ...]:
    """Return one device for each worker, e.g. for "cuda:0,cuda:1" or of "cpu" with 4 workers.

    Args:
        wanted: a device, or several separated by commas.
        workers: number of workers that share the devices in turn; by default one per device.

    Raises:
        UsageError: a device is unknown or not there, they are of different kinds, or fewer workers than devices.
    """
    devices = [choose_device(part.strip()) for part in wanted.split(",")]
    kinds = sorted({device.partition(":")[0] for device in devices})
    if len(kinds) > 1:
        raise UsageError(f"devices of one kind are needed, since results may differ between {' and '.join(kinds)}")
    if len(set(devices)) < len(devices):
        raise UsageError(f"{wanted!r} names a device twice; to share one, use --workers")
    n = workers or len(devices)
    if n < len(devices):
        raise UsageError(f"{len(devices)} devices need at least as many workers, not {n}")
    return tuple(devices[i % len(devices)] for i in range(n))


def device_elsewhere(wanted: str) -> tuple[str]:
    """Return the device for cells that run on other machines, where it is looked for; `auto` is their CPU.

    Raises:
        UsageError: the name is unknown, or several are named.
    """
    if not _DEVICE_NAMES.fullmatch(wanted):
        raise UsageError(f"device {wanted!r} of other machines is cpu, cuda, cuda:N or mps")
    return ("cpu" if wanted == "auto" else wanted,)


def seen_by_worker(device: str, threads: int, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the name of a device in its worker, and the environment of the worker.

    A worker sees no GPU but its own, one on the CPU none at all, whatever a plugin in it asks for, and libraries beside
    torch use as many threads as torch does.
    """
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    inner = {**environment, **limits}
    if not device.startswith("cuda"):
        return device, {**inner, "CUDA_VISIBLE_DEVICES": ""}
    index = int(device.partition(":")[2] or 0)
    visible = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    inner["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
    return "cuda:0", inner


def _only_cpu_possible() -> bool:
    """Whether torch is a CPU build on a machine without Metal.

    Read from its version file, since importing torch takes seconds.
    """
    if sys.platform == "darwin":
        return False
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise UsageError("torch is not installed in this environment")
    version = Path(spec.origin).with_name("version.py")
    text = version.read_text(encoding="utf-8") if version.is_file() else ""
    return bool(re.search(r"^cuda\b[^=\n]*= *None", text, re.M) and re.search(r"^hip\b[^=\n]*= *None", text, re.M))
