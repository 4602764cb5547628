"""The shards of one plan, each run by itself, make the table of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.contract.errors import UsageError
from harness.coordinator.joined_shards import join_shards
from harness.library import Run, open_run, run
from harness.store.run_folder import WHOLE_PLAN, RunFolder

SUITE = """
suite: sharded
task: classify
data: {use: digits, limit: 24}
models: [digit_linear, {use: digit_linear, as: other, with: {epochs: 3}}]
attacks: [none, {use: fgsm, with: {eps: 0.1}}]
metrics: [accuracy]
aggregates: [worst_case]
expect: [{metric: accuracy, at_least: 0.1, where: {model: other}}]
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sharded") / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def shard(suite: Path, text: str, **how: Any) -> Run:
    # A results folder for each, as on machines that share none; the whole in one process for speed.
    results = suite.parent / f"results-{text.replace('/', '-of-')}{how.get('shard_by', '')}"
    return run(suite, results=results, device="cpu", isolation="inline", shard=text, **how)


@pytest.fixture(scope="module")
def whole(suite: Path) -> Run:
    return run(suite, results=suite.parent / "whole", device="cpu", isolation="inline")


def numbers(done: Run) -> list[Any]:
    return [
        (row.labels, row.status, {k: v and (v.value, v.low, v.high) for k, v in row.estimates.items()})
        for row in done.rows
    ]


@pytest.mark.parametrize("by", ["model", "cell"])
def test_shards_make_the_table_of_the_whole(suite: Path, whole: Run, by: Any) -> None:
    parts = [shard(suite, f"{i}/3", shard_by=by) for i in (1, 2, 3)]
    assert sum(part.n_run for part in parts) == 4
    if by == "model":
        assert [len(part.rows) for part in parts if part.rows] == [3, 3]
        assert [part.exit_code for part in parts] == [0, 0, 0]
        assert any("shard 3/3 has none of the 4 cells" in warning for warning in parts[2].warnings)
    joined, missing = join_shards([part.folder for part in parts], suite.parent / f"joined-{by}")
    assert missing == []
    assert numbers(open_run(joined.path, suite.parent / f"joined-{by}")) == numbers(whole)
    assert joined.about()["provenance"]["shards"] == [part.folder.run_id for part in parts]


def test_a_shard_that_is_missing_is_told(suite: Path) -> None:
    first = shard(suite, "1/3")
    joined, missing = join_shards([first.folder], suite.parent / "partly")
    assert len(missing) == 2
    statuses = {row.labels["model"]: str(row.status) for row in open_run(joined.path, suite.parent / "partly").rows}
    assert statuses == {"digit_linear": "ok", "other": "interrupted"}


def test_of_two_runs_of_a_shard_the_measured_cells_count(suite: Path) -> None:
    first = shard(suite, "1/3")
    broken = RunFolder.create(suite.parent / "broken", "sharded")
    broken.write_plan(first.folder.read_json("whole_plan.json"), WHOLE_PLAN)
    cell = first.plan.cells[0].id
    (broken.path / "cells" / cell).mkdir()
    joined, _ = join_shards([broken, first.folder], suite.parent / "twice")
    assert open_run(joined.path, suite.parent / "twice").row(model="digit_linear", attack="none").status == "ok"


def test_shards_of_different_plans_and_whole_runs_are_refused(suite: Path, whole: Run, tmp_path: Path) -> None:
    first = shard(suite, "1/3")
    with pytest.raises(UsageError, match="is no run of a shard; several runs make one table only if they are shards"):
        join_shards([first.folder, whole.folder], tmp_path)
    other = suite.with_name("other.yaml")
    other.write_text(SUITE.replace("0.1}}", "0.2}}"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"is a shard of another plan than .*: they differ in cells and uses"):
        join_shards([first.folder, shard(other, "2/3").folder], tmp_path)
    assert list(tmp_path.iterdir()) == []
