"""How a cell of a run ended, as its folder says."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.contract.rows import Status
from harness.scoring.rows import recorded_result
from harness.testing import run_suite

SUITE = """
suite: same
task: classify
data: {use: digits, limit: 20}
models: [{use: shipped_digits, as: linear, with: {which: linear}}]
metrics: [accuracy]
"""


def test_records_without_a_manifest_are_damaged(tmp_path: Path) -> None:
    """Whoever changes records and removes the digests of them has no clean row."""
    run = run_suite(SUITE, tmp_path / "results")
    cell = run.plan.cells[0]
    assert recorded_result(cell, run.folder).status is Status.OK
    (run.folder.cell(cell.id) / "manifest.json").unlink()
    result = recorded_result(cell, run.folder)
    assert result.status is Status.INVALID
    assert result.reason.startswith("its manifest.json is gone")
    assert result.n is None


FAILING = """
from harness.api import Component, hookimpl


@hookimpl
def harness_components():
    for name in ("first", "second"):
        yield Component("metric", name, f"{__name__}:{name.title()}", "Fails.")


class First:
    columns = ("correct",)
    direction, unit = "max", ""

    def estimate(self, records):
        raise ValueError("one fault")


class Second(First):
    def estimate(self, records):
        raise RuntimeError("another fault")
"""


def test_a_row_with_two_failing_metrics_names_both(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "two_failing_metrics.py").write_text(FAILING)
    suite = SUITE.replace("[accuracy]", "[first, accuracy, second]")
    (row,) = run_suite(suite, tmp_path / "results", plugin_folders=[tmp_path / "plugins"]).rows
    assert row.status is Status.FAILED
    assert row.reason == "metric first: ValueError: one fault; metric second: RuntimeError: another fault"
    assert row.estimates["accuracy"].value is not None
    sys.modules.pop("two_failing_metrics", None)
