"""Reading a table by the kind that the name of its file tells: separated text, Parquet, or JSON."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from harness.contract.errors import InvalidOutput, MissingData
from harness.reading.encodings import UTF8, as_utf8
from harness.reading.json_rows import JsonRows, json_lines, json_list
from harness.reading.numbers import DECIMALS
from harness.reading.separated import Separated
from harness.reading.signatures import fault_of
from harness.reading.spelling import seen
from harness.reading.table import ArrowColumns, Table
from harness.reading.unpacked_size import check_parquet, gunzipped

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
_PARQUET = (".parquet", ".pq")
_JSON: dict[str, Callable[[str, bytes], JsonRows]] = {".jsonl": json_lines, ".ndjson": json_lines, ".json": json_list}
TABLE_SUFFIXES = (*_SEPARATORS, *_PARQUET, *_JSON)
_GZIP_MAGIC, _LOOKED_AT = b"\x1f\x8b", 256


def read_table(
    path: Path,
    separator: str | None = None,
    columns: Collection[str] | None = None,
    decimal: str = ".",
    header: Sequence[str] | None = None,
    encoding: str = UTF8,
) -> Table:
    """Read a table of a file: .csv, .tsv, .tab, .txt, .parquet, .pq, .jsonl, .ndjson or .json, gzipped or not.

    Args:
        path: the file. A text begins with the names of its columns; a .json file is a list of objects.
        separator: between the values of a text, one character or `whitespace` for runs of spaces; by default a comma
            for .csv, a tab else, or what Excel's first line `sep=;` names. A file of another ending is separated text
            where it is given.
        columns: the columns that will be used; others need not be loaded.
        decimal: the decimal sign of numbers written as text, "." or ",".
        header: the names of the columns of a text that has no line of names, as many files of UCI.
        encoding: of a text, such as windows-1252 or utf-16; none is guessed.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it is no such table: unequal rows, no rows, of another encoding, damaged.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise MissingData(f"{path} {what}; `path:` must name a table ({', '.join(TABLE_SUFFIXES)})")
    if _ending(path.name) in _PARQUET and separator is None:
        _refuse_for_text(path.name, header, encoding)
        return _parquet(path, columns)
    return parse_table(unpacked_content(path), path.name, separator, columns, decimal, header, encoding)


def parse_table(
    content: bytes,
    name: str,
    separator: str | None = None,
    columns: Collection[str] | None = None,
    decimal: str = ".",
    header: Sequence[str] | None = None,
    encoding: str = UTF8,
) -> Table:
    """The table that the content of a file is, by the name of the file. Arguments and errors as of `read_table`."""
    if decimal not in DECIMALS:
        raise InvalidOutput(f"the decimal sign is '.' or ',', not {decimal!r}")
    ending = _ending(name)
    if separator is not None and ending in (*_JSON, *_PARQUET):
        raise InvalidOutput(f"{name} ends in {ending}; `separator:` is for separated text, leave it out")
    content = as_utf8(content, name, encoding)
    fault = fault_of(content[:_LOOKED_AT], is_json=separator is None and ending in _JSON)
    if fault:
        raise InvalidOutput(f"{name} {fault}")
    if separator is None and ending in _JSON:
        _refuse_for_text(name, header, UTF8)
        rows = _JSON[ending](name, content)
        return Table(name, rows.header, len(rows.objects), rows)
    if separator is None and ending not in _SEPARATORS:
        raise InvalidOutput(
            f"{name}: what separates its values? Say `separator: ','`, `separator: whitespace` for runs of spaces, or "
            "what else it is"
        )
    if header is not None and not header:
        raise InvalidOutput(f"{name}: `header:` names no column; name them all, or leave it out")
    file = Separated.of(name, content, separator, _SEPARATORS.get(ending, ","), header)
    names = file.header()
    arrays = file.columns(_used(names, columns) or [0])
    n = len(next(iter(arrays.values())))
    return Table(name, names, n, ArrowColumns(arrays, lambda row: f"line {file.line_of(row)}"), decimal)


def _refuse_for_text(name: str, header: Sequence[str] | None, encoding: str) -> None:
    if encoding != UTF8:
        raise InvalidOutput(f"{name} says itself how its texts are encoded; `encoding:` is for text files")
    if header is not None:
        raise InvalidOutput(f"{name} names its columns itself; `header:` is for separated text without a line of names")


def _ending(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _used(header: Sequence[str], columns: Collection[str] | None) -> list[int]:
    wanted = set() if columns is None else {seen(name) for name in columns}
    return [i for i, name in enumerate(header) if columns is None or seen(name) in wanted]


def unpacked_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if its first ones say that it is gzipped.

    Raises:
        InvalidOutput: it is damaged, or unpacks to far more than it holds.
    """
    content = path.read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gunzipped(path.name, content)
    except (EOFError, zlib.error) as error:
        raise InvalidOutput(f"{path.name} is a damaged gzip file: {error}") from None


def _parquet(path: Path, columns: Collection[str] | None) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == _GZIP_MAGIC
        source = pa.BufferReader(unpacked_content(path)) if packed else path
        check_parquet(path.name, source, path.stat().st_size, columns)
        file = pq.ParquetFile(source)
        header = file.schema_arrow.names
        used = _used(header, columns)
        # Names may stand twice, or be those of a field of a nested column; pyarrow then takes both.
        table = file.read(columns=[header[i] for i in used] if columns is not None else None)
    except (pa.ArrowException, OSError) as error:
        raise InvalidOutput(f"{path.name} cannot be read as Parquet: {error}") from None
    if not file.metadata.num_rows:
        raise InvalidOutput(f"{path.name} has no rows")
    taken = [table.columns[i] for i in _used(table.column_names, columns)]
    arrays = dict(zip(used, taken, strict=True))
    return Table(path.name, header, table.num_rows, ArrowColumns(arrays, lambda row: f"row {row + 1}"))
