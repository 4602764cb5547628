"""Where the files of a cell of a run lie: its own, those of the store, and never those that a stranger names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.store.run_folder import REUSED, RunFolder

KEY = "ab" * 32


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "results", "tiny")


def entry(run: RunFolder, content: str = "{}") -> Path:
    folder = run.path.parents[1] / "store" / "cells" / KEY[:2] / KEY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(content)
    return folder


def test_a_reused_cell_is_its_entry_until_that_is_another_one(run: RunFolder) -> None:
    kept = entry(run)
    run.reuse_cell("a", kept, "tiny/1")
    again = RunFolder(run.path)
    assert run.cell("a") == again.cell("a") == kept
    assert again.has_reused("a")
    assert again.reused_keys == {KEY}
    assert not again.has_reused("b")
    entry(run, '{"other": 1}')
    assert not RunFolder(run.path).cell("a").exists()


def test_a_cell_with_files_of_its_own_is_these(run: RunFolder, tmp_path: Path) -> None:
    run.reuse_cell("a", entry(run), "tiny/1")
    source = tmp_path / "staged"
    source.mkdir()
    run.take_cell("a", source, move=True)
    assert run.cell("a") == run.path / "cells" / "a"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        '{"cell": "a"}',
        json.dumps({"cell": "a", "key": "../../../etc", "manifest": "0", "run": "tiny/1"}),
        json.dumps({"cell": "a", "key": KEY, "manifest": "", "run": "tiny/1"}),
        json.dumps({"cell": "a", "key": KEY, "manifest": "0", "run": "../../etc"}),
    ],
)
def test_lines_that_were_torn_or_name_other_places_lead_nowhere(run: RunFolder, line: str) -> None:
    (run.path / REUSED).write_text(line + "\n")
    assert run.cell("a") == run.path / "cells" / "a"
