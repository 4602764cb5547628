"""A week of nights as a user meets it, with the fifth broken."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cli.conftest import Said, Say
from harness.store.run_folder import RunFolder

SUITE = """
suite: nights
task: toss
data: {use: throws, with: {n: 2000}}
models: [{use: coin, as: fair, with: {heads: 1000}}, {use: coin, as: bent, with: {heads: 1800}}]
metrics: [heads]
"""
INLINE = ("--device", "cpu", "--isolation", "inline")


def nightly(say: Say, bent: int, *more: str) -> Said:
    Path("nights.yaml").write_text(SUITE.replace("1800", str(bent)), encoding="utf-8")
    return say("nightly", "nights.yaml", *INLINE, *more)


def test_a_week_with_its_fifth_night_broken(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    first = nightly(say, 1800, "--quiet")
    assert (first.code, "first night" in first.out) == (0, True)
    for heads in (1801, 1799, 1800):
        assert nightly(say, heads, "--quiet").code == 0
    broken = nightly(say, 1700, "--quiet", "--junit", "junit.xml")
    assert broken.code == 3
    assert "regression: bent / none on throws" in broken.out
    assert "::error title=nights%3A regression::bent / none on throws" in broken.out
    assert ET.parse("junit.xml").getroot()[0].get("failures") == "1"
    # Still broken: the night before is no baseline.
    assert nightly(say, 1700, "--quiet").code == 3
    assert nightly(say, 1800, "--quiet").code == 0
    summary = Path("summary.md").read_text(encoding="utf-8")
    assert summary.count("| regression |") == 2
    assert summary.count("## nights: night") == 7


def test_events_tell_of_every_row_and_the_exit_code(say: Say) -> None:
    nightly(say, 1800)
    told = [json.loads(line) for line in nightly(say, 1700, "--events", "jsonl").out.splitlines()]
    judged = {each["row"]: each["label"] for each in told if each["event"] == "row_judged"}
    assert list(judged.values()) == ["regression", "no regression"]
    assert (told[-1]["event"], told[-1]["exit_code"]) == ("finished", 3)


def test_aliases_name_runs_for_every_command(say: Say) -> None:
    results = Path("results")
    assert nightly(say, 1800, "--accept", "--quiet").code == 0
    assert "only run of its suite" in say("table", "previous").err
    nightly(say, 1801, "--quiet")
    nightly(say, 1802, "--quiet")
    first, second, third = sorted(path.parent for path in results.glob("nights/*/run.json"))
    for alias, run in (("latest", third), ("previous", second), ("baseline", first)):
        assert RunFolder.find(alias, results).path == run
        assert RunFolder.find(f"nights/{alias}", results).path == run
    assert say("compare", "baseline", "latest").code == 0
    assert nightly(say, 1600, "--baseline", "baseline", "--accept", "--quiet").code == 3
    assert RunFolder.find("baseline", results).path == first


@pytest.mark.parametrize("name", ["baseline", "absent", "absent.json"])
def test_a_baseline_that_does_not_exist_is_told_before_anything_runs(say: Say, name: str) -> None:
    said = nightly(say, 1800, "--baseline", name)
    assert (said.code, "Traceback" in said.err) == (2, False)
    assert name in said.err
    assert not list(Path("results").glob("nights/*/run.json"))


def test_a_night_without_a_gpu_is_told_and_runs_nothing(say: Say) -> None:
    Path("nights.yaml").write_text(SUITE, encoding="utf-8")
    said = say("nightly", "nights.yaml", "--device", "cuda:77", "--isolation", "inline")
    assert said.code == 2
    assert "cuda:77" in said.err
