"""The isolation of a run chooses its executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.coordinator.executors import make_executor
from harness.coordinator.options import RunOptions
from harness.coordinator.prepared import Prepared, prepare
from harness.execution import process
from harness.execution.inline import InlineExecutor
from harness.execution.worker import Setup
from harness.suite.plan import Isolation


def progress(*arguments: Any) -> None:
    raise AssertionError("nothing runs here")


def prepared(folder: Path, **how: Any) -> Prepared:
    return prepare("smoke", RunOptions(device="cpu", results=folder / "results", **how))


def test_inline(tmp_path: Path) -> None:
    executor = make_executor(prepared(tmp_path, isolation="inline"), progress)
    assert isinstance(executor, InlineExecutor)
    assert executor.in_this_process


@pytest.mark.parametrize(("isolation", "cells_per_worker"), [("process", 1000), ("cell", 1)])
def test_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: Isolation, cells_per_worker: int) -> None:
    made: list[tuple[list[Setup], dict[str, Any]]] = []
    monkeypatch.setattr(process, "ProcessExecutor", lambda setups, **options: made.append((setups, options)))
    (tmp_path / "plugins").mkdir()
    asked = {"workers": 2, "threads": 6, "timeout": 7.0, "plugin_folders": [tmp_path / "plugins"]}
    make_executor(prepared(tmp_path, isolation=isolation, **asked), progress)
    setup = Setup((str(tmp_path / "plugins"),), str(tmp_path / "results" / "store"), "cpu", 3)
    how = {"timeout": 7.0, "cells_per_worker": cells_per_worker, "pythons": {}}
    assert made == [([setup, setup], how)]
