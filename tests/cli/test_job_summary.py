"""The headline on the summary page of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 30}
models: [{use: digit_linear, as: raw, with: {epochs: 1}}]
metrics: [accuracy]
"""


@pytest.fixture
def run(tmp_path: Path) -> list[str]:
    (tmp_path / "tiny.yaml").write_text(SUITE, encoding="utf-8")
    how = ["--device", "cpu", "--threads", "1", "--isolation", "inline"]
    return ["run", str(tmp_path / "tiny.yaml"), "--results", str(tmp_path / "results"), *how]


def test_the_headline_is_added_to_what_the_job_wrote_before(
    run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(run) == 0
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## tiny\n\n")
    assert "raw has accuracy" in text


def test_a_summary_that_cannot_be_written_fails_no_run(
    run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "absent" / "summary.md"))
    assert main(run) == 0
    assert "GITHUB_STEP_SUMMARY) cannot be written: No such file or directory" in capsys.readouterr().err
