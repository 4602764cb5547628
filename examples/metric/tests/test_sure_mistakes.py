"""The metric keeps what metrics promise, and gives the numbers that one works out by hand."""

from __future__ import annotations

from pathlib import Path

from harness.api import Records
from harness.testing import check, run_suite

from sure_mistakes.metric import SureMistakes

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("metric", "sure_mistakes", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_by_hand() -> None:
    columns = {"id": list("abcd"), "correct": [True, False, False, True], "clean_confidence": [0.9, 0.95, 0.5, 0.99]}
    estimate = SureMistakes().estimate(Records.of(columns))
    assert (estimate.value, estimate.n) == (1 / 3, 3)


def test_a_model_that_is_never_sure_has_no_share() -> None:
    columns = {"id": ["a"], "correct": [True], "clean_confidence": [0.2]}
    assert SureMistakes().estimate(Records.of(columns)).value is None


def test_its_suite(tmp_path: Path) -> None:
    done = run_suite(ROOT / "sure_mistakes.yaml", tmp_path, plugin_folders=ROOT)
    assert done.exit_code == 0
    assert {"wrong at 90 %", "wrong at 50 %"} < set(done.rows[0].estimates)
