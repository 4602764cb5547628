"""The isolation boundary: whatever plugin code does becomes a status with a reason, never the end of a run."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.contract.errors import HarnessError, InvalidOutput, NotApplicable, StoreError
from harness.contract.rows import Status

T = TypeVar("T")
_LONGEST = 500
_OUT_OF_MEMORY = re.compile(r"CUDA error: out of memory|CUDNN_STATUS_ALLOC_FAILED|DefaultCPUAllocator: ")


@dataclass(frozen=True)
class Fault:
    """What went wrong inside plugin code.

    Attributes:
        status: what it makes of a cell.
        reason: one line for the table.
        traceback: for the log.
    """

    status: Status
    reason: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """The fault that an exception stands for."""
        text = "".join(traceback.format_exception(error))
        told = one_line(str(error))
        named = f"{type(error).__name__}: {told}" if told else type(error).__name__
        if isinstance(error, InvalidOutput):
            return cls(Status.INVALID, told, text)
        if isinstance(error, NotApplicable):
            return cls(Status.SKIPPED, told, text)
        if isinstance(error, HarnessError):
            return cls(Status.FAILED, told, text)
        if _is_out_of_memory(error):
            return cls(Status.OOM, named, text)
        return cls(Status.FAILED, named, text)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the CPU or a GPU. Torch has classes and words of its own, and is not imported here."""
    by_class = any(kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__)
    return by_class or (isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None)


def one_line(text: str) -> str:
    """A message as a table can hold it: on one line, and not longer than a few."""
    joined = " ".join(text.split())
    return joined if len(joined) <= _LONGEST else f"{joined[: _LONGEST - 1]}…"


def isolated(call: Callable[[], T]) -> T | Fault:
    """The value of a call into plugin code, or what went wrong.

    Only the user's interrupt passes through, and a store that cannot be written, which is no plugin's fault.
    """
    try:
        return call()
    except StoreError:
        raise
    except (Exception, SystemExit) as error:
        return Fault.of(error)
