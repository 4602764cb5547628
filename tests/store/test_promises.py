"""What a finished cell promises is checked before it is kept, and entries that no reader can use are found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contract.rows import Status
from harness.coordinator.commit import find_reusable
from harness.store.cell_result import CellResult
from harness.store.garbage import damaged
from harness.store.promises import broken_promise, kept
from harness.store.records import RECORDS
from harness.store.store import Store

KEY = "ab" * 32
PROTOCOL = {"task": {}, "data": {}, "protocol": {"eps": 0.1}}
GOOD = CellResult(Status.OK, n=3, comparability=PROTOCOL, cost={"passes": 2.0}, weights=[], attempts=[])


def folder_of(folder: Path, records: bytes | None = b"PAR1 and so on PAR1") -> Path:
    folder.mkdir(exist_ok=True)
    if records is not None:
        (folder / RECORDS).write_bytes(records)
    return folder


def test_what_is_as_promised_stays(tmp_path: Path) -> None:
    assert kept(GOOD, folder_of(tmp_path)) == GOOD


@pytest.mark.parametrize(
    ("changes", "records", "reason"),
    [
        ({}, None, "it left no records.parquet"),
        ({}, b"", "its records.parquet is no Parquet file"),
        ({}, b"PAR1 half", "its records.parquet is no Parquet file"),
        ({"n": None}, b"PAR1PAR1", "it was measured, but says nothing of records"),
        ({"comparability": {"protocol": {"name": "caf\udce9"}}}, b"PAR1PAR1", "it returned text that no file can hold"),
        ({"comparability": {"protocol": {"caf\udce9": 1}}}, b"PAR1PAR1", "it returned text that no file can hold"),
        ({"cost": {"effort": "much"}}, b"PAR1PAR1", 'the result: cost: effort is "much", not int or float'),
        (
            {"facts": {"model": json.loads("[" * 50 + "]" * 50)}},
            b"PAR1PAR1",
            "the result: facts: model is nested deeper",
        ),
    ],
)
def test_what_is_not_is_invalid(changes: dict[str, Any], records: bytes | None, reason: str, tmp_path: Path) -> None:
    result = kept(replace(GOOD, **changes), folder_of(tmp_path, records))
    assert result.status is Status.INVALID
    assert result.reason.startswith(reason)
    assert result.n is None
    assert result.reason.encode()


def test_records_that_another_process_takes_away_meanwhile_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path, *_arguments: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    GOOD.write(folder_of(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", gone)
        assert kept(GOOD, tmp_path).reason == "its records.parquet cannot be read: No such file or directory"
    assert broken_promise(tmp_path) == ""


def test_reasons_can_be_written(tmp_path: Path) -> None:
    failed = CellResult(Status.FAILED, "no file caf\udce9.txt", traceback="caf\udce9")
    result = kept(failed, folder_of(tmp_path, None))
    assert (result.status, result.reason, result.traceback) == (Status.FAILED, "no file caf\\udce9.txt", "caf\\udce9")


def put(store: Store, result: CellResult, records: bytes | None) -> None:
    with store.stage() as staged:
        result.write(folder_of(staged, records))
        store.commit("cells", KEY, staged)


@pytest.mark.parametrize(
    ("result", "records"),
    [
        (GOOD, None),
        (replace(GOOD, comparability={"protocol": {"name": "caf\udce9"}}), b"PAR1PAR1"),
        (replace(GOOD, cost={"effort": "much"}), b"PAR1PAR1"),  # type: ignore[dict-item]
    ],
)
def test_an_entry_that_no_reader_can_use_is_found_and_made_again(
    result: CellResult, records: bytes | None, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    put(store, result, records)
    assert list(damaged(store)) == [("cells", KEY)]
    put(store, result, records)
    assert find_reusable(store, KEY) is None
    put(store, GOOD, b"PAR1PAR1")
    found = find_reusable(store, KEY)
    assert found is not None
    assert broken_promise(found[0]) == ""
    assert list(damaged(store)) == []
