"""Columns of a table as the inputs of a model: numbers standardised, categories one-hot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from harness.api import Categories, InvalidOutput, Table, is_missing_code, refuse_lookalikes, truth_of

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]
Levels = Mapping[str, Sequence[str | int | float | bool] | int]
"""Of features that are categories, their levels, or how many there may be."""

_MAX_LEVELS = 1000
_MIN_LEVELS_OF_AN_ID = 5
_ORNAMENT = re.compile(r"[\s'’_,$€£¥%]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MISSING = "missing"


def standardised(table: Table, features: Sequence[str], train: Rows | None, levels: Levels) -> Floats:
    """Inputs `[n, d]`: numbers and truth values with mean 0 and deviation 1 over the training rows, others one-hot.

    Args:
        table: the table.
        features: its columns in order.
        train: `[n]`, the rows that means and deviations come from; None leaves numbers as they are.
        levels: the features that are categories by declaration.

    Raises:
        InvalidOutput: a number is missing, numbers and other texts are mixed, or a column has the levels of an id. A
            missing category is a category of its own.
    """
    undeclared = [name for name in levels if name not in features]
    if undeclared:
        raise InvalidOutput(f"`levels:` names {undeclared[0]!r}, which is not among the features {', '.join(features)}")
    parts = [_inputs(table, name, train, levels.get(name)) for name in features]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _inputs(
    table: Table, name: str, train: Rows | None, declared: Sequence[str | int | float | bool] | int | None
) -> npt.NDArray[np.floating]:
    if declared is not None:
        return _one_hot(_declared(table, name, declared), table.n)
    if not table.is_text(name, "features"):
        return _scaled(table, name, table.numbers(name, "features"), train)
    found = table.categories(name, "features")
    if _is_of_numbers(found):
        return _scaled(table, name, table.numbers(name, "features"), train)
    if all(map(truth_of, found.levels)):
        return _scaled(table, name, _truths(table, name, found), train)
    refuse_lookalikes(table, name, "feature", found)
    n_levels = len(found.levels)
    if n_levels > _MAX_LEVELS or n_levels >= max(_MIN_LEVELS_OF_AN_ID, table.n / 2):
        raise InvalidOutput(
            f"{table.name}: the feature {name!r} has {n_levels:,} levels for {table.n:,} rows: an id? Take it out of "
            f"the features, or allow so many with `levels: {{{name}: {n_levels}}}`"
        )
    return _one_hot(found, table.n)


def _truths(table: Table, name: str, found: Categories) -> npt.NDArray[np.float64]:
    """Truth values of text as 1 and 0, as those of Parquet and JSON are. Raises InvalidOutput."""
    if (found.codes < 0).any():
        table.refuse(int(np.argmax(found.codes < 0)), f"the feature {name!r} is missing, true or false elsewhere")
    for code, level in enumerate(found.levels):
        first = next(other for other in found.levels if truth_of(other) == truth_of(level))
        if first != level:
            row = int(np.argmax(found.codes == code))
            table.refuse(row, f"the feature {name!r} holds {level!r}, above {first!r}; write both alike")
    return np.array([truth_of(level) == "true" for level in found.levels], dtype=np.float64)[found.codes]


def _center_and_deviation(numbers: npt.NDArray[np.float64]) -> tuple[float, float]:
    # Round-off gives equal numbers a deviation too.
    return float(numbers.mean()), float(numbers.std()) if np.ptp(numbers) > 0 else 1.0


def _scaled(table: Table, name: str, numbers: npt.NDArray[np.float64], train: Rows | None) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        center, deviation = (0.0, 1.0) if train is None else _center_and_deviation(numbers[train])
        scaled: npt.NDArray[np.float64] = (numbers - center) / (deviation if deviation > 0 else 1.0)
    fits = np.abs(scaled) <= np.finfo(np.float32).max
    if not np.isfinite(deviation) or not fits.all():
        row = int(np.argmax(~fits) if np.isfinite(deviation) else np.argmax(np.abs(numbers)))
        table.refuse(
            row,
            f"the feature {name!r} holds {numbers[row]:g}, too large to be standardised in single precision; is it a "
            "code for a missing value? Write a number, or take the row out",
        )
    return scaled[:, None]


def _is_of_numbers(found: Categories) -> bool:
    """Whether a column of text is one of numbers: most of its rows are, or all that are not are codes for missing.

    Numbers with ornaments, such as "1,000" and "$5", count, so that they are refused as numbers.
    """
    rows = np.bincount(found.codes[found.codes >= 0], minlength=len(found.levels))
    numbers = np.array([bool(_NUMBER.fullmatch(_ORNAMENT.sub("", level))) for level in found.levels], dtype=bool)
    others = [level for level, number in zip(found.levels, numbers, strict=True) if not number]
    if not others or (numbers.any() and all(map(is_missing_code, others))):
        return True
    return bool(2 * rows[numbers].sum() >= rows.sum())


def _declared(table: Table, name: str, declared: Sequence[str | int | float | bool] | int) -> Categories:
    found = table.categories(name, "features")
    if isinstance(declared, int):
        if len(found.levels) > declared:
            row = int(np.argmax(found.codes == declared))
            table.refuse(row, f"the feature {name!r} has more than {declared:,} levels, as `levels:` allows")
        return found
    names = [_as_written(str(level), found.levels) for level in declared]
    for code, level in enumerate(found.levels):
        if level not in names:
            row = int(np.argmax(found.codes == code))
            table.refuse(row, f"the feature {name!r} holds {level!r}, none of its levels {', '.join(map(repr, names))}")
    codes = np.array([*(names.index(level) for level in found.levels), -1], dtype=np.int32)
    return Categories(codes[found.codes], names)


def _as_written(name: str, levels: Sequence[str]) -> str:
    """A declared level in the spelling of the column: true, True and TRUE are one truth value."""
    alike = [level for level in levels if truth_of(level) == truth_of(name) is not None]
    return alike[0] if name not in levels and len(alike) == 1 else name


def _one_hot(found: Categories, n: int) -> Floats:
    """A column for each level, in the order of its text where none is declared; missing is a level of its own."""
    missing = [_MISSING] if (found.codes < 0).any() else []
    names = {name: column for column, name in enumerate(sorted({*found.levels, *missing}))}
    column_of = np.array([names[level] for level in [*found.levels, *missing]])
    inputs = np.zeros((n, len(names)), dtype=np.float32)
    inputs[np.arange(n), column_of[found.codes]] = 1
    return inputs
