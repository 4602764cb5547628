"""The plan follows the rules."""

from __future__ import annotations

from pathlib import Path

from harness.testing import check_hooks, run_suite

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check_hooks("clean_first", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_the_plan_follows_the_rules(tmp_path: Path) -> None:
    done = run_suite(ROOT / "clean_first.yaml", tmp_path, plugin_folders=ROOT)
    assert done.plan.cells[0].labels["attack"] == "none"
    assert done.warnings == ()
    (skipped,) = [row for row in done.rows if row.status == "skipped"]
    assert skipped.reason == "an attack with a budget of 0"
