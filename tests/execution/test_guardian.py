"""The guardian ends what a dead coordinator left behind, and nothing else."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.execution import guardian

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Three processes, each the leader of a group of its own."""
    started = [subprocess.Popen(SLEEP, start_new_session=True) for _ in range(3)]
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def watching() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-E", "-S", guardian.__file__], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


def wait_until_it_ignores(pid: int, numbers: Sequence[signal.Signals]) -> None:
    """Until the process has come so far as to ignore these signals, at most ten seconds."""
    for _ in range(1000):
        (mask,) = re.findall(r"SigIgn:\t(\w+)", Path(f"/proc/{pid}/status").read_text())
        if all(int(mask, 16) >> (number - 1) & 1 for number in numbers):
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} does not ignore signals")


def tell(process: subprocess.Popen[str], *lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines))
    process.stdin.flush()


def test_groups_that_are_left_are_killed_when_the_input_ends(
    sleepers: list[subprocess.Popen[bytes]], watching: subprocess.Popen[str]
) -> None:
    left, ended, unknown = sleepers
    tell(watching, f"+{left.pid}", f"+{ended.pid}", f"-{ended.pid}", "-999999999")
    with pytest.raises(subprocess.TimeoutExpired):
        left.wait(0.1)
    assert watching.stdin is not None
    watching.stdin.close()
    assert watching.wait(10) == 0
    assert left.wait(10) == -signal.SIGKILL
    for process in (ended, unknown):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)


def test_a_group_that_is_gone_does_not_save_the_others(
    sleepers: list[subprocess.Popen[bytes]], watching: subprocess.Popen[str]
) -> None:
    gone, *others = sleepers
    tell(watching, *(f"+{process.pid}" for process in sleepers))
    gone.kill()
    gone.wait()
    assert watching.stdin is not None
    watching.stdin.close()
    assert watching.wait(10) == 0
    assert [process.wait(10) for process in others] == [-signal.SIGKILL] * 2


@pytest.mark.parametrize("number", INTERRUPTS)
def test_what_interrupts_the_coordinator_does_not_stop_it(
    sleepers: list[subprocess.Popen[bytes]], watching: subprocess.Popen[str], number: signal.Signals
) -> None:
    tell(watching, f"+{sleepers[0].pid}")
    wait_until_it_ignores(watching.pid, INTERRUPTS)
    watching.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        watching.wait(0.1)
    assert watching.stdin is not None
    watching.stdin.close()
    assert sleepers[0].wait(10) == -signal.SIGKILL
