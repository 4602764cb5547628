"""The peak of memory that a piece of work takes, against an allocation of known size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.instruments import memory
from harness.instruments.memory import NO_SOURCE, RISE, MemoryMeter, PeakMemory

MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process can be reset on Linux only")
def test_the_peak_is_that_of_the_work_and_not_of_work_before() -> None:
    """In a process of its own, where no memory of other tests waits to be used again."""
    code = """
import torch
from harness.instruments.memory import MemoryMeter
torch.ones(2**25)
meter = MemoryMeter("cpu")
torch.ones(2**24)
peak = meter.peak()
print(peak.bytes, peak.source, sep="|")
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    taken, source = shown.strip().split("|")
    if taken == "None":
        pytest.skip("this kernel does not let the peak be reset")
    assert source == RISE
    assert 60 * MIB < int(taken) < 96 * MIB


def test_where_the_peak_cannot_be_reset_there_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "none" / "clear_refs")
    assert MemoryMeter("cpu").peak() == PeakMemory(None, NO_SOURCE)


def test_a_kernel_that_does_not_say_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t 7 kB\n")
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "clear_refs")
    assert MemoryMeter("cpu").peak() == PeakMemory(None, NO_SOURCE)
    (tmp_path / "status").write_text("VmHWM:\t 12 kB\nVmRSS:\t 7 kB\n")
    assert MemoryMeter("cpu").peak() == PeakMemory(5 * 1024, RISE)
