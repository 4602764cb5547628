"""Separated text (CSV, TSV) as columns of text."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.reading.cells import Opening, Record, UnbalancedQuote, are_plain, records

_SEPARATORS = (",", ";", "\t", "|")
_MIN_BLOCK, _MAX_BLOCK = 1 << 20, (1 << 31) - 1


@dataclass(frozen=True)
class Separated:
    """A file of separated text, its first row the names of the columns.

    Attributes:
        name: the name of the file, for messages.
        content: all its bytes, unpacked.
        separator: the character between values.
    """

    name: str
    content: bytes
    separator: str

    @classmethod
    def of(cls, name: str, content: bytes, separator: str | None, default: str) -> Separated:
        """The file with the separator that is declared, that its line `sep=;` names, or that its kind has.

        Raises:
            InvalidOutput: the file is empty or UTF-16, the separator is no single character, or another one parts the
                header where nothing is declared.
        """
        if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:2]:
            raise InvalidOutput(f'{name} is UTF-16 text; save it as UTF-8, in Excel as "CSV UTF-8"')
        named = Opening.of(content).separator
        chosen = separator or (named.decode("latin-1") if named else default)
        # As YAML writes a tab in single quotes.
        chosen = "\t" if chosen == r"\t" else chosen
        if len(chosen) != 1 or not chosen.isascii() or chosen in '"\r\n':
            raise InvalidOutput(f"{name}: the separator {chosen!r} must be one character, such as ',', ';' or a tab")
        file = cls(name, content, chosen)
        if separator is None and file._width() <= 1:
            others = [other for other in _SEPARATORS if cls(name, content, other)._width() > 1]
            if others:
                line = _first_line(content)
                raise InvalidOutput(
                    f"{name}: its header {line[:60]!r} is one column if {chosen!r} separates values; it seems to "
                    f"be {others[0]!r}: say `separator: {others[0]!r}`"
                )
        return file

    def _width(self) -> int:
        """The number of columns, 0 where the header has none because quotes are unbalanced or there is no row."""
        try:
            return len(next(records(self.content, self.separator.encode())).cells)
        except (UnbalancedQuote, StopIteration):
            return 0

    def header(self) -> Sequence[str]:
        """The names of the columns. Raises InvalidOutput if there is no row at all."""
        record = self._first()
        return [self._text(cell, record.line).strip() for cell in record.cells]

    def columns(self, chosen: Collection[int]) -> dict[int, Any]:
        """The columns at these positions, as chunked arrays of text.

        Raises:
            InvalidOutput: rows of another number of values, no rows, text that is not UTF-8, unbalanced quotes.
        """
        header = self._first()
        columns = self._parsed(header, chosen)
        return self._scanned(len(header.cells), chosen) if columns is None else columns

    def line_of(self, row: int) -> int:
        """The line on which a row begins; lines are counted from 1, rows from 0."""
        rows = records(self.content, self.separator.encode())
        return next(record.line for number, record in enumerate(rows, start=-1) if number == row)

    def _first(self) -> Record:
        try:
            header = next(records(self.content, self.separator.encode()), None)
        except UnbalancedQuote as error:
            raise self._unbalanced(error) from None
        if header is None:
            raise InvalidOutput(f"{self.name} is empty")
        return header

    def _parsed(self, header: Record, chosen: Collection[int]) -> dict[int, Any] | None:
        """The columns that pyarrow reads; None where it finds fault, which a scan can name with its line."""
        import pyarrow as pa
        import pyarrow.csv

        content, width = pa.py_buffer(self.content).slice(header.end), len(header.cells)
        block = _MIN_BLOCK
        if not are_plain(self.content, header.end, self.separator.encode()):
            return None
        while True:
            try:
                table = pyarrow.csv.read_csv(
                    content,
                    pyarrow.csv.ReadOptions(column_names=[str(i) for i in range(width)], block_size=block),
                    pyarrow.csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
                    pyarrow.csv.ConvertOptions(
                        column_types={str(i): pa.string() for i in range(width)},
                        include_columns=[str(i) for i in chosen],
                    ),
                )
                return {i: table.column(str(i)) for i in chosen} if table.num_rows else None
            except pa.ArrowInvalid as error:
                # A row longer than a block: the length of a text has no limit.
                if "straddling" not in str(error) or block > len(self.content) or block == _MAX_BLOCK:
                    return None
                block = min(8 * block, _MAX_BLOCK)

    def _scanned(self, width: int, chosen: Collection[int]) -> dict[int, Any]:
        """The columns read row by row, which takes ten times as long and knows the line of every fault."""
        import pyarrow as pa

        texts: dict[int, list[str]] = {position: [] for position in chosen}
        rows = records(self.content, self.separator.encode())
        next(rows)
        try:
            for row in rows:
                # Some programs end a row with a separator too many.
                if len(row.cells) < width or any(cell.strip() for cell in row.cells[width:]):
                    raise InvalidOutput(
                        f"{self.name}, line {row.line}: {len(row.cells)} values for {width} columns; is "
                        f"{self.separator!r} what separates them? A value that holds it must stand in double quotes"
                    )
                for position, column in texts.items():
                    column.append(self._text(row.cells[position], row.line))
        except UnbalancedQuote as error:
            raise self._unbalanced(error) from None
        if not all(texts.values()):
            raise InvalidOutput(f"{self.name} has a header and no rows")
        return {position: pa.chunked_array([pa.array(column, pa.string())]) for position, column in texts.items()}

    def _text(self, cell: bytes, line: int) -> str:
        try:
            return cell.decode()
        except UnicodeDecodeError as error:
            raise InvalidOutput(
                f"{self.name}, line {line} is not UTF-8 text (byte 0x{cell[error.start]:02x} in {cell[:40]!r}); save "
                'the file as UTF-8, in Excel as "CSV UTF-8"'
            ) from None

    def _unbalanced(self, error: UnbalancedQuote) -> InvalidOutput:
        return InvalidOutput(
            f"{self.name}, line {error.line}: a double quote opens a value and is not closed at its end; double the "
            'quotes inside of a quoted value (""), and close it right before the separator'
        )


def _first_line(content: bytes) -> str:
    """The first line that is not blank, for messages."""
    return next(filter(None, content.removeprefix(codecs.BOM_UTF8).decode(errors="replace").split("\n"))).strip()
