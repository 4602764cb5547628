"""Runs whose files were torn: the file is named, and what can be made from the rest is made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.conftest import Finished, Say

TORN = ["", "{", "[]", "null", "\x00" * 200]


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Path:
    shutil.copytree(finished.results, tmp_path / "copy")
    (run,) = (tmp_path / "copy" / "coins").iterdir()
    return run


@pytest.mark.parametrize("text", TORN)
def test_without_run_json_the_table_is_made_from_the_cells(text: str, run: Path, say: Say) -> None:
    before = (run / "table.csv").read_text()
    (run / "run.json").write_text(text)
    assert say("table", run, "--results", "copy").code == 0
    assert (run / "table.csv").read_text() == before
    assert "where this was measured is not known: run.json is damaged" in (run / "table.md").read_text()
    assert say("report", run, "--results", "copy").code == 0
    assert say("score", run, "--metrics", "heads", "--results", "copy").code == 0
    assert say("compare", run, run, "--results", "copy").code in (0, 2)
    assert say("leaderboard", "copy").code == 0


@pytest.mark.parametrize("text", [*TORN, "{}"])
@pytest.mark.parametrize("command", ["table", "report", "explain"])
def test_a_torn_plan_is_named(text: str, command: str, run: Path, say: Say) -> None:
    (run / "plan.json").write_text(text)
    more = ("fair",) if command == "explain" else ()
    said = say(command, run, *more, "--results", "copy")
    assert said.code == 2
    assert "plan.json is damaged" in said.err
    assert "run the suite again" in said.err


@pytest.mark.parametrize("text", TORN)
def test_a_torn_run_leaves_the_board_of_others_alone(text: str, run: Path, say: Say) -> None:
    (run / "plan.json").write_text(text)
    said = say("leaderboard", "copy")
    assert said.code == 0
    assert "left out: " in said.err
    assert "plan.json is damaged" in said.err


@pytest.mark.parametrize("text", [*TORN, "{}"])
def test_a_torn_result_is_a_row(text: str, run: Path, say: Say) -> None:
    cell = next((run / "cells").iterdir())
    (cell / "result.json").unlink()
    (cell / "result.json").write_text(text)
    said = say("table", run, "--results", "copy")
    assert said.code == 0
    assert "its files were damaged after the run" in said.out
    assert say("explain", run, cell.name, "--results", "copy").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["records.parquet", "manifest.json", "result.json", "log.txt", "table.json", "table.csv"]
)
@pytest.mark.parametrize("text", ["", "{", "\x00" * 200])
def test_any_torn_file_is_remade_or_named_by_every_command(name: str, text: str, run: Path, say: Say) -> None:
    cell = next((run / "cells").iterdir())
    victim = run / name if name.startswith("table") else cell / name
    victim.unlink()
    victim.write_text(text)
    for command in (
        ("table", run),
        ("report", run),
        ("explain", run, cell.name),
        ("score", run, "--metrics", "heads"),
        ("compare", run, run),
        ("leaderboard", "copy"),
    ):
        results = () if command[0] == "leaderboard" else ("--results", "copy")
        said = say(*command, *results)
        assert said.code in (0, 2), (command, said.err)
        assert "internal error" not in said.err
        assert "Traceback" not in said.err


def test_a_torn_list_of_reused_cells_is_a_row(run: Path, say: Say) -> None:
    results = run.parents[1]
    cells = sorted(path.name for path in (run / "cells").iterdir())
    for name in cells:
        shutil.rmtree(run / "cells" / name)
    (run / "reused.jsonl").write_text('{"cell": "' + cells[0] + '", "key": "00')
    said = say("table", run, "--results", results)
    assert said.code == 0
    assert "it never ended" in said.out
