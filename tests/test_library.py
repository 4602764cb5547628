"""Harness from Python: plan, run, open again, and find rows and records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import COINS, MIXED, PLUGINS
from harness import open_run, run
from harness.contract.errors import Exit, SuiteError, UsageError
from harness.contract.rows import Status
from harness.coordinator.display import SilentDisplay
from harness.coordinator.options import DEFAULT_TIMEOUT, RunOptions
from harness.coordinator.prepared import Prepared, prepare
from harness.coordinator.runner import LiveRun
from harness.library import Run

HOW: dict[str, Any] = {"plugin_folders": [PLUGINS], "device": "cpu", "isolation": "inline"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with both suites and the results of them."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "coins.yaml").write_text(COINS, encoding="utf-8")
    (folder / "mixed.yaml").write_text(MIXED, encoding="utf-8")
    yield folder
    sys.modules.pop("coins", None)


@pytest.fixture(scope="module")
def coins(folder: Path) -> Run:
    return run(folder / "coins.yaml", results=folder / "results", **HOW)


@pytest.fixture(scope="module")
def mixed(folder: Path, coins: Run) -> Run:
    return run(str(folder / "mixed.yaml"), results=folder / "results", **HOW)


def prepared(folder: Path, text: str = "", **how: Any) -> Prepared:
    file = folder / "more.yaml"
    file.write_text(COINS + text, encoding="utf-8")
    return prepare(file, RunOptions(results=folder / "results", **{**HOW, **how}))


# --- running --------------------------------------------------------------------------------------------------


def test_a_run_has_its_rows_in_the_order_of_the_plan(coins: Run, folder: Path) -> None:
    assert [(row.labels["model"], row.labels["attack"]) for row in coins.rows] == [
        ("fair", "none"),
        ("fair", "wind"),
        ("bent", "none"),
        ("bent", "wind"),
    ]
    assert [row.estimates["heads"].value for row in coins.rows] == [0.6, 0.5, 0.9, 0.8]
    assert (coins.exit_code, coins.n_run, coins.n_reused) == (Exit.OK, 4, 0)
    assert coins.folder.path.parent == folder / "results" / "coins"


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_folders_of_plugins_may_be_text_one_or_several(coins: Run, folder: Path, isolation: Any) -> None:
    for given in (str(PLUGINS), [str(PLUGINS)], PLUGINS, iter([PLUGINS])):
        how = {**HOW, "plugin_folders": given, "isolation": isolation, "results": folder / "results"}
        assert run(folder / "coins.yaml", **how).n_reused == 4
    opened = open_run(coins.folder.path, folder / "results", plugin_folders=str(PLUGINS))
    assert len(opened.rows) == 4


def test_what_is_finished_is_reused_and_what_fails_costs_the_exit_code(mixed: Run) -> None:
    assert (mixed.exit_code, mixed.n_run, mixed.n_reused) == (Exit.CELL_NOT_OK, 4, 2)
    statuses = {row.labels["attack"]: row.status for row in mixed.rows}
    assert statuses == {"none": Status.OK, "storm": Status.FAILED, "calm": Status.SUSPECT}


def test_the_table_has_a_line_for_each_row(coins: Run, mixed: Run) -> None:
    table = coins.table
    assert len(table) == 4
    assert table["heads"].tolist() == [0.6, 0.5, 0.9, 0.8]
    assert (table["heads_low"] < table["heads"]).all()
    assert table["heads_n"].tolist() == [10] * 4
    assert mixed.table["status"].tolist() == ["ok", "failed", "suspect"] * 2


# --- finding --------------------------------------------------------------------------------------------------


def test_a_row_by_its_labels(coins: Run) -> None:
    assert coins.row(model="bent", attack="wind") is coins.rows[3]
    with pytest.raises(UsageError, match=r"2 rows are labelled \{'model': 'bent'\}; there are: .*'attack': 'none'.*; "):
        coins.row(model="bent")
    with pytest.raises(UsageError, match=r"no rows are labelled \{'model': 'flat'\}; there are: .*'fair'"):
        coins.row(model="flat")


def test_records_by_row_id_or_part_of_it(coins: Run) -> None:
    row = coins.row(model="fair", attack="none")
    for name in (row, row.cell, "fair.throws"):
        records = coins.records(name)
        assert records["heads"].tolist() == [True] * 6 + [False] * 4
        assert records.protocol == {"wind": ""}
    with pytest.raises(UsageError, match="2 cells are called 'fair'"):
        coins.records("fair")
    with pytest.raises(UsageError, match="no cells are called 'flat'"):
        coins.records("flat")


def test_a_row_without_records_says_why(mixed: Run) -> None:
    with pytest.raises(UsageError, match=r"storm.* has no records: it is failed ValueError: the coin is \[gone\]"):
        mixed.records("fair.storm")
    derived = replace(mixed.rows[0], cell="", derived="worst case")
    with pytest.raises(UsageError, match=r"a derived row has no records: it is ok$"):
        mixed.records(derived)


def test_expectations_are_judged_by_the_rows(folder: Path) -> None:
    expect = "expect:\n" + "".join(
        f"  - {{metric: heads, where: {{model: fair, attack: none}}, at_least: {least}}}\n" for least in (0.3, 0.7, 0.9)
    )
    (folder / "expected.yaml").write_text(COINS + expect, encoding="utf-8")
    found = run(folder / "expected.yaml", results=folder / "results", **HOW)
    # 6 of 10 is .6 [.313, .832].
    assert [judged.verdict for judged in found.expectations()] == ["passed", "unresolved", "failed"]
    assert found.exit_code is Exit.GATE_FAILED


# --- opening --------------------------------------------------------------------------------------------------


def test_a_run_is_opened_by_folder_id_or_suite(mixed: Run, folder: Path) -> None:
    for name in (mixed.folder.path, f"mixed/{mixed.folder.run_id}", "mixed"):
        found = open_run(name, folder / "results", plugin_folders=[PLUGINS])
        assert found.folder.path == mixed.folder.path
        assert found.exit_code is Exit.CELL_NOT_OK
        assert [(row.cell, row.status, row.estimates, row.key) for row in found.rows] == [
            (row.cell, row.status, row.estimates, row.key) for row in mixed.rows
        ]
    with pytest.raises(UsageError, match="there is no run 'nothing'"):
        open_run("nothing", folder / "results")


# --- how to run -----------------------------------------------------------------------------------------------


def test_the_caller_goes_before_the_suite_and_the_suite_before_the_defaults(folder: Path) -> None:
    suite = "timeout: 60\nthreads: 4\nisolation: cell\n"
    plain = prepared(folder, isolation=None).workers
    assert (plain.timeout, plain.threads, plain.isolation) == (DEFAULT_TIMEOUT, 1, "process")
    of_suite = prepared(folder, suite, isolation=None).workers
    assert (of_suite.timeout, of_suite.threads, of_suite.isolation) == (60, 4, "cell")
    given = prepared(folder, suite, isolation="inline", timeout=5, threads=2).workers
    assert (given.timeout, given.threads, given.isolation) == (5, 2, "inline")


def test_threads_are_divided_among_workers(folder: Path) -> None:
    workers = prepared(folder, isolation="process", workers=2, threads=5).workers
    assert (list(workers.devices), workers.threads) == (["cpu", "cpu"], 2)
    assert prepared(folder, isolation="process", workers=3, threads=2).workers.threads == 1


def test_what_only_this_process_has_runs_in_it(folder: Path) -> None:
    assert prepared(folder, isolation=None, debug=True).workers.isolation == "inline"
    coins = sys.modules["coins"]
    given = prepared(folder, isolation=None, plugin_folders=(), plugins={"coins": coins})
    assert given.workers.isolation == "inline"
    with pytest.raises(UsageError, match="inline isolation has one worker, not 2; use --isolation process"):
        prepared(folder, workers=2)


def test_plugins_that_did_not_load_are_warnings(folder: Path) -> None:
    torn = folder / "torn_plugins"
    torn.mkdir()
    (torn / "gone.py").write_text("1/0\n", encoding="utf-8")
    found = prepared(folder, plugin_folders=[PLUGINS, torn])
    assert any(warning.startswith("plugin 'gone'") for warning in found.warnings)


def test_a_suite_that_says_nothing_is_refused_before_anything_is_made(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.yaml").write_text("", encoding="utf-8")
    with pytest.raises(SuiteError, match="the file is empty"):
        run(folder / "empty.yaml", results=tmp_path / "results", **HOW)
    assert not (tmp_path / "results").exists()


def test_cells_can_be_run_one_by_one(folder: Path, tmp_path: Path) -> None:
    made = prepare(folder / "coins.yaml", RunOptions(results=tmp_path / "results", **HOW))
    live = LiveRun(made, SilentDisplay())
    try:
        live.run(made.plan.cells[:1])
        live.run(made.plan.cells[1:])
        finished = live.finish()
    finally:
        live.close()
    assert (finished.n_run, len(finished.rows), finished.exit_code) == (4, 4, Exit.OK)


def test_a_silent_display_keeps_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    display = SilentDisplay()
    display.begin(2, 1)
    display.warn("something")
    display.close()
    assert display.warnings == ["something"]
    assert capsys.readouterr() == ("", "")
