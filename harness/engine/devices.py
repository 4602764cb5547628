"""Choosing a device, without importing torch where the answer is known without it."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

from harness.contract.errors import UsageError

_KNOWN = re.compile(r"cpu|auto|mps|cuda(:\d+)?")


def choose_device(wanted: str) -> str:
    """The torch device string for what the user asked: cpu, cuda, cuda:N, mps or auto.

    Raises:
        UsageError: the name is unknown, or the device is not there.
    """
    if not _KNOWN.fullmatch(wanted):
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


def pin_numerics(threads: int) -> None:
    """Make torch compute in full float32 and in the same way every time, with this many threads on the CPU.

    By default a GPU may round the inputs of a convolution to 10 bits (TF32) and choose its algorithm by timing.
    """
    import torch

    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


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
