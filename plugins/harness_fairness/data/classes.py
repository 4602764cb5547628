"""Labels and predictions of a table as numbers of classes, by whole columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.api import (
    Categories,
    InvalidOutput,
    Table,
    is_missing_code,
    refuse_lookalikes,
    refuse_two_spellings,
    seen,
    truth_of,
)

_WHOLE_WITH_POINT = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0*")
_OF_TRUTH = {"true": "1", "false": "0"}
_TRUTH_OF = {"1": "true", "0": "false"}
_MAX_SHOWN = 6


def spelt(text: str) -> str:
    """A class as it is written, but for the point of a whole number: "1.0" is the class "1", "007" is not "7"."""
    match = _WHOLE_WITH_POINT.fullmatch(text)
    return match[1] if match else text


def named_class(name: str, levels: Sequence[str]) -> str:
    """The class of a column that a declared name means: the same text as it looks, or the same truth value.

    Truth values are 1 and 0, or true and false in any case. What counts is the spelling that the whole column has.
    """
    name = spelt(name)
    truth = truth_of(name) or _TRUTH_OF.get(name)
    if name in levels:
        return name
    if truth is None:
        return next((level for level in levels if seen(level) == seen(name)), name)
    if set(levels) <= {"0", "1"}:
        return _OF_TRUTH[truth]
    alike = [level for level in levels if truth_of(level) == truth]
    are_truths = all(map(truth_of, levels)) or truth_of(name) is not None
    return alike[0] if len(alike) == 1 and are_truths else name


def class_column(table: Table, column: str, role: str) -> Categories:
    """The classes of a column in the order in which they occur; truth values of Parquet are "1" and "0".

    Raises:
        InvalidOutput: two look the same.
    """
    found = table.categories(column, role)
    refuse_lookalikes(table, column, role, found)
    of_text = {level: spelt(level) for level in found.levels}
    if not table.is_text(column, role):
        of_text |= {level: _OF_TRUTH[truth] for level in found.levels if (truth := truth_of(level)) is not None}
    levels = list(dict.fromkeys(of_text.values()))
    codes = np.array([levels.index(of_text[level]) for level in found.levels] + [-1], dtype=np.int32)
    return Categories(codes[found.codes], levels)


def two_classes(table: Table, column: str, role: str, positive: str | None, negative: str | None) -> tuple[str, str]:
    """The classes that mean 0 and 1.

    Raises:
        InvalidOutput: the column does not say by itself which they are.
    """
    found = class_column(table, column, role)
    levels = found.levels
    if negative is None:
        _refuse_codes(table, column, role, found, positive)
    if positive is None:
        if set(levels) <= {"0", "1"}:
            return "0", "1"
        raise InvalidOutput(f"{table.name}: the {role} {column!r} holds {shown(levels)}; say which is `positive:`")
    positive, named = named_class(positive, levels), None if negative is None else named_class(negative, levels)
    if positive not in levels and named is None:
        raise InvalidOutput(f"{table.name}: no row has the positive {role} {positive!r}; there are {shown(levels)}")
    others = [value for value in levels if value != positive] if named is None else [named]
    if len(others) > 1:
        raise InvalidOutput(
            f"{table.name}: the {role} {column!r} holds {shown(levels)}; name the `negative:` value or all `classes:`"
        )
    if named is None:
        refuse_two_spellings(table, column, role, found)
    return (others[0] if others else f"not {positive}"), positive


def _refuse_codes(table: Table, column: str, role: str, found: Categories, positive: str | None) -> None:
    """Refuse what programs write where a value is missing: it is no class unless it is declared as one."""
    for code, level in enumerate(found.levels):
        # "+" and "-" are classes of their own.
        if is_missing_code(level) and level not in (positive, "-"):
            row = int(np.argmax(found.codes == code))
            table.refuse(
                row,
                f"the {role} {column!r} holds {level!r}: is it a class, or is none known? Leave such cells empty, or "
                "name the `negative:` value or all `classes:`",
            )


def coded(table: Table, column: str, role: str, classes: Sequence[str]) -> Any:
    """The number of each row's class: an array, or a list with None where one is missing.

    Raises:
        InvalidOutput: a value is none of the classes, with its line.
    """
    found = class_column(table, column, role)
    code_of: dict[str, int] = {}
    for i, name in enumerate(classes):
        other = code_of.setdefault(named_class(name, found.levels), i)
        if other != i:
            raise InvalidOutput(f"the classes {classes[other]!r} and {name!r} of the {role} are one; name it once")
    for code, level in enumerate(found.levels):
        if level not in code_of:
            row = int(np.argmax(found.codes == code))
            table.refuse(row, f"the {role} {level!r} is none of the classes {shown(classes)}")
    codes = np.array([*(code_of[level] for level in found.levels), -1], dtype=np.int64)[found.codes]
    return codes if (codes >= 0).all() else [None if code < 0 else code for code in codes.tolist()]


def shown(values: Sequence[str]) -> str:
    """Some values for a message."""
    more = " and more" if len(values) > _MAX_SHOWN else ""
    return ", ".join(repr(value) for value in values[:_MAX_SHOWN]) + more
