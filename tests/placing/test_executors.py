"""Runs on executors of plugins: the same records as here, and whatever an executor does, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.contract.errors import Exit, HarnessError, SuiteError, UsageError
from harness.placing import check_executor

PLUGINS = Path(__file__).parent / "plugins"
EXAMPLE = Path(__file__).parents[2] / "examples" / "executor"
SUITE = """
suite: placed
task: classify
data: {use: digits, limit: 24}
models: [digit_linear]
attacks: [none, {use: fgsm, with: {eps: 0.1}}]
metrics: [accuracy]
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def run(suite: Path, executor: str, *given: str, **how: Any) -> harness.Run:
    asked: Any = {
        "executor": executor,
        "executor_with": given,
        "plugin_folders": [PLUGINS, EXAMPLE],
        "device": "cpu",
        **how,
    }
    return harness.run(suite, results=suite.parent / "results", **asked)


@pytest.mark.slow
def test_the_example_keeps_the_contract(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "harness-node-dead").mkdir(parents=True)
    given = {"places": 2, "scratch": str(scratch)}
    check_executor("threaded_agents", given, folder=tmp_path, plugin_folders=[EXAMPLE])
    # What a dead agent had left is gone, and so is what the living ones had.
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("how", ["raise", "exit", "nonsense"])
@pytest.mark.parametrize("where", ["capacity", "submit", "next", "close"])
def test_a_run_ends_with_its_table_whatever_its_executor_does(suite: Path, where: str, how: str) -> None:
    if how == "nonsense" and where in ("submit", "close"):
        pytest.skip("its answer is not read")
    done = run(suite, "faulty", f"where={where}", f"how={how}", wait_for_workers=0.2)
    assert done.exit_code == Exit.CELL_NOT_OK
    assert [row.status for row in done.rows] == ["lost", "lost"]
    for row in done.rows:
        assert row.reason.startswith("no worker")
        failed = f"executor 'faulty' failed in {where}"
        assert (failed in row.reason) == (where != "close")
    assert (done.folder.path / "table.md").is_file()


@pytest.mark.parametrize(
    ("executor", "given", "message"),
    [
        ("faulty", ["where=init"], "executor 'faulty': ValueError: a bug of the executor"),
        ("faulty", ["where=start"], "executor 'faulty': ValueError: a bug of the executor"),
        ("none", [], "executor 'none' is a NoExecutor, which lacks methods of an executor"),
        ("absent", ["where=no"], "executor 'absent' needs no-such-distribution, not installed here"),
    ],
)
def test_an_executor_that_cannot_start_ends_the_run_in_words(
    suite: Path, executor: str, given: list[str], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        run(suite, executor, *given)


def test_an_executor_is_no_part_of_the_run_in_this_process(suite: Path) -> None:
    with pytest.raises(UsageError, match="inline isolation runs cells in this process, not on executor"):
        run(suite, "threaded_agents", isolation="inline")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "{executor: threaded_agent}",
            r"execution.executor: there is no executor named 'threaded_agent'\n.*\n.*\n.*'threaded_agents'",
        ),
        ("{executor: {use: threaded_agents, with: {places: two}}}", "'places' must be a whole number ≥ 1, not 'two'"),
        ("{executor: {use: threaded_agents, sweep: {places: [1, 2]}}}", "a suite has one executor"),
        ("{executor: [threaded_agents]}", "execution.executor: must be a name or a mapping with the key 'use'"),
        ("{executors: threaded_agents}", "unknown key 'executors'"),
    ],
)
def test_what_a_suite_says_of_its_executor_is_checked_where_it_stands(suite: Path, written: str, message: str) -> None:
    suite.write_text(f"{SUITE}execution: {written}\n", encoding="utf-8")
    with pytest.raises(SuiteError, match=message) as error:
        run(suite, "")
    assert str(error.value).startswith(f"{suite}:8:")


def test_an_experiment_has_no_executor_of_its_own(suite: Path) -> None:
    part = "experiments: [{name: a, execution: {executor: threaded_agents}}]\n"
    suite.write_text(SUITE + part, encoding="utf-8")
    with pytest.raises(SuiteError, match="cells run in one place for the whole suite"):
        run(suite, "")


def test_parameters_without_an_executor_are_refused(suite: Path) -> None:
    with pytest.raises(UsageError, match="--executor-with says how an executor runs; name it by --executor"):
        run(suite, "", "places=2")
    with pytest.raises(UsageError, match="--executor-with 'places': write KEY=VALUE"):
        run(suite, "threaded_agents", "places")
