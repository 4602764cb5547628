"""A lazy table says what the table it stands for says, and reads a column only when it is asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from harness.contract.records import Records
from harness.store.lazy_table import LazyTable

TABLE = pa.table(
    {
        "id": [f"e{i}" for i in range(6)],
        "x": [0.5, None, 2.0, 3.0, 4.0, 5.0],
        "group.sex": ["f", "m", "m", "f", "f", "m"],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(range(12)), 2),
    }
)


@pytest.fixture
def read() -> list[str]:
    return []


@pytest.fixture
def lazy(read: list[str]) -> LazyTable:
    return LazyTable(TABLE.column_names, 6, lambda name: (read.append(name), TABLE.column(name))[1])


def test_columns_are_read_once_and_only_when_asked_for(lazy: LazyTable, read: list[str]) -> None:
    records = Records(lazy)
    assert (len(records), "y" in records, read) == (6, False, [])
    assert records.floats("x")[2] == 2.0
    assert records.without_missing("x")["id"].tolist() == ["e0", "e2", "e3", "e4", "e5"]
    assert [len(part) for part in records.split(np.array([0, 1, 1, 0, 0, 1]), 2)] == [3, 3]
    assert read == ["x", "id"]


def test_rows_are_those_of_the_table(lazy: LazyTable) -> None:
    for rows in ([4, 0, 0], np.array([5, 1]), np.array([], int)):
        assert lazy.take(rows) == TABLE.take(rows)
    for place in ((0, None), (2, 3), (4, 9), (6, None), (9, 1)):
        assert lazy.slice(*place) == TABLE.slice(*place)
    assert lazy.take([4, 2, 0]).slice(1).select(["x", "id"]) == TABLE.take([4, 2, 0]).slice(1).select(["x", "id"])


def test_records_of_it_are_those_of_the_table(lazy: LazyTable) -> None:
    one, two = Records(lazy), Records(TABLE)
    assert one == two
    assert one.where([True, False] * 3) == two.where([True, False] * 3)
    parts = np.array([1, 0, 0, 1, 1, 0])
    assert list(one.split(parts, 2)) == list(two.split(parts, 2))
    assert one.where([False, True] * 3)["vector"].tolist() == [[2, 3], [6, 7], [10, 11]]


def test_all_else_is_that_of_the_whole_table(lazy: LazyTable) -> None:
    assert lazy.to_pylist() == TABLE.to_pylist()
    assert lazy.schema == TABLE.schema
    assert Records(lazy).frame().equals(TABLE.to_pandas())
    with pytest.raises(KeyError, match="no column 'y'"):
        lazy.column("y")
    with pytest.raises(AttributeError):
        lazy.column_of_another_name  # noqa: B018
