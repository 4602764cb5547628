"""The scoring process gives the same numbers as this one, is started once, and says why it cannot be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness import Run, open_run
from harness.contract.cells import Use
from harness.contract.estimates import Estimate
from harness.contract.rows import Status
from harness.isolation import Fault
from harness.scoring_process.client import ScoringProcess
from harness.testing import run_suite

SUITE = """
suite: same
task: classify
data: {use: digits, limit: 60}
models: [{use: shipped_digits, as: linear, with: {which: linear}}]
attacks: [none, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy, robust_accuracy, mean_distance, brier]
groups: [class]
aggregates: [worst_case, attack_checks]
"""
PLUGIN = """
import os

from harness.api import Component, hookimpl, mean


@hookimpl
def harness_components():
    return [Component("metric", "mine", f"{__name__}:Mean", "Tells its process.")]


class Mean:
    columns = ("id",)
    direction = "max"
    unit = ""

    def estimate(self, records):
        return mean([os.getpid(), 0.0])
"""
MINE = Use("metric", "plug/mine", "mine", 1, {})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(SUITE, tmp_path_factory.mktemp("same"))


def test_rows_are_the_same_to_the_bit(run: Run) -> None:
    results = run.folder.path.parents[1]
    shutil.rmtree(results / "store" / "estimates")
    again = open_run(run.folder.path, results)
    assert len(again.rows) > len(run.plan.cells) + 2
    assert [row.to_json() for row in again.rows] == [row.to_json() for row in run.rows]


def plugin(folder: Path, before: str = "") -> Path:
    folder.mkdir()
    (folder / "plug.py").write_text(f"{before}\n{PLUGIN}")
    return folder


def cell_of(run: Run) -> Path:
    return run.folder.cell(run.rows[0].cell)


def test_one_process_answers_all_calls_and_is_ended(run: Run, tmp_path: Path) -> None:
    with ScoringProcess([plugin(tmp_path / "p")]) as calls:
        first, second = (calls.estimate(MINE, cell_of(run), {}) for _ in range(2))
    assert isinstance(first, Estimate)
    assert first == second
    pid = int(2 * (first.value or 0))
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_plugin_that_ends_the_process_when_imported_is_told(run: Run, tmp_path: Path) -> None:
    with ScoringProcess([plugin(tmp_path / "p", "import os\nos._exit(0)")]) as calls:
        answers = [calls.estimate(MINE, cell_of(run), {}) for _ in range(2)]
    for answer in answers:
        assert isinstance(answer, Fault)
        assert answer.status is Status.FAILED
        assert "was left out at import: RuntimeError: it called os._exit(0) while it was imported" in answer.reason


def test_an_interrupt_ends_the_process(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = ScoringProcess([plugin(tmp_path / "p")])
    calls.start()
    process = calls._process
    assert process is not None

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(process), "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        calls.estimate(MINE, cell_of(run), {})
    assert process.process.returncode is not None
    calls.close()
