"""Converts the columns of a table to labels, scores, groups and standardised inputs, each by its role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import Examples, InvalidOutput
from harness_fairness.data.table_files import Table

Split = Literal["all", "train", "validation", "test"]
Floats = npt.NDArray[np.float32]
_SHARES = {"test": 0.2, "validation": 0.4}
"""Up to which share of the hash of its id a row belongs to a split; the rest is for training."""


@dataclass(frozen=True)
class Roles:
    """The columns of a table by the role that each has.

    Attributes:
        id: names the rows; None numbers them.
        label: the true class.
        positive, negative: the values of the label that mean 1 and 0; without `negative` every value but the positive
            one must be the same.
        classes: the values of the label in order, for more than two of them; then there is no positive one.
        target: the number to predict, for regression.
        score: the score of the row by a system.
        prediction: the class that a system gave the row, in the values of the label.
        groups: the columns that rows are grouped by.
        features: the inputs of a model; columns of numbers are standardised, others one-hot.
        keep: record column to column of the table, for what a metric reads, e.g. {"words": "Total"}.
        unknown: the group of a row without a value; None refuses such rows.
    """

    id: str | None = None
    label: str | None = None
    positive: str | None = None
    negative: str | None = None
    classes: Sequence[str] | None = None
    target: str | None = None
    score: str | None = None
    prediction: str | None = None
    groups: Sequence[str] = ()
    features: Sequence[str] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    unknown: str | None = None


def examples_of(table: Table, roles: Roles, split: Split = "all") -> Examples:
    """The examples of a split. What the features are standardised with comes from the training rows alone.

    Raises:
        InvalidOutput: a column that is not there, a missing or unknown value, duplicate ids, an empty split.
    """
    ids = _ids(table, roles.id)
    share = np.array([int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64 for name in ids])
    train = share >= _SHARES["validation"]
    chosen = {
        "all": np.ones(table.n, dtype=bool),
        "train": train,
        "test": share < _SHARES["test"],
        "validation": (share >= _SHARES["test"]) & ~train,
    }[split]
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise InvalidOutput(f"{table.name}: the split {split!r} has no rows of {table.n}")
    groups = {name: _group(table, name, roles.unknown) for name in roles.groups}
    facts: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    if roles.label is not None:
        classes = _classes(table, roles)
        columns["labels"] = _coded(table, roles.label, "label", classes)
        if roles.features and isinstance(columns["labels"], list):
            missing = columns["labels"].index(None)
            raise InvalidOutput(
                f"{table.name}, {table.where(missing)}: the label is missing; a model needs all of them"
            )
        facts["classes"] = list(classes)
        if roles.prediction is not None:
            columns["predictions"] = _coded(table, roles.prediction, "prediction", classes)
    if roles.target is not None:
        columns["targets"] = _complete(table, roles.target, "target")
    if roles.score is not None:
        columns["scores"] = _complete(table, roles.score, "score")
    if roles.features:
        inputs = standardised(table, roles.features, train if train.any() else chosen)
        columns["inputs"] = inputs
        facts["box"] = [float(np.floor(inputs.min())), float(np.ceil(inputs.max()))]
    for name, source in roles.keep.items():
        columns[name] = _raw(table, source, f"{name!r}")
    return Examples(
        [ids[i] for i in rows],
        {name: _at(column, rows) for name, column in columns.items()},
        {name: _at(column, rows) for name, column in groups.items()},
        facts,
    )


def _at(column: Any, rows: npt.NDArray[np.intp]) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]


def standardised(table: Table, features: Sequence[str], train: npt.NDArray[np.bool_]) -> Floats:
    """Inputs `[n, d]`: columns of numbers with mean 0 and deviation 1 over the training rows, others one-hot.

    Raises:
        InvalidOutput: a number is missing; a missing category is a category.
    """
    parts = []
    for name in features:
        values = table.column(name, "features")
        if all(_is_number(value) for value in values if value is not None):
            numbers = _complete(table, name, "features")
            deviation = numbers[train].std()
            parts.append(((numbers - numbers[train].mean()) / (deviation if deviation > 0 else 1.0))[:, None])
        else:
            texts = ["missing" if value is None else str(value) for value in values]
            levels = {level: i for i, level in enumerate(sorted(set(texts)))}
            parts.append(np.eye(len(levels))[[levels[text] for text in texts]])
    return np.concatenate(parts, axis=1).astype(np.float32)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _ids(table: Table, column: str | None) -> list[str]:
    if column is None:
        return [f"row-{i:07d}" for i in range(table.n)]
    first: dict[str, int] = {}
    for i, value in enumerate(table.column(column, "id")):
        if value is None:
            raise InvalidOutput(f"{table.name}, {table.where(i)}: the id is missing (column {column!r})")
        if str(value) in first:
            before = table.where(first[str(value)])
            raise InvalidOutput(f"{table.name}: the id {str(value)!r} stands on {before} and on {table.where(i)}")
        first[str(value)] = i
    return list(first)


def _group(table: Table, name: str, unknown: str | None) -> list[str]:
    values = table.column(name, "groups")
    missing = [i for i, value in enumerate(values) if value is None]
    if missing and unknown is None:
        raise InvalidOutput(
            f"{table.name}: {len(missing)} of {table.n} rows have no {name!r}, first on {table.where(missing[0])}; "
            "call them something with `unknown: not stated`, or take them out of the table"
        )
    return [str(unknown) if value is None else str(value) for value in values]


def _classes(table: Table, roles: Roles) -> list[str]:
    """The values of the label in the order of their numbers. Raises InvalidOutput."""
    if roles.classes is not None:
        return list(roles.classes)
    seen = list(dict.fromkeys(_spelt(v) for v in table.column(roles.label or "", "label") if v is not None))
    positive = _spelt(roles.positive) if roles.positive is not None else None
    if positive is None:
        if set(seen) <= {"0", "1"}:
            return ["0", "1"]
        raise InvalidOutput(f"{table.name}: the label {roles.label!r} holds {_some(seen)}; say which is `positive:`")
    if positive not in seen and roles.negative is None:
        raise InvalidOutput(f"{table.name}: no row has the positive label {positive!r}; there are {_some(seen)}")
    others = [value for value in seen if value != positive] if roles.negative is None else [_spelt(roles.negative)]
    if len(others) > 1:
        raise InvalidOutput(
            f"{table.name}: the label {roles.label!r} holds {_some(seen)}; name the `negative:` value or all `classes:`"
        )
    return [others[0] if others else f"not {positive}", positive]


def _coded(table: Table, column: str, role: str, classes: Sequence[str]) -> Any:
    code_of = {_spelt(name): i for i, name in enumerate(classes)}
    codes: list[int | None] = []
    for i, value in enumerate(table.column(column, role)):
        if value is not None and _spelt(value) not in code_of:
            raise InvalidOutput(
                f"{table.name}, {table.where(i)}: the {role} {value!r} is none of the classes {_some(list(classes))}"
            )
        codes.append(None if value is None else code_of[_spelt(value)])
    return codes if None in codes else np.array(codes, dtype=np.int64)


def _spelt(value: Any) -> str:
    """A class as text, whole numbers and truth values without ornament, so that "1.0", 1 and True are one class."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _complete(table: Table, column: str, role: str) -> npt.NDArray[np.float64]:
    numbers = table.numbers(column, role)
    missing = [i for i, value in enumerate(numbers) if value is None]
    if missing:
        raise InvalidOutput(
            f"{table.name}: {len(missing)} of {table.n} rows have no {column!r} ({role}), first on "
            f"{table.where(missing[0])}"
        )
    return np.array(numbers, dtype=np.float64)


def _raw(table: Table, column: str, role: str) -> Any:
    values = table.column(column, role)
    if all(_is_number(value) for value in values if value is not None):
        numbers = table.numbers(column, role)
        return numbers if None in numbers else np.array(numbers, dtype=np.float64)
    return list(values)


def _some(values: Sequence[str]) -> str:
    return ", ".join(repr(value) for value in values[:6]) + (" and more" if len(values) > 6 else "")
