"""A finished cell is kept once, and given back as long as its weights are the stored ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.contract.cells import Cell, Use, canonical
from harness.contract.rows import Status
from harness.coordinator.commit import commit_cell, find_reusable
from harness.execution.executor import Job
from harness.store.cell_result import CellResult
from harness.store.keys import key_of
from harness.store.run_folder import RunFolder
from harness.store.store import Store

CELL = Cell("tiny", Use("task", "fields/act", "act", 1, {}), {})
INPUTS = {"what": "decides"}
KEY = key_of(INPUTS)
RECORDS = b"PAR1 records PAR1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "tiny")


def commit(store: Store, folder: RunFolder, result: CellResult) -> Path:
    job = Job(CELL, store.open_stage(), 8)
    (job.folder / "records.parquet").write_bytes(RECORDS)
    commit_cell(store, folder, job, result, INPUTS)
    assert not job.folder.exists()
    return folder.cell(CELL.id)


def test_a_measured_cell_is_in_the_store_and_in_the_run(store: Store, folder: RunFolder) -> None:
    result = CellResult(Status.OK, n=3, run="tiny/1", weights=[], attempts=[])
    kept = commit(store, folder, result)
    assert (kept / "records.parquet").read_bytes() == RECORDS
    assert json.loads((kept / "manifest.json").read_text())["inputs"] == INPUTS
    assert CellResult.read(kept) == result
    assert find_reusable(store, KEY) == (store.folder("cells", KEY), result)


@pytest.mark.parametrize("status", [status for status in Status if not status.is_measured])
def test_a_cell_that_was_not_measured_is_in_the_run_alone(store: Store, folder: RunFolder, status: Status) -> None:
    result = CellResult(status, "a reason", weights=[], attempts=[])
    kept = commit(store, folder, result)
    assert CellResult.read(kept) == result
    assert (kept / "key.json").read_text() == canonical(INPUTS)
    assert find_reusable(store, KEY) is None


def test_a_cell_is_reused_while_its_weights_are_the_stored_ones(store: Store, folder: RunFolder) -> None:
    commit(store, folder, CellResult(Status.OK, n=3, weights=[{"key": "w", "digest": "one"}]))
    assert find_reusable(store, KEY) is not None, "weights that were cleaned away say nothing"
    weights = store.folder("weights", "w")
    weights.mkdir(parents=True)
    (weights / "about.json").write_text(json.dumps({"digest": "one"}))
    assert find_reusable(store, KEY) is not None
    (weights / "about.json").write_text(json.dumps({"digest": "another"}))
    assert find_reusable(store, KEY) is None
    assert not store.folder("cells", KEY).exists(), "the next result would not be kept, since the first stays"
