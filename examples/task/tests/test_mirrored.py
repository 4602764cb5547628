"""The task keeps what tasks promise; its column stands in the table and its section on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Run
from harness.api import Kind
from harness.testing import check, page_of, run_suite

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(ROOT / "mirrored.yaml", tmp_path_factory.mktemp("run"), plugin_folders=ROOT)


@pytest.mark.parametrize(("kind", "name"), [("task", "mirrored"), ("metric", "mirrored/unchanged")])
def test_promises(kind: Kind, name: str) -> None:
    findings = check(kind, name, plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_records_and_metric_agree(done: Run) -> None:
    for row in done.rows:
        records = done.records(row)
        same = records["prediction"] == records["mirror_prediction"]
        assert (records["same"] == same).all()
        assert row.estimates["unchanged"].value == same.mean()
        assert row.cost == {"passes": 2.0}


def test_the_table_says_which_mirror(done: Run) -> None:
    assert [row.display["mirror"] for row in done.rows] == ["left-right", "up-down"]
    assert "| mirror " in (done.folder.path / "table.md").read_text(encoding="utf-8")


def test_the_page_shows_what_changed(done: Run) -> None:
    page = page_of(done, ROOT)
    assert "Given another class by a mirror" in page
    assert "data:image/png;base64," in page
