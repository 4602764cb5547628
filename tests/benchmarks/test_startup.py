"""Whole processes: how long a user waits for help, for the list, and for a run with nothing to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["plan", "smoke"]])
def test_commands(benchmark, arguments: list[str], tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def call() -> int:
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments], capture_output=True, check=True, cwd=tmp_path
        ).returncode

    assert benchmark.pedantic(call, rounds=5, warmup_rounds=1) == 0


def test_a_second_run(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def call(*options: str) -> str:
        command = [sys.executable, "-m", "harness", "run", "smoke", *options]
        return subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, text=True).stdout

    call("--isolation", "inline")
    assert "nothing to do" in benchmark.pedantic(call, rounds=5)
