"""Plugins are told what happens, and cannot end it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from harness.api import hookimpl
from harness.coordinator.observers import Observers
from harness.plugins import load_catalog
from harness.scoring.in_process import InThisProcess
from harness.scoring.plugin_calls import Scoring
from harness.store.store import Store


def test_one_that_raises_is_reported_and_the_others_are_told(tmp_path: Path) -> None:
    seen: list[Any] = []
    bad, good = ModuleType("bad"), ModuleType("good")

    def raises(run_id: str) -> None:
        raise RuntimeError("observer bug")

    def notes(run_id: str, cells: Any) -> None:
        seen.append((run_id, cells))

    bad.harness_run_start = hookimpl(raises)  # type: ignore[attr-defined]
    good.harness_run_start = hookimpl(notes)  # type: ignore[attr-defined]
    catalog = load_catalog(entry_points=[], extra={"bad": bad, "good": good})
    warnings: list[str] = []
    scoring = Scoring(catalog, Store(tmp_path / "store"), InThisProcess(catalog))
    Observers(scoring, warnings.append).notify("harness_run_start", run_id="1", cells=())
    assert seen == [("1", ())]
    assert warnings == ["plugin bad: harness_run_start: RuntimeError: observer bug"]
