"""Closed and full standard streams: nothing internal, no file written by mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def shell(redirection: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m harness plan smoke --results {folder} {redirection}"
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams(redirection: str, tmp_path: Path) -> None:
    ended = shell(redirection, tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_a_full_output_is_told(tmp_path: Path) -> None:
    ended = shell("> /dev/full", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == "error: the output cannot be written: No space left on device; what was made is kept\n"
