"""Separated text (CSV, TSV) as columns of text."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.reading.cells import Opening, Record, UnbalancedQuote, are_plain, records
from harness.reading.encodings import ADVICE
from harness.reading.spaced import WHITESPACE, tab_separated

_SEPARATORS = (",", ";", "\t", "|", WHITESPACE)
_ROWS_LOOKED_AT, _LINES_LOOKED_AT = 3, 100
_SPACES = f"; if several spaces may part two values, say `separator: {WHITESPACE}`"
_ENDING = 16
"""Bytes at the end of a row in which a last quote is looked for."""
_MIN_BLOCK, _MAX_BLOCK = 1 << 20, (1 << 31) - 1


@dataclass(frozen=True)
class Separated:
    """A file of separated text, its first row the names of the columns unless they are given.

    Attributes:
        name: the name of the file, for messages.
        content: all its bytes, unpacked.
        separator: the character between values.
        names: the names of the columns, where the file has none.
        shown: what separates the values, for messages.
    """

    name: str
    content: bytes
    separator: str
    names: Sequence[str] | None = None
    shown: str = ""

    @classmethod
    def of(
        cls, name: str, content: bytes, separator: str | None, default: str, names: Sequence[str] | None = None
    ) -> Separated:
        """The file with the separator that is declared, that its line `sep=;` names, or that its kind has.

        Raises:
            InvalidOutput: the separator is no single character, or another one parts the header where nothing is
                declared.
        """
        named = Opening.of(content).separator
        chosen = separator or (named.decode("latin-1") if named else default)
        # As YAML writes a tab in single quotes.
        chosen = "\t" if chosen == r"\t" else chosen
        if chosen != WHITESPACE and (len(chosen) != 1 or not chosen.isascii() or chosen in '"\r\n'):
            raise InvalidOutput(
                f"{name}: the separator {chosen!r} must be one character, such as ',', ';' or a tab, or `{WHITESPACE}`"
            )
        file = cls._parted(name, content, chosen, names)
        if separator is None and max(file._widths()[:1], default=0) <= 1:
            start = b"\n".join(content.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT])
            others = [other for other in _SEPARATORS if cls._parted(name, start, other, names)._is_a_table()]
            if others:
                line = _first_line(content)
                one = f", or `separator: {chosen!r}` if it is one column" if others[0] == WHITESPACE else ""
                raise InvalidOutput(
                    f"{name}: its header {line[:60]!r} is one column if {chosen!r} separates values; it seems to "
                    f"be {others[0]!r}: say `separator: {others[0]!r}`{one}"
                )
        return file

    @classmethod
    def _parted(cls, name: str, content: bytes, separator: str, names: Sequence[str] | None) -> Separated:
        if separator == WHITESPACE:
            return cls(name, tab_separated(content), "\t", names, "white space")
        return cls(name, content, separator, names, repr(separator))

    def _widths(self) -> Sequence[int]:
        """The numbers of values of the first rows, none where quotes are unbalanced."""
        try:
            return [len(row.cells) for row in islice(self._records(), _ROWS_LOOKED_AT)]
        except UnbalancedQuote:
            return []

    def _is_a_table(self) -> bool:
        """Whether the first rows have one number of values, more than one; R's header may be one short."""
        first, *others = self._widths() or [0]
        return first > 1 and all(width - first in (0, 1) for width in others)

    def _records(self) -> Iterator[Record]:
        return records(self.content, self.separator.encode())

    def header(self) -> Sequence[str]:
        """The names of the columns. Raises InvalidOutput if there is no row at all."""
        record = self._first()
        found = [self._text(cell, record.line).strip() for cell in record.cells]
        if self.names is not None and found == list(self.names):
            raise InvalidOutput(f"{self.name}: its first row holds the names of `header:` already; leave that out")
        return found if self.names is None else self.names

    def columns(self, chosen: Collection[int]) -> dict[int, Any]:
        """The columns at these positions, as chunked arrays of text.

        Raises:
            InvalidOutput: rows of another number of values, no rows, text that is not UTF-8, unbalanced quotes.
        """
        header = self._first()
        begin, width = header.end, len(header.cells)
        if self.names is not None:
            begin, width = Opening.of(self.content).end, len(self.names)
        columns = self._parsed(begin, width, chosen)
        return self._scanned(width, chosen) if columns is None else columns

    def line_of(self, row: int) -> int:
        """The line on which a row begins; lines are counted from 1, rows from 0."""
        return next(record.line for number, record in enumerate(self._rows()) if number == row)

    def _rows(self) -> Iterator[Record]:
        """The rows under the header."""
        return islice(self._records(), int(self.names is None), None)

    def _first(self) -> Record:
        try:
            header = next(self._records(), None)
        except UnbalancedQuote as error:
            raise self._unbalanced(error) from None
        if header is None:
            raise InvalidOutput(f"{self.name} is empty")
        return header

    def _parsed(self, begin: int, width: int, chosen: Collection[int]) -> dict[int, Any] | None:
        """The columns that pyarrow reads; None where it finds fault, which a scan can name with its line."""
        import pyarrow as pa
        import pyarrow.csv

        content, block = pa.py_buffer(self.content).slice(begin), _MIN_BLOCK
        if not are_plain(self.content, begin, self.separator.encode()):
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
        try:
            for row in self._rows():
                if len(row.cells) < width or (len(row.cells) > width and not self._ends_in_separators(row, width)):
                    raise self._uneven(row, width)
                for position, column in texts.items():
                    column.append(self._text(row.cells[position], row.line))
        except UnbalancedQuote as error:
            raise self._unbalanced(error) from None
        if not all(texts.values()):
            raise InvalidOutput(f"{self.name} has a header and no rows")
        return {position: pa.chunked_array([pa.array(column, pa.string())]) for position, column in texts.items()}

    def _ends_in_separators(self, row: Record, width: int) -> bool:
        """Whether nothing but separators is too many, as some programs write; R quotes an empty text."""
        is_quoted = self.content[max(row.end - _ENDING, 0) : row.end].rstrip(b"\r\n ").endswith(b'"')
        return not is_quoted and not any(cell.strip() for cell in row.cells[width:])

    def _uneven(self, row: Record, width: int) -> InvalidOutput:
        fault = f"{self.name}, line {row.line}: {len(row.cells)} values for {width} columns"
        if self.names is None and width == 1:
            return InvalidOutput(
                f"{fault}: its first line must hold the names of the columns, and holds "
                f"{_first_line(self.content)[:60]!r}; take titles and comments out"
            )
        if self.names is None and self._has_row_names(width):
            return InvalidOutput(
                f"{fault}, as in every row: the header lacks a name for the first, as R writes row names. Write one "
                "before its others, or save without them: row.names = FALSE"
            )
        hint = f"A value that holds it must stand in double quotes{_SPACES if self.separator == ' ' else ''}"
        return InvalidOutput(f"{fault}; is {self.shown} what separates them? {hint}")

    def _has_row_names(self, width: int) -> bool:
        """Whether every row, of two or more, has one value more than the header."""
        rows = [len(row.cells) for row in self._rows()]
        return len(rows) > 1 and set(rows) == {width + 1}

    def _text(self, cell: bytes, line: int) -> str:
        try:
            return cell.decode()
        except UnicodeDecodeError as error:
            raise InvalidOutput(
                f"{self.name}, line {line} is not UTF-8 text (byte 0x{cell[error.start]:02x} in {cell[:40]!r}); "
                + ADVICE
            ) from None

    def _unbalanced(self, error: UnbalancedQuote) -> InvalidOutput:
        return InvalidOutput(
            f"{self.name}, line {error.line}: a double quote opens a value and is not closed at its end; double the "
            'quotes inside of a quoted value (""), and close it right before the separator'
        )


def _first_line(content: bytes) -> str:
    """The first line that is not blank, for messages."""
    return next(filter(None, content.removeprefix(codecs.BOM_UTF8).decode(errors="replace").split("\n"))).strip()
