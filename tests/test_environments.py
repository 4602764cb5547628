"""The commands that set up and test: what they list, leave out, and say where something is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FROM_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "TESTS", "VENV", "VENV_EXTRAS")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(root: Path, *words: str) -> str:
    """What make prints, also when these tests were started by make: its flags and its own variables stay outside."""
    outside = {name: value for name, value in os.environ.items() if name not in FROM_MAKE}
    return subprocess.run(["make", *words], cwd=root, capture_output=True, text=True, check=True, env=outside).stdout


@needs_make
def test_help_lists_every_target(root: Path) -> None:
    text = (root / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert declared is not None
    lines = [re.fullmatch(r"make (\S+) +(\S.*)", line) for line in make(root, "help").splitlines()]
    assert [line[1] for line in lines if line] == declared[1].split()


@needs_make
@pytest.mark.parametrize(
    ("target", "python", "left_out"),
    [
        ("test-quick", ".venv", '-m "not slow"'),
        ("test", ".venv", '-m "not extended"'),
        ("test-all", ".venv", ""),
        ("test-extras", ".venv-extras", ""),
        ("anchors", ".venv-extras", ""),
    ],
)
def test_what_each_target_leaves_out(root: Path, target: str, python: str, left_out: str) -> None:
    """The last command of each, which is not run."""
    last = make(root, "-n", target).splitlines()[-1]
    assert last.startswith(f"{python}/bin/python -m pytest")
    assert re.findall(r'-m "[^"]*"', last) == ([left_out] if left_out else [])


@needs_make
def test_every_file_that_skips_without_an_extra_is_run_with_them(root: Path) -> None:
    last = make(root, "-n", "test-extras").splitlines()[-1].split()
    skipping = {
        str(path.relative_to(root))
        for path in (root / "tests").rglob("test_*.py")
        if path != Path(__file__) and re.search(r"importorskip\(", path.read_text(encoding="utf-8"))
    }
    assert len(skipping) > 10
    assert skipping <= set(last)


def test_extended_tests_are_slow_as_well(request: pytest.FixtureRequest) -> None:
    """So that a run without slow tests has none of the extended ones."""
    extended = [item for item in request.session.items if item.get_closest_marker("extended")]
    assert [item.nodeid for item in extended if not item.get_closest_marker("slow")] == []


def test_without_a_gpu_the_checks_for_one_say_so(root: Path) -> None:
    outside = {name: value for name, value in os.environ.items() if name != "HARNESS_GPU"}
    environment = outside | {"CUDA_VISIBLE_DEVICES": "", "PYTHON": sys.executable}
    script = root / "tests" / "cuda" / "run.sh"
    done = subprocess.run([script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "no GPU here (torch.cuda.is_available() is false): nothing was checked\n"


def test_the_checks_for_a_gpu_name_files_that_exist(root: Path) -> None:
    script = (root / "tests" / "cuda" / "run.sh").read_text(encoding="utf-8")
    files = re.findall(r"tests/\S+\.py", script)
    assert {f"tests/cuda/{path.name}" for path in (root / "tests" / "cuda").glob("test_*.py")} <= set(files)
    assert [file for file in files if not (root / file).exists()] == []
    limits = [int(limit) for limit in re.findall(r'^ *check "[^"]*" (\d+) ', script, re.M)]
    assert len(limits) == len(re.findall(r"^ *check ", script, re.M))
    assert sum(limits) <= 600
