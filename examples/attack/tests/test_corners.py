"""The attack keeps what attacks promise, and more tries fool more."""

from __future__ import annotations

from pathlib import Path

from harness.testing import check, run_suite

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("attack", "corners", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_more_tries_fool_more(tmp_path: Path) -> None:
    done = run_suite(ROOT / "corners.yaml", tmp_path, plugin_folders=ROOT)
    one, twenty = (done.records(row)["outcome"] == "fooled" for row in done.rows)
    # Those that the first move fools are fooled by twenty too.
    assert (one <= twenty).all()
    assert one.sum() < twenty.sum()
