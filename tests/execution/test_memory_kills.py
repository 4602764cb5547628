"""Counting the processes that the kernel killed, under both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.rows import Status
from harness.execution.exits import status_of_exit
from harness.execution.memory_kills import memory_kills


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "file", "text"),
    [
        ("0::/jobs/7\n", "jobs/7/memory.events", "low 0\noom 9\noom_kill 3\noom_group_kill 8\n"),
        ("0::/host/path\n", "memory.events", "oom 9\noom_kill 3\n"),
        ("4:cpu:/\n7:memory,hugetlb:/jobs\n", "memory/jobs/memory.oom_control", "oom_kill_disable 0\noom_kill 3\n"),
        ("7:memory:/docker/1\n", "memory/memory.oom_control", "under_oom 0\noom_kill 3\n"),
    ],
)
def test_the_count_is_that_of_the_group(line: str, file: str, text: str, tmp_path: Path) -> None:
    own = written(tmp_path / "cgroup", line)
    written(tmp_path / "mounted" / file, text)
    assert memory_kills(own, tmp_path / "mounted") == 3


def test_where_nothing_is_said_it_is_0(tmp_path: Path) -> None:
    assert memory_kills(tmp_path / "none", tmp_path) == 0
    own = written(tmp_path / "cgroup", "0::/\nnonsense\n7:memory:/x\n")
    written(tmp_path / "memory.events", "oom_kill many\n")
    assert memory_kills(own, tmp_path) == 0
    assert memory_kills() >= 0


def test_a_kill_is_for_want_of_memory_only_where_the_kernel_says_so() -> None:
    assert status_of_exit(-9)[0] is Status.LOST
    assert status_of_exit(-9, memory_ran_out=True)[0] is Status.OOM
    assert status_of_exit(-11, memory_ran_out=True)[0] is Status.CRASHED
    assert status_of_exit(-9, "took longer than 3 s", memory_ran_out=True)[0] is Status.TIMEOUT
