"""Checking the records that a task returns and turning them into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.contract.errors import InvalidOutput
from harness.contract.records import Records
from harness.contract.texts import Texts, are_unique_texts
from harness.store.lazy_table import LazyTable
from harness.store.schema import SCHEMA, check_schema

if TYPE_CHECKING:
    import pyarrow as pa


RECORDS = "records.parquet"
_SCHEMA_KEY = b"harness.schema"
_ROWS_PER_GROUP = 2**16


def to_table(columns: Mapping[str, Any]) -> pa.Table:
    """Record columns as an Arrow table.

    Raises:
        InvalidOutput: no `id`, ids that are not unique text, unequal lengths, no rows, or NaN.
    """
    import pyarrow as pa

    if "id" not in columns:
        raise InvalidOutput("the task returned records without the column 'id'")
    arrays = {name: _array(name, values) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    n = lengths["id"]
    uneven = [f"{name} has {length}" for name, length in lengths.items() if length != n]
    if uneven:
        raise InvalidOutput(f"the task returned {n} ids, but {', '.join(uneven)}")
    if n == 0:
        raise InvalidOutput("the task returned no records")
    ids = columns["id"] if isinstance(columns["id"], Texts) else arrays["id"].to_pylist()
    if not are_unique_texts(ids):
        raise InvalidOutput("the ids of the records are not unique text")
    for name, array in arrays.items():
        _check_numbers(name, array, ids)
    return pa.table(arrays, metadata={_SCHEMA_KEY: str(SCHEMA)})


def write_records(folder: Path, table: pa.Table) -> None:
    """Write the records of a cell into its folder, in groups of rows. Raises OSError."""
    import pyarrow.parquet as pq

    pq.write_table(table, folder / RECORDS, row_group_size=_ROWS_PER_GROUP)


@lru_cache(maxsize=32)
def _read(path: Path, mtime_ns: int, size: int) -> LazyTable:
    """Opened once for all metrics, while the file is the same by its time and size."""
    import pyarrow.parquet as pq

    # Not `read_table`, whose import of pyarrow.dataset takes as long as reading a million rows.
    file = pq.ParquetFile(path)
    check_schema(path, int((file.schema_arrow.metadata or {}).get(_SCHEMA_KEY, SCHEMA)))

    def column(name: str) -> pa.ChunkedArray:
        with pq.ParquetFile(path) as again:
            # Of a name before a dot, such as `group`, this reads `group.sex` too.
            return again.read(columns=[name]).column(name)

    with file:
        return LazyTable(file.schema_arrow.names, file.metadata.num_rows, column)


def read_records(folder: Path, protocol: Mapping[str, Any]) -> Records:
    """The records that lie in the folder of a cell. Raises UsageError if another version of harness wrote them."""
    stat = (folder / RECORDS).stat()
    return Records(_read(folder / RECORDS, stat.st_mtime_ns, stat.st_size), protocol, folder)


def _array(name: str, values: Any) -> pa.Array:
    import pyarrow as pa

    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        if isinstance(values, np.ndarray) and values.ndim > 1:
            flat = pa.array(values.reshape(-1))
            return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))
        if isinstance(values, Texts):
            # Stored as text, whether or not it is coded here: the file does not tell how the data were read.
            return pa.chunked_array(pa.array(values)).cast(pa.string())
        return pa.array(values, from_pandas=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidOutput(f"record column {name!r} cannot be stored: {error}") from error


def _check_numbers(name: str, array: pa.Array, ids: Sequence[str]) -> None:
    import pyarrow as pa

    flat = array.flatten() if pa.types.is_fixed_size_list(array.type) else array
    if not pa.types.is_floating(flat.type):
        return
    wrong = np.isnan(flat.to_numpy(zero_copy_only=False)) & np.asarray(flat.is_valid())
    if wrong.any():
        first = ids[int(np.flatnonzero(wrong)[0]) // max(1, len(flat) // len(array))]
        raise InvalidOutput(f"record column {name!r} has NaN in {int(wrong.sum())} places, first for example {first!r}")
