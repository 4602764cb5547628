"""The peak of memory does not grow with the data: a cell of 8,000 generated images has that of one of 1,000.

Each cell runs in a process of its own, since the peak is read from the system.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("streamed_images.py")
MOST_MIB = 3 * 1024
KINDS = ("clean", "corrupted", "attacked")
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak of memory is read from /proc")


def peak_mib(kind: str, n: int, side: int, *more: str) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # Blocks of all sizes are given back to the system, as those of large windows are, so that gaps between small ones
    # are not taken for memory that is held.
    environment["MALLOC_MMAP_THRESHOLD_"] = str(2**18)
    command = [sys.executable, str(PROGRAM), kind, str(n), str(side), *more]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(ended.stdout)["mib"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_eight_times_the_images_take_no_more_memory(kind: str) -> None:
    """Of 64 pixels a side in small windows: held whole, the larger data would take a fifth more."""
    small, large = (peak_mib(kind, n, 64, "--window-kib", "4096") for n in (200, 1200))
    assert large == pytest.approx(small, rel=0.05)


@pytest.mark.extended
@pytest.mark.parametrize(("kind", "most"), [("clean", 8000), ("corrupted", 8000), ("attacked", 2600)])
def test_a_thousand_photographs_take_the_memory_of_many_thousand(kind: str, most: int) -> None:
    """Under attack of 2,600, which are four windows; 8,000 take a quarter of an hour: `streamed_images.py attacked`."""
    small, large = (peak_mib(kind, n, 224) for n in (1000, most))
    assert large == pytest.approx(small, rel=0.05)
    assert large < MOST_MIB


@pytest.mark.extended
def test_fifty_thousand_photographs_take_no_more() -> None:
    assert peak_mib("clean", 50_000, 224) < MOST_MIB
