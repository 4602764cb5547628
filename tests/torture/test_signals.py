"""Signals at every phase of a run, to every process of it: the promised exit code, and a run that can be resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.execution.process_tree import descendants
from processes import has_ended
from torture.test_kills import wait_until

pytestmark = pytest.mark.extended

PLUGINS = Path(__file__).parent / "waiting_plugins"
SUITE = """
suite: waits
task: wait
data: one
attacks: [none, pause]
metrics: [waited]
reports: [pause_report]
"""
DRIVER = """
import harness.coordinator.writing as writing
from harness.cli import entry
import sys

sys.path.append(sys.argv.pop(1))
from waiting import hold

write_tables = writing.write_tables


def held(*arguments, **named):
    hold("tables")
    return write_tables(*arguments, **named)


writing.write_tables = held
entry()
"""
INT, TERM, HUP, QUIT, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL
PHASES = ("plan", "run", "metrics", "reporters", "tables")
OF_COORDINATOR = [
    *((phase, [number], 130) for phase in PHASES for number in (INT, TERM, HUP)),
    *((phase, [number, number], 130) for phase in PHASES for number in (INT, TERM)),
    *((phase, [QUIT], -QUIT) for phase in ("run", "tables")),
]
# A worker that dies is replaced, and its cell tried again.
OF_WORKER = [("run", number, 0) for number in (INT, TERM, HUP, QUIT, KILL)]
OF_METRICS = [
    *(("metrics", number, 1) for number in (INT, TERM, HUP, QUIT, KILL)),
    *((phase, number, 0) for phase in ("plan", "reporters") for number in (TERM, KILL)),
]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = ["--plugins-dir", str(PLUGINS), "run", "waits.yaml", "--device", "cpu", *options]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(PLUGINS), *command],
        cwd=folder,
        env={**os.environ, "WAITING_NOTES": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_at(folder: Path, phase: str) -> subprocess.Popen[str]:
    (folder / "waits.yaml").write_text(SUITE)
    (folder / f"hold-{phase}").touch()
    run = start(folder)
    wait_until((folder / f"at-{phase}").exists, 120)
    return run


def said_by(run: subprocess.Popen[str]) -> str:
    said, _ = run.communicate(timeout=120)
    assert "internal error" not in said, said
    assert "Traceback" not in said, said
    return said


def assert_resumed(folder: Path) -> None:
    """Every run so far can be read, and the same command gives the whole table."""
    for path in folder.glob("hold-*"):
        path.unlink(missing_ok=True)
    results = folder / "results"
    assert not list(results.glob("waits/**/*.tmp"))
    for about in results.glob("waits/*/run.json"):
        assert json.loads(about.read_text())["status"] in ("running", "interrupted", "finished")
    again = start(folder)
    said = said_by(again)
    assert again.returncode == 0, said
    newest = max((results / "waits").glob("*/table.csv"), key=lambda path: path.stat().st_mtime_ns)
    with newest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["waited"]) for row in rows] == [("ok", "1.0")] * 2


@pytest.mark.parametrize(("phase", "numbers", "code"), OF_COORDINATOR)
def test_at_the_coordinator(tmp_path: Path, phase: str, numbers: Sequence[signal.Signals], code: int) -> None:
    run = wait_at(tmp_path, phase)
    below = descendants(run.pid)
    for number in numbers:
        run.send_signal(number)
        time.sleep(0.2)
    said_by(run)
    assert run.returncode == code
    assert has_ended(*below)
    assert_resumed(tmp_path)


def test_nohup_stays_in_force(tmp_path: Path) -> None:
    before = signal.signal(HUP, signal.SIG_IGN)
    try:
        run = wait_at(tmp_path, "run")
    finally:
        signal.signal(HUP, before)
    run.send_signal(HUP)
    (tmp_path / "hold-run").unlink()
    assert (said_by(run), run.returncode)[1] == 0


def process_of(run: subprocess.Popen[str], module: str) -> int:
    (pid,) = (pid for pid in descendants(run.pid) if module in Path(f"/proc/{pid}/cmdline").read_text())
    return pid


@pytest.mark.parametrize(
    ("module", "phase", "number", "code"),
    [
        *(("harness.execution.worker", *case) for case in OF_WORKER),
        *(("harness.scoring_process.worker", *case) for case in OF_METRICS),
    ],
)
def test_at_a_process_below(tmp_path: Path, module: str, phase: str, number: signal.Signals, code: int) -> None:
    run = wait_at(tmp_path, phase)
    pid = process_of(run, module)
    os.kill(pid, number)
    assert has_ended(pid) or number is INT
    (tmp_path / f"hold-{phase}").unlink()
    said = said_by(run)
    assert run.returncode == code, said
    assert list((tmp_path / "results" / "waits").glob("*/table.md"))
    assert_resumed(tmp_path)
