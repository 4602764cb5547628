"""The executor keeps its contract, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from harness.placing import check_executor

ROOT = Path(__file__).parents[1]


def test_promises(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    given = {"places": 2, "scratch": str(scratch)}
    check_executor("threaded_agents", given, folder=tmp_path, plugin_folders=ROOT)
    assert list(scratch.iterdir()) == []
