"""Rows of a run by name: as the table prints them, by their key, or by the id of their cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.contract.errors import UsageError
from harness.contract.rows import Row
from harness.results.table import display_text, name_of
from harness.suite.plan import is_called

_MIN_KEY_LENGTH, _MAX_NAMED = 4, 20


def rows_called(name: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a name means.

    Args:
        name: such as "hardened / fmn", also with the experiment, what is shown or "seed 1"; the start of a key; the id
            of a cell or a part of it.
        rows: of the run.

    Raises:
        UsageError: no row is called so.
    """
    found = next(filter(None, _called(name, rows)), [])
    if not found:
        known = list(dict.fromkeys(name_of(row) for row in rows))
        more = f"\n  and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else ""
        listed = "\n  ".join(known[:_MAX_NAMED])
        raise UsageError(f"no row is called {name!r}; there are\n  {listed}{more}")
    return found


def _called(name: str, rows: Sequence[Row]) -> Iterator[list[Row]]:
    yield [row for row in rows if row.cell == name]
    yield [row for row in rows if is_called(name, _names_of(row))]
    if len(name) >= _MIN_KEY_LENGTH:
        yield [row for row in rows if row.key.startswith(name)]
    yield [row for row in rows if name in row.cell]


def _names_of(row: Row) -> set[str]:
    shown = {*row.display.values(), display_text(row)}
    return {*row.labels.values(), row.experiment, f"seed {row.seeds}", name_of(row), *shown} - {""}
