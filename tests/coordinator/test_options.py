"""What a user asks for goes before what the suite asks for, and that before the defaults."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import harness
from harness.contract.errors import UsageError
from harness.coordinator.options import RunArguments, RunOptions, Workers, decide_workers
from harness.library import run
from harness.suite.plan import Plan

PLAN = Plan("tiny", "", "tiny.yaml", {}, ())
DEMANDING = replace(PLAN, threads=6, timeout=10.0, isolation="cell")


def test_keyword_arguments_are_the_options() -> None:
    """Editors complete what the one declares, and the other takes it."""
    assert get_type_hints(RunArguments) == get_type_hints(RunOptions)
    assert RunArguments.__required_keys__ == frozenset()
    assert len(fields(RunOptions)) == 27


@pytest.mark.parametrize(
    ("asked", "plan", "devices", "decided"),
    [
        ({}, PLAN, ["cpu"], Workers(["cpu"], 1, "process", 3600.0)),
        ({}, DEMANDING, ["cpu"] * 4, Workers(["cpu"] * 4, 1, "cell", 10.0)),
        ({}, DEMANDING, ["cpu"] * 2, Workers(["cpu"] * 2, 3, "cell", 10.0)),
        ({"threads": 2}, DEMANDING, ["cpu"] * 4, Workers(["cpu"] * 4, 1, "cell", 10.0)),
        ({"threads": 8, "timeout": 0.5}, DEMANDING, ["cpu"] * 4, Workers(["cpu"] * 4, 2, "cell", 0.5)),
        ({"isolation": "process"}, DEMANDING, ["cpu"], Workers(["cpu"], 6, "process", 10.0)),
        ({"debug": True}, DEMANDING, ["cpu"], Workers(["cpu"], 6, "inline", 10.0)),
        ({"plugins": {"mine": ModuleType("mine")}}, DEMANDING, ["cpu"], Workers(["cpu"], 6, "inline", 10.0)),
        ({"debug": True, "isolation": "process"}, PLAN, ["cpu"], Workers(["cpu"], 1, "process", 3600.0)),
    ],
)
def test_who_decides(asked: dict[str, Any], plan: Plan, devices: list[str], decided: Workers) -> None:
    assert decide_workers(RunOptions(**asked), plan, devices) == decided


def test_cells_in_this_process_have_one_worker() -> None:
    with pytest.raises(UsageError, match="inline isolation has one worker, not 2; use --isolation process"):
        decide_workers(RunOptions(isolation="inline"), PLAN, ["cpu", "cpu"])


def test_harness_run_is_the_function_whatever_was_imported_before(tmp_path: Path) -> None:
    """The room of the same name must not hide it."""
    assert harness.run is run
    assert harness.run is run
    with pytest.raises(TypeError, match="unexpected keyword argument 'devise'"):
        harness.run("smoke", results=tmp_path, devise="cpu")  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == []
