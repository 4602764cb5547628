"""The scoring process gives the same numbers as this one, is started once, and says why it cannot be."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import Run, open_run
from harness.contract.cells import Use
from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Status
from harness.contract.tasks import Influences
from harness.isolation import Fault
from harness.plugins import load_catalog
from harness.scoring.in_process import InThisProcess
from harness.scoring_process.client import ScoringProcess
from harness.scoring_process.messages import _influences_to_json, influences_from
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


OBSERVING = """
import os
import signal
from pathlib import Path

from harness.api import Examples, Section, hookimpl

SEEN = Path(__file__).with_name("seen.txt")


def note(*words):
    with SEEN.open("a") as file:
        print(os.getpid(), *words, file=file)


@hookimpl
def harness_run_start(run_id, cells):
    note("start", len(cells), type(cells[0]).__name__)


@hookimpl
def harness_cell_end(run_id, row):
    note("cell", row.status, row.labels["attack"])
    if row.labels["attack"] == "noise":
        os.kill(os.getpid(), signal.SIGSEGV)


@hookimpl
def harness_run_end(run_id, rows, exit_code):
    note("end", len(rows), type(exit_code).__name__)


@hookimpl
def harness_page_sections(cells):
    yield Section("A title", "<p>{{ pid }}, {{ n }} records</p>", {"pid": os.getpid(), "n": len(cells[0].records())})
"""


@pytest.mark.slow
def test_observers_run_beside_metrics_and_cost_no_row(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "observing.py").write_text(OBSERVING)
    done = run_suite(SUITE, tmp_path / "r", plugin_folders=[folder], isolation="process", workers=1)
    assert {row.status for row in done.rows if not row.derived} == {Status.OK}
    noted = [line.split(" ", 1) for line in (folder / "seen.txt").read_text().splitlines()]
    assert sorted(words for _, words in noted) == sorted(
        ["start 2 Cell", "cell ok none", "cell ok noise", f"end {len(done.rows)} int"]
    )
    assert str(os.getpid()) not in {pid for pid, _ in noted}
    sys.modules.pop("observing", None)


def test_sections_are_made_in_the_process(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "observing.py").write_text(OBSERVING)
    cell = MeasuredCell(run.rows[0], "", lambda: run.records(run.rows[0]), cell_of(run))
    with ScoringProcess([folder]) as calls:
        sections = calls.sections("observing", [cell])
    assert not isinstance(sections, Fault)
    (section,) = sections
    assert (section.anchor, section.title) == ("observing-0", "A title")
    assert section.html.endswith(", 60 records</p>")
    assert str(os.getpid()) not in section.html


def test_values_and_influences_are_the_same_to_the_bit(run: Run) -> None:
    row = run.rows[0]
    metrics = {use.label: use for use in run.plan.cells[0].metrics}
    here, folder = InThisProcess(load_catalog()), cell_of(run)
    with ScoringProcess() as calls:
        for use in metrics.values():
            expected = here.per_example(use, folder, row.protocol)
            answered = calls.per_example(use, folder, row.protocol)
            np.testing.assert_array_equal(answered, expected)
        assert calls.influences(metrics["accuracy"], folder, row.protocol) is None
    assert isinstance(here.per_example(metrics["accuracy"], folder, row.protocol), np.ndarray)


def test_influences_survive_the_way() -> None:
    influences = Influences({"records": np.array([0.1, -0.0, np.nan]), "reference": np.array([1 / 3])}, 7)
    back = influences_from(json.loads(json.dumps(_influences_to_json(influences))))
    assert back is not None
    assert back.freedom == 7
    assert back.parts.keys() == influences.parts.keys()
    for name, part in influences.parts.items():
        assert back.parts[name].tobytes() == part.tobytes()
    assert influences_from(None) is None
