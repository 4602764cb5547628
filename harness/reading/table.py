"""A table read from a file: each column is taken by one declared type, whole, or refused with the line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput
from harness.contract.texts import Texts
from harness.reading.numbers import advice, are_numbers, is_number, parsed
from harness.reading.spelling import seen

Empty = Literal["text", "missing"]
Missing = Literal["refuse", "keep"]
_MAX_WHOLE = float(1 << 53)
_MAX_NAMES = 20
_PRECISIONS: Mapping[str, type[np.floating[Any]]] = {"halffloat": np.float16, "float": np.float32}


@dataclass(frozen=True)
class Categories:
    """A column of few different texts.

    Attributes:
        codes: `[n]`, the position in `levels` of each row's text, -1 where it is missing.
        levels: the different texts, in the order in which they first occur.
    """

    codes: npt.NDArray[np.int32]
    levels: Sequence[str]


class Columns(Protocol):
    """The columns of a file, by their position in its header."""

    def array(self, position: int) -> Any:
        """A column as a chunked array of pyarrow. Raises InvalidOutput where its values have several types."""

    def values(self, position: int) -> list[Any]:
        """A column as Python has it, None where missing."""

    def where(self, row: int) -> str:
        """The place of a row in the file, such as "line 8" or "row 3"; rows are counted from 0."""


@dataclass(frozen=True)
class ArrowColumns:
    """Columns that pyarrow has read.

    Attributes:
        arrays: those that were asked for, by position.
        place: the place of a row in the file.
    """

    arrays: Mapping[int, Any]
    place: Callable[[int], str]

    def array(self, position: int) -> Any:
        """A column."""
        return self.arrays[position]

    def values(self, position: int) -> list[Any]:
        """A column as a list, fractions with the digits of their own precision."""
        column = self.arrays[position]
        values = list(column.to_pylist())
        precision = _PRECISIONS.get(str(column.type))
        return values if precision is None else _shortest(values, precision)

    def where(self, row: int) -> str:
        """The place of a row."""
        return self.place(row)


@dataclass(frozen=True)
class Table:
    """The rows of a file as columns; a column is read when it is asked for, by the type that its role needs.

    A cell of CSV is text and never null: whether an empty one is an empty text or missing depends on the type. A null
    of Parquet or JSON is missing, and so is NaN.

    Attributes:
        name: the name of the file, for messages.
        header: the names of the columns, which need not differ where none of them is used.
        n: the number of rows.
        columns: the columns of the file.
        decimal: the decimal sign of numbers that are written as text.
    """

    name: str
    header: Sequence[str]
    n: int
    columns: Columns
    decimal: str = "."

    def column(self, name: str, role: str) -> Any:
        """A column as it is in the file, as a chunked array of one type.

        Raises:
            InvalidOutput: there is no such column, or there are two, or its values have several types.
        """
        return self.columns.array(self.position(name, role))

    def values(self, name: str, role: str) -> list[Any]:
        """A column as Python has it: texts of CSV, what JSON and Parquet hold, lists included. Raises as `column`."""
        try:
            return self.columns.values(self.position(name, role))
        except UnicodeDecodeError as error:
            self._refuse_bytes(name, role, error.object)

    def where(self, row: int) -> str:
        """The place of a row, such as "line 8" or "row 3"; rows are counted from 0."""
        return self.columns.where(row)

    def is_text(self, name: str, role: str) -> bool:
        """Whether the file holds the column as text, as CSV does with all of them. Raises as `column`."""
        return _is_text(self.column(name, role).type)

    def texts(self, name: str, role: str, empty: Empty = "text") -> list[str | None]:
        """A column as it is written, white space included; None where missing.

        Args:
            name: the column.
            role: what it is used as, for messages.
            empty: what a cell of nothing but white space is: a text, as in transcripts, or missing.

        Raises:
            InvalidOutput: as `column`; values that are no text, such as lists.
        """
        import pyarrow.compute as pc

        texts = self._written(name, role)
        if empty == "missing":
            texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
        values: list[str | None] = texts.to_pylist()
        return values

    def names(self, name: str, role: str) -> Texts:
        """A column of names that differ, such as ids, without the white space around them.

        Raises:
            InvalidOutput: as `column`; a name is missing or stands twice, with both places.
        """
        import pyarrow.compute as pc

        names = _stripped(self._written(name, role))
        if names.null_count:
            self.refuse(_first(pc.is_null(names)), f"the {role} is missing (column {name!r})")
        texts = Texts(names)
        if not texts.are_unique:
            self._refuse_twice(texts, role)
        return texts

    def numbers(self, name: str, role: str, missing: Missing = "refuse") -> npt.NDArray[np.float64]:
        """A column of finite numbers `[n]`, correctly rounded.

        Args:
            name: the column.
            role: what it is used as, for messages.
            missing: whether empty cells are refused or become NaN.

        Raises:
            InvalidOutput: as `column`; the first value that is no number, with how many are.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.column(name, role)
        if _is_text(column.type):
            column = self._parsed(_stripped(self._written(name, role)), name, role)
        elif not _is_number(column.type):
            self._refuse_kind(name, role, column.type, "numbers")
        numbers = pc.cast(column, pa.float64(), safe=False)
        values: npt.NDArray[np.float64] = np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            self.refuse(row, f"{name!r} ({role}) holds an infinite number; write a finite one, or take the row out")
        if missing == "refuse":
            self._refuse_missing(np.isnan(values), name, role)
        return values

    def categories(self, name: str, role: str) -> Categories:
        """A column of texts by code, without the white space around them; empty ones are missing.

        Numbers of Parquet and JSON are written in their own precision, whole ones without a point.

        Raises:
            InvalidOutput: as `texts`.
        """
        import pyarrow as pa

        texts = self._written(name, role)
        encoded = (texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()).combine_chunks()
        # Levels are few: what is done to each text is done to them.
        levels = _stripped(encoded.dictionary).dictionary_encode()
        code_of_level = np.append(levels.indices.fill_null(-1).to_numpy(zero_copy_only=False), -1).astype(np.int32)
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return Categories(code_of_level[codes], levels.dictionary.to_pylist())

    def position(self, name: str, role: str) -> int:
        """The position of a column. Raises InvalidOutput, with the closest name, where there is not exactly one."""
        positions = [i for i, other in enumerate(self.header) if other == name]
        if not positions:
            positions = [i for i, other in enumerate(self.header) if seen(other) == seen(name)]
        if len(positions) > 1:
            raise InvalidOutput(
                f"{self.name} has {len(positions)} columns {name!r}, the one for {role} among them; rename one of them"
            )
        if not positions:
            close = difflib.get_close_matches(name, self.header, 1, cutoff=0.5)
            more = f" and {len(self.header) - _MAX_NAMES} more" if len(self.header) > _MAX_NAMES else ""
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(self.header[:_MAX_NAMES])}{more}"
            if any(map(is_number, self.header)):
                hint += "; if its first line holds values, write the names of the columns above it or under `header:`"
            raise InvalidOutput(f"{self.name} has no column {name!r} for {role}; {hint}")
        return positions[0]

    def refuse(self, row: int, problem: str) -> NoReturn:
        """Raise InvalidOutput with the place of a row."""
        raise InvalidOutput(f"{self.name}, {self.where(row)}: {problem}")

    def _written(self, name: str, role: str) -> Any:
        """A column as text. Raises InvalidOutput for lists and bytes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.column(name, role)
        kind = column.type
        if _is_text(kind):
            self._check_text(column, name, role)
            return column if kind in (pa.string(), pa.large_string()) else pc.cast(column, pa.string())
        if pa.types.is_boolean(kind):
            return pc.if_else(column, "True", "False")
        if pa.types.is_floating(kind):
            return _spelt(column)
        if pa.types.is_nested(kind) or _is_bytes(kind):
            self._refuse_kind(name, role, kind, "texts")
        return pc.cast(column, pa.string())

    def _check_text(self, column: Any, name: str, role: str) -> None:
        """Refuse what a file calls text and is no UTF-8."""
        import pyarrow as pa

        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            self.values(name, role)

    def _refuse_bytes(self, name: str, role: str, content: bytes) -> NoReturn:
        raise InvalidOutput(f"{self.name}: column {name!r} for {role} holds {content[:40]!r}, which is not UTF-8 text")

    def _parsed(self, texts: Any, name: str, role: str) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        fit = are_numbers(texts, self.decimal)
        if pc.all(fit).as_py() in (True, None):
            return parsed(texts, self.decimal) if len(texts) > texts.null_count else pa.nulls(self.n, pa.float64())
        row = _first(pc.invert(fit))
        text = texts[row].as_py()
        raise InvalidOutput(
            f"{self.name}: for {role}, {pc.sum(fit).as_py()} of {self.n} values of {name!r} are numbers, "
            f"{self.where(row)} holds {text[:60]!r}; {advice(text, self.decimal)}"
        )

    def _refuse_missing(self, missing: npt.NDArray[np.bool_], name: str, role: str) -> None:
        if missing.any():
            raise InvalidOutput(
                f"{self.name}: {int(missing.sum())} of {self.n} rows have no {name!r} ({role}), first on "
                f"{self.where(int(np.argmax(missing)))}"
            )

    def _refuse_twice(self, values: Sequence[str], role: str) -> NoReturn:
        first: dict[str, int] = {}
        for row, value in enumerate(values):
            before = first.setdefault(value, row)
            if before != row:
                raise InvalidOutput(
                    f"{self.name}: the {role} {value!r} stands on {self.where(before)} and on {self.where(row)}"
                )
        raise AssertionError("no value stands twice")

    def _refuse_kind(self, name: str, role: str, kind: Any, needed: str) -> NoReturn:
        flat = "; make its fields columns of their own" if str(kind).startswith("struct") else ""
        raise InvalidOutput(f"{self.name}: column {name!r} for {role} holds {kind}, not {needed}{flat}")


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    checks = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(check(kind) for check in checks)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return any(check(kind) for check in checks)


def _stripped(texts: Any) -> Any:
    """Texts without white space around them, null where nothing is left."""
    import pyarrow.compute as pc

    stripped = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(stripped, ""), None, stripped)


def _spelt(column: Any) -> Any:
    """Fractions in the shortest spelling of their own precision, whole numbers without a point, NaN as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_float16(column.type):
        column = pa.chunked_array([pa.array(_shortest(column.to_pylist(), np.float16), pa.float64())])
    small = pc.less(pc.abs(column), _MAX_WHOLE)
    whole = pc.and_(small, pc.equal(column, pc.floor(column)))
    as_whole = pc.cast(pc.cast(pc.if_else(whole, column, 0), pa.int64()), pa.string())
    return pc.if_else(whole, as_whole, pc.cast(column, pa.string()))


def _shortest(values: Sequence[float | None], precision: type[np.floating[Any]]) -> list[Any]:
    """Fractions with no more digits than tell them from their neighbours in a precision; whole numbers exact."""
    return [
        value if value is None or value != value or float(value).is_integer() else float(str(precision(value)))
        for value in values
    ]


def _first(mask: Any) -> int:
    """The position of the first true value."""
    import pyarrow.compute as pc

    return int(pc.index(mask, True).as_py())
