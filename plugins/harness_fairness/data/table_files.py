"""Reading a table of text or Parquet as columns, with the line of every mistake."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import InvalidOutput, MissingData

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """A table read from a file, column by column.

    Attributes:
        name: the name of the file, for messages.
        columns: name to values; text, or what a Parquet file holds; None where a value is missing.
        n: the number of rows.
        first_line: the line of the file on which the first row stands.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    n: int
    first_line: int = 2

    def column(self, name: str, role: str) -> Sequence[Any]:
        """A column. Raises InvalidOutput, with the closest name, where there is none."""
        if name not in self.columns:
            names = list(self.columns)
            close = difflib.get_close_matches(name, names, 1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}"
            raise InvalidOutput(f"{self.name} has no column {name!r} for {role}; {hint}")
        return self.columns[name]

    def where(self, row: int) -> str:
        """The name of a row in a message: its line or its number."""
        return f"line {row + self.first_line}" if self.first_line else f"row {row + 1}"

    def numbers(self, name: str, role: str) -> list[float | None]:
        """A column as numbers, None where missing. Raises InvalidOutput for what is no number."""
        numbers: list[float | None] = []
        for i, value in enumerate(self.column(name, role)):
            try:
                numbers.append(None if value is None else float(value))
            except (TypeError, ValueError):
                raise InvalidOutput(
                    f"{self.name}, {self.where(i)}: column {name!r} for {role} holds {value!r}, not a number"
                ) from None
        return numbers


def read_table(path: Path, separator: str | None = None) -> Table:
    """Read a .csv, .tsv, .txt (tabs) or .parquet file; values lose spaces around them, empty ones are missing.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it is no such table: unequal rows, two columns of one name, no rows.
    """
    if not path.is_file():
        raise MissingData(f"{path} is not there; `path:` must name a table (.csv, .tsv, .txt or .parquet)")
    if path.suffix in _PARQUET:
        return _parquet(path)
    separator = separator or _SEPARATORS.get(path.suffix)
    if separator is None:
        raise InvalidOutput(f"{path.name}: what separates its values? Name it with `separator:`")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidOutput(f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    return parse_table(text, path.name, separator)


def parse_table(text: str, name: str, separator: str = ",") -> Table:
    """A table with a header, of text. Raises InvalidOutput."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    header = [cell.strip() for cell in next(reader, [])]
    if not header:
        raise InvalidOutput(f"{name} is empty")
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise InvalidOutput(f"{name} has two columns {twice[0]!r}")
    rows: list[list[str | None]] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        extra = [cell for cell in row[len(header) :] if cell.strip()]
        if extra or len(row) < len(header):
            raise InvalidOutput(
                f"{name}, line {reader.line_num}: {len(row)} values for {len(header)} columns; is {separator!r} what "
                "separates them?"
            )
        rows.append([cell.strip() or None for cell in row[: len(header)]])
    if not rows:
        raise InvalidOutput(f"{name} has a header and no rows")
    return Table(name, dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)), len(rows))


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidOutput(f"{path.name} cannot be read as Parquet: {error}") from error
    if not table.num_rows:
        raise InvalidOutput(f"{path.name} has no rows")
    columns = {name: [_stripped(value) for value in table.column(name).to_pylist()] for name in table.column_names}
    return Table(path.name, columns, table.num_rows, first_line=0)


def _stripped(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    return None if isinstance(value, float) and value != value else value
