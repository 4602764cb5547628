"""Everything that happens is written down, and a run does not need the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.testing import check_hooks, run_suite

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check_hooks("journal", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_a_line_for_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lines.jsonl"
    monkeypatch.setenv("JOURNAL_FILE", str(file))
    done = run_suite(ROOT / "journal.yaml", tmp_path / "results", plugin_folders=ROOT)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["start", "cell", "end"]
    assert lines[1]["accuracy"] == done.rows[0].estimates["accuracy"].value
    assert done.folder.about()["provenance"]["plugins"]["journal"].keys() == {"kernel"}


def test_without_the_variable_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_FILE", raising=False)
    assert run_suite(ROOT / "journal.yaml", tmp_path, plugin_folders=ROOT).warnings == ()
