"""Columns that group the rows of a table: no code for "missing" and no second spelling becomes a group by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, NoReturn

import numpy as np

from harness.contract.errors import InvalidOutput
from harness.reading.numbers import is_number
from harness.reading.spelling import seen
from harness.reading.table import Categories, Table
from harness.reading.truth import truth_of

GroupValues = Sequence[str | int | float | bool] | Literal["text", "number"]
"""The values that a group column may hold: a list of them, any text as it is written, or any number."""

# Of pandas, R and SQL; what Excel writes for an error; what C writes for NaN.
_MISSING_CODES = frozenset(
    (
        *("na", "n/a", "n.a.", "#na", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat"),
        *("null", "(null)", "\\n", "none", "nil", "?", ".", "-", "--"),
        *("#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    )
)
_MOST_PLAIN_DIGITS = 40


def is_missing_code(text: str) -> bool:
    """Whether a text is what programs write where a value is missing, such as NA or "?", or nothing visible."""
    return text.strip().casefold() in _MISSING_CODES or not seen(text)


def read_groups(
    table: Table, name: str, unknown: str | None = None, values: GroupValues | None = None, role: str = "groups"
) -> Categories:
    """The group of each row by a column; no code is -1.

    Args:
        table: the table.
        name: the column.
        unknown: the group of rows whose value is missing: empty, null, or a code for it such as NA or "?".
        values: what the column holds. Undeclared, it is text without codes for missing values and with one spelling
            of each number and truth value. "text" takes each text for a value of its own, "number" each number; a list
            names the values, numbers and truth values in any spelling, and nothing else may occur.
        role: what the column is used as, for messages.

    Raises:
        InvalidOutput: there is no such column, a value is missing and `unknown` is not given, or a value is not what
            is declared; with its line.
    """
    column = _Column(table, name, unknown, table.categories(name, role))
    if values is None:
        column = column.without_codes().with_one_spelling()
    elif values == "number":
        column = column.without_codes().as_numbers()
    elif not isinstance(values, str):
        column = column.listed(values)
    return column.complete()


@dataclass(frozen=True)
class _Column:
    """A column on its way to groups."""

    table: Table
    name: str
    unknown: str | None
    found: Categories

    def without_codes(self) -> _Column:
        """Codes for missing values become missing where those have a name, else they are refused."""
        codes = [level for level in self.found.levels if is_missing_code(level)]
        if codes and self.unknown is None:
            self._refuse(
                codes[0],
                f"{self.name!r} holds {codes[0]!r}: is it a value, or is none known? Say `unknown: not stated`, "
                f"or name the values: `values: {{{self.name}: [{codes[0]}, ...]}}`",
            )
        return self._renamed(dict.fromkeys(codes))

    def with_one_spelling(self) -> _Column:
        """Refuse two spellings of one number, and of one text that look alike."""
        spelling: dict[Decimal | str, str] = {}
        for level in self.found.levels:
            other = spelling.setdefault(Decimal(level) if is_number(level) else truth_of(level) or seen(level), level)
            if other != level:
                self._refuse_spelling(level, other)
        return self

    def as_numbers(self) -> _Column:
        """Each number in one spelling."""
        for level in self.found.levels:
            if not is_number(level):
                self._refuse(level, f"{self.name!r} holds {level!r}, which is no number, as `values:` says")
        return self._renamed({level: _plain(Decimal(level)) for level in self.found.levels})

    def listed(self, values: Sequence[str | int | float | bool]) -> _Column:
        """The values of a list, numbers in any spelling, truth values in the only one that the column has."""
        texts = {str(value) for value in values}
        numbers = {Decimal(str(v)): str(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)}
        truths = {truth_of(text) for text in texts} - {None}
        names: dict[str, str | None] = {}
        for level in self.found.levels:
            name = level if level in texts else numbers.get(Decimal(level)) if is_number(level) else None
            if name is None and truth_of(level) in truths:
                name = self._only_spelling(level)
            if name is None and not (self.unknown is not None and is_missing_code(level)):
                allowed = ", ".join(sorted(map(repr, texts)))
                self._refuse(level, f"{self.name!r} holds {level!r}, none of its declared values {allowed}")
            names[level] = name
        return self._renamed(names)

    def _only_spelling(self, truth: str) -> str:
        """The level, if no other names the same truth value. Raises InvalidOutput."""
        for other in self.found.levels:
            if other != truth and truth_of(other) == truth_of(truth):
                self._refuse_spelling(truth, other)
        return truth

    def complete(self) -> Categories:
        """The groups, missing values by their name. Raises InvalidOutput if they have none."""
        missing = self.found.codes < 0
        if not missing.any():
            return self.found
        if self.unknown is None:
            first = self.table.where(int(np.argmax(missing)))
            raise InvalidOutput(
                f"{self.table.name}: {int(missing.sum())} of {self.table.n} rows have no {self.name!r}, first on "
                f"{first}; call them something with `unknown: not stated`, or take them out of the table"
            )
        levels = list(dict.fromkeys([*self.found.levels, self.unknown]))
        return Categories(np.where(missing, levels.index(self.unknown), self.found.codes).astype(np.int32), levels)

    def _renamed(self, names: dict[str, str | None]) -> _Column:
        """Other names for levels, None for no value."""
        wanted = [names.get(level, level) for level in self.found.levels]
        levels = list(dict.fromkeys(name for name in wanted if name is not None))
        codes = np.array([-1 if name is None else levels.index(name) for name in wanted] + [-1], dtype=np.int32)
        return replace(self, found=Categories(codes[self.found.codes], levels))

    def _refuse_spelling(self, level: str, other: str) -> NoReturn:
        held = f"{self.name!r} holds {level!a}, and {other!a} on {self.table.where(self._row_of(other))}"
        as_text = f"`values: {{{self.name}: text}}`"
        if is_number(level):
            self._refuse(level, f"{held}: one number or two groups? Say `values: {{{self.name}: number}}` or {as_text}")
        self._refuse(
            level,
            f"{held}, which {'means' if truth_of(level) else 'looks'} the same: write both alike, or say {as_text}",
        )

    def _row_of(self, level: str) -> int:
        return int(np.argmax(self.found.codes == self.found.levels.index(level)))

    def _refuse(self, level: str, problem: str) -> NoReturn:
        self.table.refuse(self._row_of(level), problem)


def _plain(number: Decimal) -> str:
    """A number, exact, without zeros at its end or a sign of zero, and without exponent unless it is a long one."""
    sign, digits, power = number.as_tuple()
    kept = "".join(map(str, digits)).rstrip("0")
    if not kept:
        return "0"
    # Not `normalize`, which rounds to 28 digits, so that long numbers would become one group.
    exact = Decimal((sign, tuple(map(int, kept)), int(power) + len(digits) - len(kept)))
    return f"{exact:f}" if abs(exact.adjusted()) <= _MOST_PLAIN_DIGITS else str(exact)
