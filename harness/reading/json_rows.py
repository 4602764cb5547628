"""Rows of JSON Lines, or of a JSON list of objects, as columns of one type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from harness.contract.errors import InvalidOutput
from harness.reading.encodings import ADVICE

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_INT64 = 1 << 63
_WORDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class _Constant:
    """What Python writes and JSON does not have: NaN, Infinity, -Infinity. It does no harm where no role needs it."""

    name: str


@dataclass(frozen=True)
class JsonRows:
    """Objects read from a file; a name that an object lacks is missing there, as null is.

    Attributes:
        name: the name of the file, for messages.
        objects: the rows.
        header: the names that occur, in the order in which they first do.
        place: the place of a row in the file, such as "line 3".
        has_constants: whether NaN or Infinity stands somewhere in the file, be it in a text.
    """

    name: str
    objects: Sequence[dict[str, Any]]
    header: Sequence[str]
    place: Callable[[int], str]
    has_constants: bool

    @classmethod
    def of(cls, name: str, objects: Sequence[dict[str, Any]], place: Callable[[int], str], text: str) -> JsonRows:
        """The rows. Raises InvalidOutput if there are none."""
        if not objects:
            raise InvalidOutput(f"{name} has no rows")
        header = list(dict.fromkeys(key for row in objects for key in row))
        for column in header:
            if not _is_encodable(column):
                raise InvalidOutput(f"{name}: the name {column!a} holds half of a surrogate pair")
        return cls(name, objects, header, place, "NaN" in text or "Infinity" in text)

    def where(self, row: int) -> str:
        """The place of a row."""
        return self.place(row)

    def values(self, position: int) -> list[Any]:
        """A column as it is, None where missing. Raises InvalidOutput for NaN and infinities, which JSON lacks."""
        values = [row.get(self.header[position]) for row in self.objects]
        for row, value in enumerate(values if self.has_constants else ()):
            if (constant := _constant_in(value)) is not None:
                self._refuse(row, f"{constant.name} is no JSON; write null where a value is missing")
        return values

    def array(self, position: int) -> Any:
        """A column of one type as a chunked array.

        Raises:
            InvalidOutput: values of several types, lists or objects, numbers beyond 64 bits, half a surrogate pair.
        """
        import pyarrow as pa

        column, values = self.header[position], self.values(position)
        self._check_type(column, values)
        try:
            return pa.chunked_array([pa.array(values)])
        except (UnicodeEncodeError, OverflowError, pa.ArrowInvalid):
            return self._unsigned(column, values)

    def _check_type(self, column: str, values: Sequence[Any]) -> None:
        first: Any = None
        for row, value in enumerate(values):
            word = _WORDS.get(type(value))
            if word in ("a list", "an object"):
                flat = (
                    "; make its fields columns of their own, as pandas.json_normalize does"
                    if word == "an object"
                    else ""
                )
                self._refuse(row, f"{column!r} holds {word}, where a text or a number is needed{flat}")
            if word and first is None:
                first = word
            elif word and word != first:
                self._refuse(row, f"{column!r} holds {word} ({value!r:.40}), above {first}; a column has one type")

    def _unsigned(self, column: str, values: Sequence[Any]) -> Any:
        import pyarrow as pa

        for row, value in enumerate(values):
            if isinstance(value, int) and not -_INT64 <= value < 2 * _INT64:
                self._refuse(row, f"{column!r} holds {value!r:.40}, which does not fit 64 bits; write it as a text")
            if isinstance(value, str) and not _is_encodable(value):
                self._refuse(row, f"{column!r} holds half of a surrogate pair; write the whole character")
        if any(isinstance(value, float) for value in values):
            self._check_exact(column, values)
            return pa.chunked_array([pa.array([None if v is None else float(v) for v in values], pa.float64())])
        try:
            return pa.chunked_array([pa.array(values, pa.uint64())])
        except (OverflowError, pa.ArrowInvalid):
            raise InvalidOutput(f"{self.name}: {column!r} holds numbers that do not fit 64 bits together") from None

    def _check_exact(self, column: str, values: Sequence[Any]) -> None:
        """Refuse a whole number that would become another one beside fractions."""
        for row, value in enumerate(values):
            if isinstance(value, int) and int(float(value)) != value:
                problem = f"holds {value!r:.40}, which is another number beside fractions; write it as a text"
                self._refuse(row, f"{column!r} {problem}")

    def _refuse(self, row: int, problem: str) -> NoReturn:
        raise InvalidOutput(f"{self.name}, {self.where(row)}: {problem}")


def json_lines(name: str, content: bytes) -> JsonRows:
    """One object per line; empty lines are skipped. Raises InvalidOutput with the line."""
    rows, lines = [], []
    # Not splitlines, which also splits at separators that may stand inside of a text.
    text = _decoded(name, content)
    hint = "; a list of objects ends in .json" if text.lstrip().startswith("[") else "; a line holds one object"
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        if line.strip():
            rows.append(_object(_parsed(line, f"{name}, line {number}", hint), f"{name}, line {number}"))
            lines.append(number)
    return JsonRows.of(name, rows, lambda row: f"line {lines[row]}", text)


def json_list(name: str, content: bytes) -> JsonRows:
    """A list of objects. Raises InvalidOutput with the row, counted from 1."""
    text = _decoded(name, content)
    values = _parsed(text, name, "; JSON Lines end in .jsonl")
    if not isinstance(values, list):
        raise InvalidOutput(
            f"{name} must hold a list of objects, one for each row, as pandas writes by "
            'to_json(orient="records"); JSON Lines end in .jsonl'
        )
    rows = [_object(value, f"{name}, row {number}") for number, value in enumerate(values, start=1)]
    return JsonRows.of(name, rows, lambda row: f"row {row + 1}", text)


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\n|\r", content[: error.start])) + 1
        raise InvalidOutput(
            f"{name}, line {line} is not UTF-8 text (byte 0x{content[error.start]:02x}); {ADVICE}"
        ) from None


def _parsed(text: str, where: str, hint: str = "") -> Any:
    def single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            twice = next(name for name in names if sum(name == other for other, _ in pairs) > 1)
            raise InvalidOutput(f"{where}: an object has two values {twice!r}")
        return names

    try:
        return json.loads(text, parse_constant=_Constant, object_pairs_hook=single)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise InvalidOutput(f"{where} is no JSON: {error.msg} ({place}){hint}") from None
    except ValueError:
        raise InvalidOutput(f"{where} holds a number of thousands of digits; write it as a text") from None
    except RecursionError:
        raise InvalidOutput(f"{where} is nested too deeply") from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidOutput(f"{where}: a row must be an object with names, not {value!r:.40}")
    return value


def _constant_in(value: Any) -> _Constant | None:
    """The first constant of a value, at any depth."""
    if isinstance(value, _Constant):
        return value
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return next((found for each in inner if (found := _constant_in(each)) is not None), None)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
