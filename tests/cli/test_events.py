"""A run as JSON lines."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Say
from harness.cli.events import EVENTS

INLINE = ("--device", "cpu", "--isolation", "inline")
PLAIN = ("event", "time")


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_event_has_the_fields_that_are_documented(say: Say, tmp_path: Path) -> None:
    said = say("run", "mixed.yaml", *INLINE, "--events", "jsonl", "--limit", "8")
    told = events(said.out)
    assert said.err == ""
    assert said.code == 1
    assert (told[0]["event"], told[-1]["event"]) == ("started", "finished")
    for each in told:
        assert set(each) == {*PLAIN, *EVENTS[each["event"]]}
        assert datetime.fromisoformat(each["time"]).tzinfo is not None
    by_name = {name: [each for each in told if each["event"] == name] for name in EVENTS}
    assert len(by_name["cell_queued"]) == len(by_name["cell_started"]) == len(by_name["cell_ended"]) == 6
    assert sorted(each["status"] for each in by_name["cell_ended"]) == ["failed"] * 2 + ["ok"] * 2 + ["suspect"] * 2
    assert by_name["started"][0]["changes"] == ["--limit 8"]
    (finished,) = by_name["finished"]
    assert (finished["exit_code"], finished["run"], finished["reused"]) == (1, 6, 0)
    assert finished["statuses"] == {"ok": 2, "failed": 2, "suspect": 2}
    assert any("2 rows failed" in sentence for sentence in finished["headline"])
    assert Path(finished["folder"]).name == by_name["started"][0]["run"]


def test_what_was_finished_before_is_not_queued(say: Say) -> None:
    say("run", "coins.yaml", *INLINE)
    told = events(say("run", "coins.yaml", *INLINE, "--events", "jsonl").out)
    assert {each["event"] for each in told} == {"started", "cell_ended", "finished"}
    assert told[0]["reused"] == 4
    ended = [each for each in told if each["event"] == "cell_ended"]
    assert {each["estimates"]["heads"]["value"] for each in ended} == {0.6, 0.5, 0.9, 0.8}


def test_quiet_is_the_headline_alone(say: Say) -> None:
    said = say("run", "coins.yaml", *INLINE, "--quiet")
    assert said.err == ""
    assert said.out.startswith("\ncoins — How often heads?\n")
    assert "cells run" not in said.out


def test_verbose_tells_of_every_cell(say: Say) -> None:
    first = say("run", "coins.yaml", *INLINE, "-v").err
    assert "fair / wind: started\n" in first
    again = say("run", "coins.yaml", *INLINE, "-v", "--skip", "attack=wind").err.splitlines()
    assert again[0].startswith("coins: run ")
    assert again[1] == "changed: --skip attack=wind"
    assert again[3].startswith("[1/2] fair / none: ok")


@pytest.mark.parametrize("options", [("-q", "-v"), ("-q", "--events", "jsonl"), ("-v", "--events", "jsonl")])
def test_they_exclude_each_other(say: Say, options: tuple[str, ...]) -> None:
    said = say("run", "coins.yaml", *INLINE, *options)
    assert said.code == 2
    assert "--quiet, --verbose and --events exclude each other" in said.err
