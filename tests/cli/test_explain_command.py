"""`harness explain` as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from cli.conftest import Finished, Say
from harness.cli import explain_command


def test_a_cell_that_failed_with_its_log(say: Say, finished: Finished) -> None:
    said = say("explain", "mixed", "bent.storm", "--results", finished.results)
    assert said.code == 0
    assert re.match(r"bent\.storm\.throws\.s0-\w{8}  in " + re.escape(str(finished.mixed)), said.out)
    assert re.search(r'^model +bent +coins/coin +heads 9, metal "tin"$', said.out, re.M)
    assert re.search(r'^attack +storm +coins/wind +how "hard"$', said.out, re.M)
    assert re.search(r"^seed +0$", said.out, re.M)
    assert "failed: ValueError: the coin is [gone] on cpu, batch size 128, " in said.out
    log = said.out.partition("\nlog:\n")[2]
    assert log.startswith("  tossing 10 times\n  Traceback")
    assert log.endswith("  ValueError: the coin is [gone]\n")


def test_a_cell_that_was_reused_says_from_where(say: Say, finished: Finished) -> None:
    said = say("explain", finished.mixed, "fair.throws")
    assert said.code == 0
    assert re.search(r"^attack +none$", said.out, re.M)
    assert f"\nreused: nothing that its records depend on has changed since coins/{finished.coins.name}\n" in said.out
    assert re.search(r"^ok, \d\.\d\d s on cpu, batch size 128", said.out, re.M)


def test_a_cell_that_ran_although_it_looks_the_same_says_what_differs(
    say: Say, finished: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished.results / "store", tmp_path / "results" / "store")
    shutil.copytree(finished.results / "coins", tmp_path / "results" / "coins")
    (tmp_path / "coins.yaml").write_text(
        (tmp_path / "coins.yaml").read_text().replace("data: throws", "data: {use: throws, with: {n: 12}}")
    )
    say("run", "coins.yaml", "--device", "cpu", "--isolation", "inline")
    said = say("explain", "coins", "bent.wind")
    assert said.code == 0
    assert re.search(r"what differs +then +now\n[- ]+\n.*\bn +10 +12\n", said.out)


def test_attempts_and_weights_are_told(say: Say, finished: Finished, tmp_path: Path) -> None:
    run = tmp_path / "results" / "mixed" / finished.mixed.name
    shutil.copytree(finished.mixed, run)
    (result,) = run.glob("cells/fair.calm*/result.json")
    raw = json.loads(result.read_text())
    result.unlink()
    raw["attempts"] = [{"status": "oom", "batch_size": 128, "reason": "no memory"}]
    raw["weights"] = [{"key": "abcdef0123456789", "digest": "x", "seconds": 12.34}]
    result.write_text(json.dumps(raw))
    said = say("explain", run, "fair.calm")
    assert "suspect: still air: no coin moved, " in said.out
    assert "\n  attempt 1: oom, batch size 128: no memory\n" in said.out
    assert "\n  weights abcdef012345, trained in 12.3 s\n" in said.out


def test_of_a_long_log_the_end_is_shown(say: Say, finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_command, "_LOG_LINES", 2)
    said = say("explain", "mixed", "bent.storm", "--results", finished.results)
    head, _, log = said.out.rpartition("\nlog, the last 2 of ")
    assert head
    assert log.splitlines()[0].endswith(" lines:")
    assert len(log.splitlines()) == 3


@pytest.mark.parametrize(
    ("run", "cell", "told"),
    [
        ("mixed", "fair.calmer", "no cells are called 'fair.calmer'; there are\n  fair.throws.s0-"),
        ("mixed", "storm", "2 cells are called 'storm'; there are\n  fair.storm.throws.s0-"),
        ("nothing", "storm", "there is no run 'nothing'"),
    ],
)
def test_usage_errors(say: Say, finished: Finished, run: str, cell: str, told: str) -> None:
    said = say("explain", run, cell, "--results", finished.results)
    assert said.code == 2
    assert told in said.err
