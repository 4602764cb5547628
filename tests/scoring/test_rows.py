"""How a cell of a run ended, as its folder says."""

from __future__ import annotations

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
