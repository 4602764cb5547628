"""The isolation boundary: whatever plugin code does becomes a status with a reason, never the end of a run."""

from __future__ import annotations

import os
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeVar

from harness.contract.errors import HarnessError, InvalidOutput, NotApplicable, StoreError
from harness.contract.plain import encodable
from harness.contract.rows import Status

T = TypeVar("T")
_MAX_REASON_LENGTH = 500
IMPORT_LIMIT_SECONDS = 300.0
"""Seconds that the import of a plugin may take; torch on a cold network disk takes a minute."""
_OUT_OF_MEMORY = re.compile(r"CUDA error: out of memory|CUDNN_STATUS_ALLOC_FAILED|DefaultCPUAllocator: ")


@dataclass(frozen=True)
class Fault:
    """An error in plugin code.

    Attributes:
        status: the status that a cell then has.
        reason: one line for the table.
        traceback: for the log.
    """

    status: Status
    reason: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """Return the fault for an exception."""
        text = encodable("".join(traceback.format_exception(error)))
        message = one_line(_text_of(error))
        named = f"{type(error).__name__}: {message}" if message else type(error).__name__
        if isinstance(error, InvalidOutput):
            return cls(Status.INVALID, message, text)
        if isinstance(error, NotApplicable):
            return cls(Status.SKIPPED, message, text)
        if isinstance(error, HarnessError):
            return cls(Status.FAILED, message, text)
        if _is_out_of_memory(error):
            return cls(Status.OOM, named, text)
        return cls(Status.FAILED, named, text)


def _text_of(error: BaseException) -> str:
    """Return the text of an exception, whose own code may fail as well."""
    try:
        return str(error)
    except Exception:
        return "its text cannot be read"


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the CPU or a GPU; torch has errors of its own, and is not imported here."""
    by_class = any(kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__)
    return by_class or (isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(_text_of(error)) is not None)


def one_line(text: str) -> str:
    """Return a message on one line, cut off after `_MAX_REASON_LENGTH` characters, so that tables can show it."""
    joined = " ".join(encodable(text).split())
    return joined if len(joined) <= _MAX_REASON_LENGTH else f"{joined[: _MAX_REASON_LENGTH - 1]}…"


def isolated(call: Callable[[], T]) -> T | Fault:
    """Return the value of a call into plugin code, or what went wrong.

    Only the user's interrupt passes through, and a store that cannot be written, which is no plugin's fault.
    """
    try:
        return call()
    except (StoreError, KeyboardInterrupt):
        raise
    except BaseException as error:
        return Fault.of(error)


@contextmanager
def importing(limit: float = IMPORT_LIMIT_SECONDS) -> Iterator[None]:
    """While entered, the code of a plugin that is imported cannot end this process, nor hang in it for ever.

    Args:
        limit: seconds that the import may take; it is kept in the main thread only, where signals arrive.

    Raises:
        TimeoutError: it took longer.
        RuntimeError: it called `os._exit`.
    """
    ends_process = os._exit
    os._exit = _refuse_to_exit
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, partial(_raise_late, limit)) if is_main else None
    timer = signal.setitimer(signal.ITIMER_REAL, limit) if is_main else (0.0, 0.0)
    try:
        yield
    finally:
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, *timer)
        os._exit = ends_process


def _refuse_to_exit(status: int) -> NoReturn:
    raise RuntimeError(f"it called os._exit({status}) while it was imported")


def _raise_late(limit: float, *_: object) -> NoReturn:
    raise TimeoutError(f"its import took longer than {limit:g} s")
