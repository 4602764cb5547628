"""Entries and runs go to a shared store and come back; what is damaged there is told, or replaced."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.contract.errors import UsageError
from harness.store.exchange import pull_entries, pull_run, push_entries, push_run, verify_entries
from harness.store.run_folder import RunFolder
from harness.store.store import Store
from store.shared_stores import put_cell, put_weights, shared


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "one" / "store")


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "two" / "store")


def test_all_goes_there_and_back_once(store: Store, other: Store, tmp_path: Path) -> None:
    remote = shared(tmp_path / "shared")
    keys = {put_cell(store, number) for number in range(20)} | {put_weights(store, 1)}
    assert {moved.key for moved in push_entries(store, remote) if moved.outcome == "pushed"} == keys
    assert Counter(moved.outcome for moved in push_entries(store, remote)) == {"there": 21}
    assert {moved.key for moved in pull_entries(other, remote) if moved.outcome == "pulled"} == keys
    assert Counter(moved.outcome for moved in pull_entries(other, remote)) == {"there": 21}


def test_a_damaged_entry_here_is_not_pushed(store: Store, tmp_path: Path) -> None:
    key = put_cell(store, 1)
    (store.folder("cells", key) / "records.parquet").write_bytes(b"flipped")
    assert [moved.outcome for moved in push_entries(store, shared(tmp_path / "shared"))] == ["absent"]


def test_damage_there_is_told_and_replaced_by_who_has_it_whole(store: Store, other: Store, tmp_path: Path) -> None:
    remote = shared(tmp_path / "shared")
    key, whole = put_cell(store, 1), put_cell(store, 2)
    list(push_entries(store, remote))
    (tmp_path / "shared" / "cells" / key[:2] / f"{key}.tar.gz").write_bytes(b"damaged")
    assert {moved.key: moved.outcome for moved in pull_entries(other, remote)} == {key: "damaged", whole: "pulled"}
    assert {moved.key: moved.outcome for moved in verify_entries(other, remote)} == {key: "damaged", whole: "there"}
    assert {moved.key: moved.outcome for moved in verify_entries(store, remote)} == {key: "replaced", whole: "there"}
    assert {moved.key: moved.outcome for moved in pull_entries(other, remote)} == {key: "pulled", whole: "there"}


def run_of(store: Store) -> RunFolder:
    """A run with a cell of its own and one that it has reused."""
    run = RunFolder.create(store.root.parent, "coins")
    run.write_about({"suite": "coins"})
    own, reused = store.folder("cells", put_cell(store, 1)), store.folder("cells", put_cell(store, 2))
    run.take_cell("own", own)
    run.reuse_cell("reused", reused, "coins/earlier")
    return run


def test_a_run_comes_back_with_the_cells_that_it_has_reused(store: Store, other: Store, tmp_path: Path) -> None:
    run, remote = run_of(store), shared(tmp_path / "shared")
    name = f"coins/{run.run_id}"
    assert [(moved.kind, moved.outcome) for moved in push_run(run, store, remote)] == [
        ("cells", "pushed"),
        ("runs", "pushed"),
    ]
    moves = list(pull_run(name, tmp_path / "two", other, remote))
    assert [(moved.kind, moved.outcome) for moved in moves] == [("runs", "pulled"), ("cells", "pulled")]
    pulled = RunFolder.find(name, tmp_path / "two")
    assert pulled.about() == run.about()
    for cell in ("own", "reused"):
        assert (pulled.cell(cell) / "records.parquet").read_bytes() == b"records"
    assert not (pulled.path / "manifest.json").exists()
    moves = list(pull_run(name, tmp_path / "two", other, remote))
    assert [moved.outcome for moved in moves] == ["there", "there"]


def test_a_run_that_is_absent_or_damaged_leaves_nothing(store: Store, other: Store, tmp_path: Path) -> None:
    run, remote = run_of(store), shared(tmp_path / "shared")
    name = f"coins/{run.run_id}"
    with pytest.raises(UsageError, match="there is no run"):
        list(pull_run(name, tmp_path / "two", other, remote))
    list(push_run(run, store, remote))
    path = tmp_path / "shared" / "runs" / f"{name}.tar.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="is not believed"):
        list(pull_run(name, tmp_path / "two", other, remote))
    assert not (tmp_path / "two" / "coins" / run.run_id).exists()
