"""Columns that tables of questions and of requests have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.api import GroupValues, InvalidOutput, Table, read_groups

_FIELD = re.compile(r"\{([^{}]+)\}")


def columns_named(prompts: str) -> list[str]:
    """The columns that prompts are made of: those in braces, or the one of this name."""
    return _FIELD.findall(prompts) or [prompts]


def asked_texts(table: Table, name: str) -> list[str]:
    """The prompts of a table, as they are written, or made of the columns that `name` has in braces.

    Raises:
        InvalidOutput: one is empty.
    """
    texts: list[str] = []
    for row, text in enumerate(_made_of(table, name) if _FIELD.search(name) else table.texts(name, "prompts")):
        if text is None or not text.strip():
            table.refuse(row, f"{name!r} must be text that is not empty, not {text!r:.80}")
        texts.append(text)
    return texts


def _made_of(table: Table, form: str) -> list[str]:
    columns = {name: table.texts(name, "prompts") for name in columns_named(form)}
    # In one pass, since a cell may hold the name of a column in braces.
    return [_FIELD.sub(lambda field: columns[field[1]][row] or "", form) for row in range(table.n)]  # noqa: B023


def choice_columns(table: Table, names: Sequence[str]) -> list[list[str] | None]:
    """The choices of each row, one in each column; the last columns may be empty in rows with fewer, or in all.

    Raises:
        InvalidOutput: a choice is empty before one that is not.
    """
    columns = [table.texts(name, "choices") for name in names]
    offered: list[list[str] | None] = []
    for row in range(table.n):
        texts = [column[row] or "" for column in columns]
        while texts and not texts[-1].strip():
            texts.pop()
        if "" in texts:
            table.refuse(row, f"{names[texts.index('')]!r} is empty, and a later choice is not")
        offered.append(texts or None)
    return offered


def nested_values(table: Table, name: str, role: str) -> list[Any]:
    """A column of texts, numbers, truth values or lists of them, as the file has it.

    Raises:
        InvalidOutput: a text holds half of a surrogate pair, which JSON can spell and UTF-8 cannot.
    """
    values = table.values(name, role)
    for row, value in enumerate(values):
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start]
            table.refuse(row, f"{name!r} holds {half!a}, half of a surrogate pair; write the whole character")
    return values


def group_texts(
    table: Table, names: Sequence[str], unknown: str | None = None, values: Mapping[str, GroupValues] | None = None
) -> dict[str, list[str]]:
    """Columns by which results may be told apart, by the rules of all tables.

    Args:
        table: the table.
        names: the columns.
        unknown: the group of rows without a value.
        values: what columns hold, where text without codes for missing values is not enough.

    Raises:
        InvalidOutput: a value is missing, or is not what is declared; with its line.
    """
    values = values or {}
    undeclared = [name for name in values if name not in names]
    if undeclared:
        raise InvalidOutput(f"`values:` names {undeclared[0]!r}, which is not among the groups")
    found = {name: read_groups(table, name, unknown, values.get(name)) for name in names}
    return {name: [column.levels[code] for code in column.codes] for name, column in found.items()}


def numbered_ids(table: Table) -> list[str]:
    """A name for each row, by its number from 1."""
    return [f"row-{number:05d}" for number in range(1, table.n + 1)]
