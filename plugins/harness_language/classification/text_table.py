"""A dataset of texts with a class each, from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from harness.api import (
    Categories,
    Examples,
    GroupValues,
    InvalidOutput,
    Later,
    Overlap,
    Split,
    Table,
    Texts,
    apart_from_training,
    is_missing_code,
    order_by_hash,
    parts_by_hash,
    read_table,
    refuse_lookalikes,
    refuse_two_spellings,
    seen,
    truth_of,
)
from harness_language.questions.table_columns import group_texts

_SHOWN = 5


def text_table(
    path: Path,
    text: str = "text",
    label: str = "label",
    id: str | None = None,
    classes: list[str] | None = None,
    groups: list[str] | None = None,
    unknown: str | None = None,
    separator: str | None = None,
    split: Split = "all",
    encoding: Annotated[str, Later()] = "utf-8",
    values: Annotated[dict[str, GroupValues] | None, Later()] = None,
    train_path: Annotated[Path | None, Later()] = None,
    overlap: Annotated[Overlap, Later()] = "refuse",
) -> Examples:
    """Your own texts with a class each: a table of texts and labels (.csv, .tsv, .parquet, .jsonl, .json).

    Their order is that of the hashes of the texts, so that `limit` takes texts of all classes.

    Args:
        path: the file; the first line of separated text names the columns.
        text: the column of texts.
        label: the column of classes.
        id: the column that names the rows; without it they are numbered.
        classes: the names of the classes in order; by default those there are, numbers by value, others as text.
        groups: columns that group the texts.
        unknown: the group of rows without a value; by default they are refused.
        separator: between the values of separated text; by default a comma for .csv, a tab else.
        split: by the hash of the text, equal texts together: 20 % test, 20 % validation, 60 % train.
        encoding: of a text file, such as windows-1252; none is guessed.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.
        train_path: the table of texts that models were trained on, read likewise.
        overlap: what is done where a text is, letter for letter, among those too: refuse, leave it out, or keep it.

    Raises:
        MissingData: there is no such file, or no text left.
        InvalidOutput: it is no such table, or a text, label or group is missing or unknown, with its line.
    """
    optional = [id] if id else []
    table = read_table(path, separator, [text, label, *optional, *(groups or ())], encoding=encoding)
    names, labels = _labels(table, label, classes)
    contents = _contents(table, text)
    drawn = parts_by_hash(contents)
    rows = [row for row in order_by_hash(contents) if split in ("all", drawn[row])]
    if not rows:
        raise InvalidOutput(f"{table.name}: the split {split!r} has no rows of {table.n}")
    ids = table.names(id, "id") if id else Texts.numbered("row-", table.n, 7)
    members = group_texts(table, groups or (), unknown, values)
    facts: dict[str, Any] = {"classes": names}
    if train_path is not None:
        trained = _contents(read_table(train_path, separator, [text], encoding=encoding), text)
        own, both = [contents[row] for row in rows], (path.name, train_path.name)
        trained_ids = Texts.numbered("row-", len(trained), 7)
        kept, repeated = apart_from_training(own, ids.take(rows), trained, trained_ids, both, overlap)
        rows, facts = [rows[place] for place in kept], facts | ({"overlap": repeated} if repeated else {})
    return Examples(
        ids.take(rows),
        {"texts": [contents[row] for row in rows], "labels": labels[rows]},
        {name: [of_row[row] for row in rows] for name, of_row in members.items()},
        facts,
    )


def _contents(table: Table, column: str) -> list[str]:
    """The texts of a table. Raises InvalidOutput where one is missing."""
    texts = table.texts(column, "texts", "missing")
    if None in texts:
        table.refuse(texts.index(None), f"the text is missing (column {column!r})")
    return [str(each) for each in texts]


def _labels(
    table: Table, column: str, classes: list[str] | None
) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The names of the classes, and the position of each row's. Raises InvalidOutput."""
    found = table.categories(column, "label")
    if (found.codes < 0).any():
        table.refuse(int(np.argmax(found.codes < 0)), "the label is missing")
    refuse_lookalikes(table, column, "label", found)
    names = list(classes) if classes else _undeclared(table, column, found)
    position: dict[str, int] = {}
    for i, name in enumerate(names):
        other = position.setdefault(truth_of(name) or seen(name), i)
        if other != i:
            raise InvalidOutput(f"the classes {names[other]!r} and {name!r} are one; name it once")
    keys = [truth_of(level) or seen(level) for level in found.levels]
    for code, level in enumerate(found.levels):
        if keys[code] not in position:
            row = int(np.argmax(found.codes == code))
            table.refuse(row, f"the label {level!r} is none of the classes {', '.join(names[:_SHOWN])}")
    return names, np.array([position[key] for key in keys], np.int64)[found.codes]


def _undeclared(table: Table, column: str, found: Categories) -> list[str]:
    """The labels there are, numbers by value. Raises InvalidOutput for codes for none, and two spellings of one."""
    for code, level in enumerate(found.levels):
        if is_missing_code(level):
            table.refuse(
                int(np.argmax(found.codes == code)),
                f"the label is {level!r}: is it a class, or is none known? Take the row out, or name all `classes:`",
            )
    refuse_two_spellings(table, column, "label", found)
    whole = all(level.isascii() and level.isdecimal() for level in found.levels)
    return sorted(found.levels, key=int if whole else None)
