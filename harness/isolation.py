"""The isolation boundary: whatever plugin code does becomes a status with a reason, never the end of a run."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.contract.errors import HarnessError, InvalidOutput, NotApplicable
from harness.contract.rows import Status

T = TypeVar("T")


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
        named = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, InvalidOutput):
            return cls(Status.INVALID, str(error), text)
        if isinstance(error, NotApplicable):
            return cls(Status.SKIPPED, str(error), text)
        if isinstance(error, HarnessError):
            return cls(Status.FAILED, str(error), text)
        # torch has its own class for this, and torch must not be imported here.
        if any(kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__):
            return cls(Status.OOM, named, text)
        return cls(Status.FAILED, named, text)


def isolated(call: Callable[[], T]) -> T | Fault:
    """The value of a call into plugin code, or what went wrong. Only the user's interrupt passes through."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        return Fault.of(error)
