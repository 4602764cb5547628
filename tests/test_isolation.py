"""The isolation boundary."""

from __future__ import annotations

import os
import signal
import time

import pytest

from harness.api import HarnessError, InvalidOutput, MissingData, NotApplicable, Status
from harness.isolation import Fault, importing, isolated


def raised(error: BaseException) -> Fault:
    def call() -> None:
        raise error

    fault = isolated(call)
    assert isinstance(fault, Fault)
    return fault


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("no"), Status.FAILED, "ValueError: no"),
        (ValueError(), Status.FAILED, "ValueError"),
        (SystemExit(0), Status.FAILED, "SystemExit: 0"),
        (HarnessError("do this"), Status.FAILED, "do this"),
        (MissingData("get it"), Status.FAILED, "get it"),
        (InvalidOutput("wrong shape"), Status.INVALID, "wrong shape"),
        (NotApplicable("no fit"), Status.SKIPPED, "no fit"),
        (MemoryError(), Status.OOM, "MemoryError"),
        (OutOfMemoryError("CUDA"), Status.OOM, "OutOfMemoryError: CUDA"),
        (RuntimeError("CUDA error: out of memory"), Status.OOM, "RuntimeError: CUDA error: out of memory"),
        (RuntimeError("out of milk"), Status.FAILED, "RuntimeError: out of milk"),
    ],
)
def test_exceptions_become_statuses(error: BaseException, status: Status, reason: str) -> None:
    fault = raised(error)
    assert (fault.status, fault.reason) == (status, reason)
    assert type(error).__name__ in fault.traceback


def test_a_reason_is_one_line_and_a_traceback_is_whole() -> None:
    fault = raised(RuntimeError("first\n\tsecond\n" + "x" * 5000))
    assert fault.reason.startswith("RuntimeError: first second xxx")
    assert "\n" not in fault.reason
    assert len(fault.reason) < 600
    assert "x" * 5000 in fault.traceback


def test_the_users_interrupt_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        raised(KeyboardInterrupt())


def test_a_value_passes_through() -> None:
    assert isolated(lambda: 3) == 3


def test_torch_runs_out_of_memory_in_its_own_words() -> None:
    """A petabyte is more than any machine here has."""
    import torch

    fault = isolated(lambda: torch.empty(2**48))
    assert isinstance(fault, Fault)
    assert fault.status is Status.OOM


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_whatever_is_raised_becomes_a_text_that_can_be_written() -> None:
    assert raised(BaseException("stop")) == Fault(
        Status.FAILED, "BaseException: stop", raised(BaseException("stop")).traceback
    )
    assert raised(Unreadable()).reason == "Unreadable: its text cannot be read"
    fault = raised(OSError("no file caf\udce9.txt"))
    assert fault.reason == "OSError: no file caf\\udce9.txt"
    assert fault.traceback.encode()


def test_an_import_neither_ends_the_process_nor_hangs() -> None:
    with pytest.raises(RuntimeError, match=r"it called os._exit\(0\) while it was imported"), importing():
        os._exit(0)
    with pytest.raises(TimeoutError, match=r"its import took longer than 0.05 s"), importing(0.05):
        time.sleep(60)
    with importing(0.05):
        pass
    time.sleep(0.1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
