"""Networks beside a suite or a plugin, from the command line, in workers, and from any working directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from harness.cli import main

SUITE = """
suite: beside
task: classify
data: {{use: digits, limit: 300}}
models: [{{use: checkpoint, with: {{architecture: "{architecture}", weights: w.pt{more}}}}}]
metrics: [accuracy]
"""
NET = """
from torch import nn
import signs
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 10)
    def forward(self, inputs):
        return signs.SIGN * self.linear(inputs.flatten(1))
"""
OTHER = NET.replace("import signs", "class signs: SIGN = 0")


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Call the command line in this process, in the working directory."""
    monkeypatch.chdir(folder / "work")
    monkeypatch.syspath_prepend(str(folder / "work"))

    def call(*arguments: str) -> Said:
        code = main([*arguments, "--results", str(folder / "results")])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A suite folder, and a working directory that holds other modules of the same names."""
    suite, work = tmp_path / "suite", tmp_path / "work"
    write(suite, "nets.py", NET)
    write(suite, "signs.py", "SIGN = 1\n")
    write(suite, "s.yaml", SUITE.format(architecture="nets:Net", more=""))
    torch.manual_seed(0)
    torch.save({"linear.weight": torch.randn(10, 64), "linear.bias": torch.zeros(10)}, suite / "w.pt")
    write(work, "nets.py", OTHER)
    write(work, "only_here.py", OTHER)
    return tmp_path


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *arguments, "--results", str(folder / "results")]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder / "work", capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_the_suite_s_own_modules_count_and_are_followed(folder: Path) -> None:
    """Three runs in workers: the second reuses, and after an edit of a helper the third runs again."""
    suite = str(folder / "suite" / "s.yaml")
    first = harness(folder, "run", suite)
    assert first.returncode == 0, first.stderr
    assert "1 of 1 cell run" in first.stdout
    assert "nothing to do" in harness(folder, "run", suite).stdout
    write(folder / "suite", "signs.py", "SIGN = -1\n")
    again = harness(folder, "run", suite)
    assert "1 of 1 cell run" in again.stdout
    shares = [re.findall(r"0\.\d{3}", done.stdout)[0] for done in (first, again)]
    assert shares[0] != shares[1], "random weights are right about other digits than their negatives"


def test_a_command_is_refused_by_plan_and_run(folder: Path, say: Say) -> None:
    more = ", arguments: {command: touch pwned}"
    write(folder / "suite", "s.yaml", SUITE.format(architecture="os:system", more=more))
    for arguments in (["plan"], ["run"], ["run", "--allow-imports"]):
        told = say(*arguments, str(folder / "suite" / "s.yaml"))
        assert told.code == 2
        assert f"{folder}/suite/s.yaml:5:" in told.err
        assert "names code of Python's own module 'os'" in told.err
    assert not (folder / "work" / "pwned").exists()


def test_the_working_directory_is_no_part_of_a_suite(folder: Path, say: Say) -> None:
    write(folder / "suite", "s.yaml", SUITE.format(architecture="only_here:Net", more=""))
    told = say("plan", str(folder / "suite" / "s.yaml"))
    assert told.code == 2
    assert "allow the import with --allow-imports" in told.err
    planned = say("plan", str(folder / "suite" / "s.yaml"), "--allow-imports")
    assert "1 to run" in planned.out


def test_a_plan_says_what_cannot_be_imported(folder: Path, say: Say) -> None:
    (folder / "suite" / "signs.py").unlink()
    told = say("plan", str(folder / "suite" / "s.yaml"))
    assert told.code == 2
    assert "'architecture' cannot be imported: there is no module 'signs' (nets.py, line 3)" in told.err
