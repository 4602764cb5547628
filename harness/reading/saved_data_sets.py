"""Data sets as the Hugging Face libraries keep them: saved on disk (Arrow), or as a folder of Parquet files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contract.errors import InvalidOutput, MissingData
from harness.reading.table import ArrowColumns, Table
from harness.reading.unpacked_size import check_parquet

_STATE, _INFO, _DICT = "state.json", "dataset_info.json", "dataset_dict.json"
_KEY = b"huggingface"


@dataclass(frozen=True)
class SavedDataSet:
    """A part of a data set.

    Attributes:
        table: its rows.
        classes: the names of the classes of each column that has such, in order.
        images: the columns of encoded images.
    """

    table: Table
    classes: Mapping[str, Sequence[str]]
    images: Sequence[str]


def read_saved_data_set(folder: Path, part: str | None = None, name: str | None = None) -> SavedDataSet:
    """Read what `save_to_disk` of the library `datasets` wrote, or a folder of Parquet files as the hub has them.

    Args:
        folder: that was written.
        part: such as train or test, where it holds several.
        name: of the data set in messages; by default that of the folder.

    Raises:
        MissingData: there is no such folder, or nothing of a data set in it.
        InvalidOutput: it is damaged, the part is not among those that there are, or none is said of several.
    """
    if not folder.is_dir():
        raise MissingData(f"{folder} is no folder; name one that `save_to_disk` wrote, or one of Parquet files")
    name = name or folder.name
    if (folder / _DICT).is_file():
        parts = [str(each) for each in _json(folder / _DICT).get("splits", [])]
        return _saved(folder / _chosen(part, parts, name), name)
    if (folder / _STATE).is_file():
        if part is not None:
            raise InvalidOutput(f"{name} is one part of a data set; leave `part:` out")
        return _saved(folder, name)
    return _of_parquet(folder, part, name)


def _chosen(part: str | None, parts: Sequence[str], name: str) -> str:
    if part is None and len(parts) == 1:
        return parts[0]
    if part is None or part not in parts:
        problem = "holds several parts" if part is None else f"holds no part {part!r}"
        raise InvalidOutput(f"{name} {problem}; say `part:`, which may be {', '.join(parts) or 'none'}")
    return part


def _saved(folder: Path, name: str) -> SavedDataSet:
    state = _json(folder / _STATE)
    if state.get("_indices_data_files"):
        raise InvalidOutput(
            f"{name} was saved with an order of its own; call `flatten_indices()` before `save_to_disk`"
        )
    files = [folder / str(each["filename"]) for each in state.get("_data_files", [])]
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        raise MissingData(f"{folder} lacks {', '.join(absent) or 'its .arrow files'}, which {_STATE} names")
    columns = _json(folder / _INFO).get("features") or {}
    return _joined([_arrow(file) for file in files], columns, name)


def _of_parquet(folder: Path, part: str | None, name: str) -> SavedDataSet:
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise MissingData(f"{folder} holds neither {_DICT} or {_STATE} of a saved data set, nor Parquet files")
    parts = {file: _part_of(file.relative_to(folder)) for file in files}
    chosen = _chosen(part, sorted(set(parts.values())), name)
    tables = [_parquet(file) for file in files if parts[file] == chosen]
    return _joined(tables, _columns_told(tables[0]), name)


def _part_of(file: Path) -> str:
    """The part of `data/train-00000-of-00002.parquet` or `default/train/0000.parquet`, which is train."""
    stem = file.stem.partition("-")[0]
    return file.parent.name if stem.isdecimal() and file.parent.name else stem


def _joined(tables: Sequence[Any], columns: Mapping[str, Any], name: str) -> SavedDataSet:
    import pyarrow as pa

    try:
        table = pa.concat_tables(tables)
    except pa.ArrowInvalid as error:
        raise InvalidOutput(f"{name}: its files have different columns: {str(error).partition(chr(10))[0]}") from None
    if not table.num_rows:
        raise InvalidOutput(f"{name} has no rows")
    arrays = dict(enumerate(table.columns))
    kinds = {column: about for column, about in columns.items() if isinstance(about, dict)}
    return SavedDataSet(
        Table(name, table.column_names, table.num_rows, ArrowColumns(arrays, lambda row: f"row {row + 1}")),
        {column: about["names"] for column, about in kinds.items() if about.get("_type") == "ClassLabel"},
        [column for column, about in kinds.items() if about.get("_type") == "Image"],
    )


def _arrow(file: Path) -> Any:
    import pyarrow as pa

    try:
        with pa.memory_map(str(file)) as source:
            return pa.ipc.open_stream(source).read_all()
    except (pa.ArrowException, OSError) as error:
        raise InvalidOutput(f"{file.name} cannot be read as Arrow: {error}") from None


def _parquet(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_parquet(file.name, file, file.stat().st_size)
        # Of a folder named `split=train` pyarrow would make a column.
        return pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise InvalidOutput(f"{file.name} cannot be read as Parquet: {error}") from None


def _columns_told(table: Any) -> Mapping[str, Any]:
    """What the library wrote into the head of a Parquet file about its columns."""
    try:
        told = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
        features: Mapping[str, Any] = told["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return features


def _json(file: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidOutput(f"{file} cannot be read: {error}") from error
    return read
