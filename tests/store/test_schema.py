"""Files of another version are refused, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.contract.errors import UsageError
from harness.contract.rows import Status
from harness.store.cell_result import CellResult
from harness.store.records import read_records, to_table
from harness.store.run_folder import RunFolder
from harness.store.schema import SCHEMA, check_schema

NEWER = f"its schema is {SCHEMA + 1}, and this version reads {SCHEMA}; update harness, or read the tables"


@pytest.mark.parametrize("schema", [1, 0, None, "2", SCHEMA + 1])
def test_another_version_is_refused(schema: Any) -> None:
    with pytest.raises(UsageError) as told:
        check_schema(Path("run.json"), schema)
    assert f"run.json was written by another version of harness: its schema is {schema}" in str(told.value)
    assert ("update harness" in str(told.value)) == (schema == SCHEMA + 1)


def test_a_reader_may_take_older_files() -> None:
    check_schema(Path("run.json"), 0, oldest=0)
    check_schema(Path("run.json"), SCHEMA)
    with pytest.raises(UsageError, match="update harness"):
        check_schema(Path("run.json"), SCHEMA + 1, oldest=0)


def test_every_file_of_a_run_says_its_schema(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "tiny")
    folder.write_about({"suite": "tiny"})
    folder.write_plan({"cells": []})
    CellResult(Status.OK, n=1).write(folder.path)
    for name in ("run.json", "plan.json", "result.json"):
        path = folder.path / name
        raw = json.loads(path.read_text())
        assert raw["schema"] == SCHEMA
        path.write_text(json.dumps({**raw, "schema": SCHEMA + 1}))
    with pytest.raises(UsageError, match=rf"result.json was .* {NEWER}"):
        CellResult.read(folder.path)
    with pytest.raises(UsageError, match=rf"run.json was .* {NEWER}"):
        folder.about()
    folder.write_about({"suite": "tiny"})
    with pytest.raises(UsageError, match=rf"plan.json was .* {NEWER}"):
        folder.plan()


def test_records_say_their_schema(tmp_path: Path) -> None:
    table = to_table({"id": ["a"], "x": [1.0]})
    path = tmp_path / "records.parquet"
    pq.write_table(table, path)
    assert pq.read_schema(path).metadata[b"harness.schema"] == str(SCHEMA).encode()
    assert read_records(tmp_path, {})["x"].tolist() == [1.0]
    pq.write_table(table.replace_schema_metadata({b"harness.schema": str(SCHEMA + 1)}), path)
    with pytest.raises(UsageError, match=rf"records.parquet was .* {NEWER}"):
        read_records(tmp_path, {})
    pq.write_table(table.replace_schema_metadata(None), path)
    assert read_records(tmp_path, {})["x"].tolist() == [1.0], "version 2 did not say so at first"
