"""Rows with named columns from JSON Lines, JSON and CSV files; an unreadable row is an error with its position."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.api import MissingData

Rows = Sequence[dict[str, Any]]


def read_rows(path: Path) -> Rows:
    """The rows of a .jsonl, .json (a list of objects), .csv or .tsv file.

    Raises:
        MissingData: the file is missing, is no UTF-8, is not of the format that its name says, or has no rows.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MissingData(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise MissingData(f"{path} is no UTF-8 at byte {error.start}; save it as UTF-8") from None
    separated = {".csv": partial(_separated, delimiter=","), ".tsv": partial(_separated, delimiter="\t")}
    readers: dict[str, Callable[[str, Path], Rows]] = {".jsonl": _json_lines, ".json": _json_list, **separated}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise MissingData(f"{path} must end in one of {', '.join(readers)}, so that its format is known")
    rows = reader(text, path)
    if not rows:
        raise MissingData(f"{path} has no rows")
    return rows


def column(rows: Rows, name: str, path: Path) -> list[Any]:
    """A column of rows. Raises MissingData if a row lacks it."""
    for number, row in enumerate(rows, start=1):
        if name not in row:
            raise MissingData(f"row {number} of {path} lacks the column {name!r}; it has {', '.join(map(str, row))}")
    return [row[name] for row in rows]


def _json_lines(text: str, path: Path) -> Rows:
    # Not splitlines, which also splits at separators that may stand inside of a JSON text.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_encodable(_object(line, f"line {number} of {path}"), f"line {number} of {path}") for number, line in lines]


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise MissingData(f"{where} is no JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(value, dict):
        raise MissingData(f"{where} must be a JSON object, not {line.strip()[:40]!r}")
    return value


def _json_list(text: str, path: Path) -> Rows:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise MissingData(f"{path} is no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MissingData(f"{path} must be a JSON list of objects, one for each row")
    return [_encodable(row, f"row {number} of {path}") for number, row in enumerate(rows, start=1)]


def _encodable(row: dict[str, Any], where: str) -> dict[str, Any]:
    """The row, if it can be encoded: JSON can hold half of a surrogate pair, which has no UTF-8."""
    for name, value in row.items():
        try:
            json.dumps({name: value}, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise MissingData(
                f"{name!r} in {where} holds {error.object[error.start]!a}, half of a surrogate pair, which has no "
                "UTF-8; write the whole character or leave it out"
            ) from None
    return row


def _separated(text: str, path: Path, delimiter: str) -> Rows:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise MissingData(f"line {reader.line_num} of {path} is not as a table should be: {error}") from None
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise MissingData(
                f"row {number} of {path} has not the {len(reader.fieldnames or [])} fields that its header names"
            )
    return rows
