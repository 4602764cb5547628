"""Cells that raise, hang, crash, flood or leave processes behind, in one suite with healthy ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness import Run
from harness.contract.rows import Status
from harness.suite.plan import Isolation
from harness.testing import run_suite
from processes import has_ended

pytestmark = pytest.mark.extended

PLUGINS = Path(__file__).parent / "plugins"
KINDS = {
    "raise": (Status.FAILED, "ValueError: a bug of the plugin"),
    "hang": (Status.TIMEOUT, "took longer than 3 s"),
    "ignore_term": (Status.TIMEOUT, "took longer than 3 s; it ignored TERM"),
    "segfault": (Status.CRASHED, "its worker crashed: SIGSEGV (attempt 2)"),
    "exit": (Status.CRASHED, "its worker exited with code 0 without a result (attempt 2)"),
    "half_written": (Status.CRASHED, "its worker exited with code 1 without a result (attempt 2)"),
    "killed": (Status.LOST, "its worker was killed from outside; was the machine out of memory? (attempt 4)"),
    "bad_cost": (Status.INVALID, "cost 'effort' is nan, not a finite number"),
    "bad_display": (Status.INVALID, "the display column 'dose' is 2; heading and content are text"),
    "bad_progress": (Status.FAILED, "ValueError: invalid literal for int() with base 10: 'half'"),
    "system_exit": (Status.FAILED, "SystemExit: 0"),
    "memory": (Status.OK, ""),
    "crash_once": (Status.OK, ""),
    "killed_once": (Status.OK, ""),
    "orphan": (Status.OK, ""),
    "daemon": (Status.OK, ""),
    "flood": (Status.OK, ""),
}


@pytest.fixture(scope="module")
def kinds() -> list[str]:
    """Every way of going wrong, with a healthy cell after each."""
    return [name for kind in KINDS for name in (kind, "fine")]


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


def labelled(kinds: list[str], notes: Path) -> str:
    each = []
    for i, kind in enumerate(kinds):
        each.append(f"{{use: behave, as: {kind}-{i}, with: {{kind: {kind}, which: {i}, notes: '{notes}'}}}}")
    return f"suite: torture\ntask: act\ndata: tiny\nattacks: [{', '.join(each)}]\nmetrics: [mean_value]\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, kinds: list[str], notes: Path) -> Run:
    return run_suite(
        labelled(kinds, notes),
        tmp_path_factory.mktemp("torture"),
        plugin_folders=[PLUGINS],
        isolation="process",
        workers=3,
        timeout=3,
        batch_size=20,
    )


def test_every_broken_cell_has_its_status(done: Run) -> None:
    found = {row.labels["attack"].rpartition("-")[0]: (row.status, row.reason) for row in done.rows}
    assert {kind: found[kind] for kind in KINDS} == KINDS


def test_every_healthy_cell_is_right(done: Run, kinds: list[str], notes: Path, tmp_path: Path) -> None:
    """Against the same cells run alone, inline."""
    text = labelled(kinds, notes)
    alone = run_suite(text + "include: [{attack: 'fine-*'}]\n", tmp_path, plugin_folders=[PLUGINS], isolation="inline")
    rows = {row.labels["attack"]: row for row in done.rows}
    assert len(alone.rows) == kinds.count("fine") == len(KINDS)
    for row in alone.rows:
        other = rows[row.labels["attack"]]
        assert other.status is Status.OK
        assert done.records(other).table.equals(alone.records(row).table)


def test_out_of_memory_halves_the_batch_and_says_so(done: Run) -> None:
    (row,) = [row for row in done.rows if row.labels["attack"].startswith("memory")]
    result = json.loads((done.folder.cell(row.cell) / "result.json").read_text())
    assert [(a["status"], a["batch_size"]) for a in result["attempts"]] == [("oom", 20), ("oom", 10)]
    assert result["batch_size"] == 5


def test_a_flood_of_output_is_bounded(done: Run) -> None:
    (row,) = [row for row in done.rows if row.labels["attack"].startswith("flood")]
    log = (done.folder.cell(row.cell) / "log.txt").read_text()
    assert 300_000 < len(log) < 500_000
    assert "bytes left out" in log


def test_a_crashed_attempt_leaves_no_half_written_file(done: Run) -> None:
    (row,) = [row for row in done.rows if row.labels["attack"].startswith("half_written")]
    assert not (done.folder.cell(row.cell) / "records.parquet").exists()


@pytest.mark.parametrize("kind", ["orphan", "daemon"])
def test_processes_left_behind_are_ended(done: Run, notes: Path, kind: str) -> None:
    assert done.rows
    pid = int((notes / f"{kind}.pid").read_text())
    assert has_ended(pid)


@pytest.mark.parametrize(("isolation", "processes"), [("process", 1), ("cell", 3)])
def test_workers_stay_warm_unless_every_cell_shall_have_its_own(
    tmp_path: Path, isolation: Isolation, processes: int
) -> None:
    text = labelled(["tell_process"] * 3, tmp_path)
    run = run_suite(text, tmp_path / "r", plugin_folders=[PLUGINS], isolation=isolation)
    assert [row.status for row in run.rows] == [Status.OK] * 3
    pids = {int((tmp_path / f"process-{which}").read_text()) for which in range(3)}
    assert len(pids) == processes
    assert os.getpid() not in pids
