"""The reporter keeps what reporters promise, and draws a picture where there is something to draw."""

from __future__ import annotations

from pathlib import Path

from harness.api import Row, Status
from harness.testing import check, run_suite

from dot_plot.reporter import DotPlot

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("reporter", "dot_plot", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_without_values_there_is_no_picture(tmp_path: Path) -> None:
    rows = [Row("e", {"model": "m"}, 0, Status.FAILED)]
    assert list(DotPlot().report(rows, tmp_path)) == []


def test_its_suite(tmp_path: Path) -> None:
    done = run_suite(ROOT / "dot_plot.yaml", tmp_path, plugin_folders=ROOT)
    assert [path.name for path in done.folder.path.rglob("dots-*.png")] == ["dots-dot_plot.png"]
