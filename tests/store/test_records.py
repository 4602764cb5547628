"""Records are checked when a task returns them, and read without losing what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from harness.contract.errors import InvalidOutput
from harness.contract.records import Records
from harness.contract.texts import Texts
from harness.store.records import RECORDS, read_records, to_table, write_records


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"x": [1]}, "without the column 'id'"),
        ({"id": []}, "no records"),
        ({"id": ["a", "a"]}, "not unique text"),
        ({"id": [1, 2]}, "not unique text"),
        ({"id": ["a", None]}, "not unique text"),
        ({"id": ["a", "b"], "x": [1]}, "returned 2 ids, but x has 1"),
        ({"id": ["a", "b"], "x": [1.0, float("nan")]}, "record column 'x' has NaN in 1 places, first for example 'b'"),
        ({"id": ["a", "b"], "x": np.array([[1.0, 2.0], [3.0, np.nan]])}, "NaN in 1 places, first for example 'b'"),
        ({"id": ["a", "b"], "x": torch.tensor([float("nan"), 1.0])}, "first for example 'a'"),
        ({"id": ["a", "b"], "x": [1, "two"]}, "record column 'x' cannot be stored"),
        ({"id": ["a"], "x": [object()]}, "record column 'x' cannot be stored"),
    ],
)
def test_what_breaks_the_rules_is_invalid(columns: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        to_table(columns)


def test_missing_and_infinite_values_are_allowed() -> None:
    table = to_table({"id": ["a", "b"], "x": [None, 1.0], "y": [float("inf"), 0.0]})
    assert table.column("x").null_count == 1


def test_columns_round_trip() -> None:
    records = Records(
        to_table(
            {
                "id": ["a", "b"],
                "flag": [True, False],
                "count": np.array([1, 2]),
                "real": torch.tensor([0.5, 1.5]),
                "vector": np.arange(6.0).reshape(2, 3),
                "word": ["x", None],
            }
        )
    )
    assert records["flag"].tolist() == [True, False]
    assert records["count"].dtype == np.int64
    assert records["real"].tolist() == [0.5, 1.5]
    assert records["vector"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert records.frame()["word"].isna().tolist() == [False, True]


def test_missing_values_must_be_dealt_with() -> None:
    records = Records.of({"id": ["a", "b", "c"], "x": [1.0, None, 3.0], "y": [None, None, 1.0], "z": [None] * 3})
    with pytest.raises(ValueError, match="column 'x' misses 1 of 3 values"):
        records["x"]
    known = records.without_missing("x")
    assert known["x"].tolist() == [1.0, 3.0]
    assert known.n_missing == 1
    assert records.without_missing("x", "y").n_missing == 2
    assert known.where(known["x"] > 2).n_missing == 1
    with pytest.raises(KeyError, match="no column 'q'; they have id, x"):
        records["q"]
    assert "x" in records
    assert "z" not in records


def test_vectors_survive_selection() -> None:
    records = Records(to_table({"id": ["a", "b", "c"], "v": np.arange(6.0).reshape(3, 2)}))
    assert records.where([False, True, True])["v"].tolist() == [[2, 3], [4, 5]]
    joined = Records(pa.concat_tables([records.table, records.table]))
    assert joined["v"].shape == (6, 2)


def test_arrays_with_a_row_per_record_follow_the_records(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    np.save(tmp_path / "artifacts" / "logits.npy", np.arange(8.0).reshape(4, 2))
    np.save(tmp_path / "artifacts" / "reference.npy", np.arange(3))
    whole = Records(to_table({"id": list("abcd"), "x": [1.0, None, 3.0, 4.0]}), folder=tmp_path)
    some = whole.where([True, True, False, True])
    assert some.artifact("logits")[:, 0].tolist() == [0, 2, 6]
    assert some.where([False, True, True]).artifact("logits")[:, 0].tolist() == [2, 6]
    assert some.without_missing("x").artifact("logits")[:, 0].tolist() == [0, 6]
    assert whole.artifact("reference").tolist() == [0, 1, 2]
    with pytest.raises(KeyError, match="the array 'reference' has no row for each record"):
        some.artifact("reference")


def test_artifacts(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    np.save(tmp_path / "artifacts" / "x.npy", np.arange(3))
    records = Records(to_table({"id": ["a"]}), folder=tmp_path)
    assert records.artifact("x").tolist() == [0, 1, 2]
    with pytest.raises(KeyError, match="left no array 'y'"):
        records.artifact("y")


def test_a_stored_cell_is_read_column_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = to_table({"id": ["a", "b"], "group": ["x", "y"], "group.sex": ["m", None], "vector": np.eye(2)})
    write_records(tmp_path, table)
    read: list[str] = []
    real = pq.ParquetFile.read
    monkeypatch.setattr(
        pq.ParquetFile, "read", lambda self, columns: (read.extend(columns), real(self, columns=columns))[1]
    )
    records = read_records(tmp_path, {})
    assert (len(records), records.table.column_names, read) == (2, table.column_names, [])
    assert records["group"].tolist() == ["x", "y"]
    assert read == ["group"]
    assert read_records(tmp_path, {})["vector"].tolist() == [[1, 0], [0, 1]]
    assert read_records(tmp_path, {})["group"].tolist() == ["x", "y"]
    assert read == ["group", "vector"]
    assert records.table == table


def test_records_are_written_in_groups_of_rows(tmp_path: Path) -> None:
    n = 2**17 + 5
    write_records(tmp_path, to_table({"id": Texts.numbered("row-", n, 7), "x": np.arange(n)}))
    metadata = pq.ParquetFile(tmp_path / RECORDS).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2**16, 2**16, 5]
    assert int(read_records(tmp_path, {})["x"].sum()) == n * (n - 1) // 2
