"""`harness cache` as a user meets it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from cli.conftest import Finished, Say
from harness.cli.cache_command import _age, size_text


@pytest.fixture
def results(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the store, to be damaged: four cells that were ok and two that were suspect."""
    shutil.copytree(finished.results / "store", tmp_path / "r" / "store")
    return tmp_path / "r"


def test_what_lies_in_the_store_is_counted_by_kind(say: Say, results: Path) -> None:
    said = say("cache", "ls", "--results", results)
    assert said.code == 0
    entries = {line.split()[0]: line.split()[1] for line in said.out.splitlines()[2:]}
    assert entries == {
        "cells": "6",
        "weights": "0",
        "estimates": "6",
        "pictures": "0",
        "quarantine": "0",
        "staging": "0",
    }
    (cells,) = [line for line in said.out.splitlines() if line.startswith("cells")]
    assert cells.split()[-2:] == ["now", "now"]


def test_a_damaged_entry_is_named_moved_and_costs_the_exit_code(say: Say, results: Path) -> None:
    assert say("cache", "verify", "--results", results).code == 0
    victim = next((results / "store" / "cells").rglob("records.parquet"))
    victim.write_bytes(victim.read_bytes() + b"x")
    said = say("cache", "verify", "--results", results)
    assert said.code == 1
    assert f"damaged: cells {victim.parent.name[:16]}; it will be made again when it is needed" in said.out
    assert "1 damaged entries moved to the quarantine" in said.out
    assert not victim.exists()
    assert say("cache", "verify", "--results", results).code == 0


def test_the_quarantine_and_what_is_old_are_removed_on_request(say: Say, results: Path) -> None:
    assert say("cache", "gc", "--results", results).out == "nothing to remove\n"
    entries = sorted((results / "store" / "cells").glob("*/*"))
    (entries[0] / "result.json").unlink()
    say("cache", "verify", "--results", results)
    said = say("cache", "gc", "--results", results)
    assert (said.code, said.out.startswith("removed 1 quarantine")) == (0, True)
    long_ago = time.time() - 40 * 86_400
    os.utime(entries[1] / "manifest.json", (long_ago, long_ago))
    assert say("cache", "gc", "--results", results, "--older-than", "41").out == "nothing to remove\n"
    assert say("cache", "gc", "--results", results, "--older-than", "39").out.startswith("removed 1 cells")
    assert not entries[1].exists()
    assert entries[2].exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gc", "--older-than", "-1"], "-1.0 is not in the range x>=0"),
        (["ls", "--results", "coins.yaml"], "the results folder 'coins.yaml' cannot be written"),
        (["clean"], "No such command 'clean'"),
    ],
)
def test_usage_errors(say: Say, arguments: list[str], told: str) -> None:
    said = say("cache", *arguments)
    assert said.code == 2
    assert told in said.err


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (5e9, "5.0 GB"), (7.25e15, "7250.0 TB")],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "now"), (60, "1 min ago"), (5400, "2 h ago"), (86_400 * 9, "9 d ago"), (-50, "now")]
)
def test_ages_for_people(monkeypatch: pytest.MonkeyPatch, seconds: float, text: str) -> None:
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert _age(1e9 - seconds) == text
    assert _age(None) == ""
