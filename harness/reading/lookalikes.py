"""Refuses values of a column that may be one value in two spellings, which would be counted as two."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from harness.reading.numbers import is_number
from harness.reading.spelling import seen
from harness.reading.table import Categories, Table
from harness.reading.truth import truth_of


def refuse_lookalikes(table: Table, name: str, role: str, found: Categories) -> None:
    """Refuse two texts that look the same: other code points of one letter, invisible characters, other white space.

    Raises:
        InvalidOutput: with both lines.
    """
    _refuse_alike(table, name, role, found, {level: seen(level) for level in found.levels}, "looks the same")


def refuse_two_spellings(table: Table, name: str, role: str, found: Categories) -> None:
    """Refuse two spellings of one number, of one truth value, or of one text but for its case.

    For columns whose values are not declared. Raises InvalidOutput with both lines.
    """
    keys: dict[str, str | Decimal] = {
        level: Decimal(level) if is_number(level) else truth_of(level) or seen(level).casefold()
        for level in found.levels
    }
    _refuse_alike(table, name, role, found, keys, "may mean the same")


def _refuse_alike(
    table: Table, name: str, role: str, found: Categories, keys: dict[str, str] | dict[str, str | Decimal], how: str
) -> None:
    first: dict[str | Decimal, int] = {}
    for code, level in enumerate(found.levels):
        other = first.setdefault(keys[level], code)
        if other != code:
            before, row = (int(np.argmax(found.codes == each)) for each in (other, code))
            table.refuse(
                row,
                f"the {role} {name!r} holds {level!a}, and {found.levels[other]!a} on {table.where(before)}, which "
                f"{how}; write both alike{', or name all `classes:`' if how.startswith('may') else ''}",
            )
