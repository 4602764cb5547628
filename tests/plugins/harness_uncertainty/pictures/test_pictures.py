"""Reliability diagrams and curves under shift."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import Estimate, MeasuredCell, Records, Row, Status
from harness_uncertainty.pictures import reliability
from harness_uncertainty.pictures.reliability import ReliabilityDiagram
from harness_uncertainty.pictures.shift import ShiftCurve, points_of

DIGITS = {"name": "harness_vision:digits", "parameters": {"split": "test"}}


def row(model: str, accuracy: float, severity: int = 0, kind: str = "noise", status: Status = Status.OK) -> Row:
    corrupted = {"dataset": DIGITS, "kind": kind, "severity": severity, "draw": 0}
    data = {"name": "harness_uncertainty:corrupted", "parameters": corrupted} if severity else DIGITS
    estimate = Estimate(accuracy, accuracy - 0.1, accuracy + 0.1, 0.95, "wilson", 100)
    labels = {"data": f"{kind} {severity}", "model": model}
    return Row("shift", labels, 0, status, estimates={"accuracy": estimate}, n=100, components={"data": data})


def test_clean_data_are_severity_0_of_every_kind() -> None:
    rows = [row("a", 0.9), row("a", 0.8, 1), row("a", 0.7, 2), row("a", 0.6, 1, "blur"), row("b", 0.5, 1)]
    found = {(p.model, p.kind, p.severity): p.estimates["accuracy"].value for p in points_of(rows)}
    assert found[("a", "noise", 0)] == found[("a", "blur", 0)] == 0.9
    assert found[("a", "noise", 2)] == 0.7
    assert len(found) == 6


def test_a_failed_row_is_no_point() -> None:
    assert points_of([row("a", 0.9), row("a", 0.8, 1, status=Status.FAILED)]) == []


def test_the_curve_is_drawn_for_corrupted_data_only(tmp_path: Path) -> None:
    assert list(ShiftCurve().report([row("a", 0.9)], tmp_path)) == []
    rows = [row(model, 0.9 - 0.1 * s, s) for model in "abcdefgh" for s in range(4)]
    (path,) = ShiftCurve().report(rows, tmp_path)
    assert path.name == "shift-shift-accuracy.png"
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert list(ShiftCurve(["nll"]).report(rows, tmp_path)) == []


def cell(model: str, n: int | None = 40, column: str = "clean_confidence") -> MeasuredCell:
    labels = {"data": "digits", "model": model, "attack": "none"}
    measured = Row("clean run", labels, 0, Status.OK if n else Status.SKIPPED, n=n)
    columns = {"id": [str(i) for i in range(n or 0)], column: [i / 40 for i in range(n or 0)]}
    records = Records.of({**columns, "correct": [i % 3 == 0 for i in range(n or 0)]})
    return MeasuredCell(measured, "digest", lambda: records)


@pytest.mark.parametrize("binning", ["equal_width", "equal_mass"])
def test_a_panel_for_each_cell_with_confidences(tmp_path: Path, binning: str) -> None:
    diagram = ReliabilityDiagram(binning=binning)  # type: ignore[arg-type]
    cells = [cell(f"m{i}") for i in range(3)]
    (path,) = diagram.report_cells([*cells, cell("skipped", None), cell("none", column="other")], tmp_path)
    assert path.name == "reliability-clean-run.png"
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert list(diagram.report_cells([cell("skipped", None)], tmp_path)) == []


def test_many_panels_become_several_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "_MAX_PANELS_PER_FIGURE", 2)
    paths = list(ReliabilityDiagram(bins=3).report_cells([cell(f"m{i}") for i in range(3)], tmp_path))
    assert [path.name for path in paths] == ["reliability-clean-run-1.png", "reliability-clean-run-2.png"]
