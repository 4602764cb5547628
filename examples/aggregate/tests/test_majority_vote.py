"""The aggregate keeps what aggregates promise, and counts votes as one does by hand."""

from __future__ import annotations

from pathlib import Path

from harness.api import MeasuredCell, Records, Row, Status
from harness.testing import check, run_suite

from majority_vote.aggregate import MajorityVote

ROOT = Path(__file__).parents[1]


def cell(model: str, given: list[int]) -> MeasuredCell:
    records = Records.of({"id": ["a", "b", "c"], "label": [0, 1, 2], "clean_prediction": given})
    return MeasuredCell(Row("e", {"model": model}, 0, Status.OK, n=3, cell=model), model, lambda: records)


def test_promises() -> None:
    findings = check("aggregate", "majority_vote", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_votes_are_counted() -> None:
    cells = [cell("x", [0, 0, 2]), cell("y", [0, 1, 1]), cell("z", [1, 1, 0])]
    (row,) = MajorityVote().rows(cells)
    # All give others to the last example: each class has one vote, and the first of them is 0.
    assert (row.labels["model"], row.estimates["accuracy"].value) == ("vote of 3 models", 2 / 3)


def test_one_model_has_no_majority() -> None:
    assert list(MajorityVote().rows([cell("x", [0, 1, 2])])) == []


def test_its_suite(tmp_path: Path) -> None:
    done = run_suite(ROOT / "majority_vote.yaml", tmp_path, plugin_folders=ROOT)
    assert [row.labels["model"] for row in done.rows if row.derived] == ["vote of 3 models"]
