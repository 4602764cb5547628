"""Converts the columns of a table to labels, scores, groups and inputs, each by the role that is declared for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import Examples, GroupValues, InvalidOutput, Split, Table, Texts, parts_by_hash, read_groups
from harness_fairness.data.classes import coded, two_classes
from harness_fairness.data.features import Levels, standardised

_NUMBERS = ("errors", "words", "correct_words", "genuine", "confidence")
"""Record columns that are numbers in the field's terms, so that `keep` takes their columns as such."""


@dataclass(frozen=True)
class Kept:
    """A further column of the table and how it is taken: as text, as it is written, or as numbers."""

    column: str
    type: Literal["text", "number"]

    @classmethod
    def of(cls, name: str, declared: str | Mapping[str, str]) -> Kept:
        """What a suite declares for the record column of this name. Raises InvalidOutput."""
        by_default: Literal["text", "number"] = "number" if name in _NUMBERS else "text"
        if isinstance(declared, str):
            return cls(declared, by_default)
        wrong = sorted(set(declared) - {"column", "type"})
        kind = declared.get("type", by_default)
        if wrong or "column" not in declared or kind not in ("text", "number"):
            raise InvalidOutput(f"`keep: {{{name}: ...}}` takes a column, or {{column: ..., type: text or number}}")
        return cls(declared["column"], "number" if kind == "number" else "text")


@dataclass(frozen=True)
class Roles:
    """The columns of a table by the role that each has.

    Attributes:
        id: names the rows; None numbers them.
        label: the true class.
        positive, negative: the values of the label that mean 1 and 0; without `negative` every value but the positive
            one must be the same. Without a label they are those of the prediction.
        classes: the values of the label in order, for more than two of them; then there is no positive one.
        target: the number to predict, for regression.
        score: the score of the row by a system.
        prediction: the class that a system gave the row, in the values of the label.
        groups: the columns that rows are grouped by.
        values: what group columns hold, where text without codes for missing values is not enough.
        features: the inputs of a model; columns of numbers are standardised, others one-hot.
        scaled: whether numbers among the features are standardised, or left as they are.
        levels: of features that are categories, their levels or how many there may be.
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
    values: Mapping[str, GroupValues] = field(default_factory=dict)
    features: Sequence[str] = ()
    scaled: bool = True
    levels: Levels = field(default_factory=dict)
    keep: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    unknown: str | None = None

    @property
    def kept(self) -> Mapping[str, Kept]:
        """Record column to what is kept in it. Raises InvalidOutput."""
        return {name: Kept.of(name, declared) for name, declared in self.keep.items()}

    @property
    def columns(self) -> set[str]:
        """The columns of the table that have a role."""
        single = (self.id, self.label, self.target, self.score, self.prediction)
        kept = {kept.column for kept in self.kept.values()}
        return {name for name in single if name is not None} | {*self.groups, *self.features} | kept


def examples_of(table: Table, roles: Roles, split: Split = "all") -> Examples:
    """The examples of a split. What the features are standardised with comes from the training rows alone.

    Raises:
        InvalidOutput: a column that is not there, a missing or unknown value, duplicate ids, an empty split.
    """
    ids = Texts.numbered("row-", table.n, 7) if roles.id is None else table.names(roles.id, "id")
    undeclared = [name for name in roles.values if name not in roles.groups]
    if undeclared:
        raise InvalidOutput(f"`values:` names {undeclared[0]!r}, which is not among the groups")
    part_of_row = None if split == "all" and not roles.features else parts_by_hash(ids)
    rows = np.arange(table.n) if split == "all" or part_of_row is None else np.flatnonzero(part_of_row == split)
    if not len(rows):
        raise InvalidOutput(f"{table.name}: the split {split!r} has no rows of {table.n}")
    groups = {name: _group(table, name, roles, rows) for name in roles.groups}
    columns, facts = _outcomes(table, roles)
    if part_of_row is not None and roles.features:
        train = part_of_row == "train"
        learnt = train if train.any() else np.isin(np.arange(table.n), rows)
        inputs = standardised(table, roles.features, learnt if roles.scaled else None, roles.levels)
        columns["inputs"] = inputs
        facts["box"] = [float(np.floor(inputs.min())), float(np.ceil(inputs.max()))]
    for name, kept in roles.kept.items():
        if name in ("id", *columns):
            raise InvalidOutput(f"`keep:` names {name!r}, which the records hold already; call it something else")
        columns[name] = _kept(table, name, kept)
    if len(rows) < table.n:
        ids = ids.take(rows)
        columns = {name: _at(column, rows) for name, column in columns.items()}
    return Examples(ids, columns, groups, facts)


def _group(table: Table, name: str, roles: Roles, rows: npt.NDArray[np.intp]) -> Texts:
    found = read_groups(table, name, roles.unknown, roles.values.get(name))
    return Texts.coded(found.codes if len(rows) == table.n else found.codes[rows], found.levels)


def _outcomes(table: Table, roles: Roles) -> tuple[dict[str, Any], dict[str, Any]]:
    """Labels, predictions, targets and scores, and the facts about them."""
    columns: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    judged = {"label": roles.label, "prediction": roles.prediction}
    present = {role: column for role, column in judged.items() if column is not None}
    for role, column in present.items():
        if "classes" not in facts:
            facts["classes"] = list(roles.classes or two_classes(table, column, role, roles.positive, roles.negative))
        columns[f"{role}s"] = coded(table, column, role, facts["classes"])
    if roles.features and isinstance(columns.get("labels"), list):
        table.refuse(columns["labels"].index(None), "the label is missing; a model needs all of them")
    if roles.target is not None:
        columns["targets"] = _targets(table, roles.target)
    if roles.score is not None:
        columns["scores"] = table.numbers(roles.score, "score")
    return columns, facts


def _targets(table: Table, name: str) -> npt.NDArray[np.float64]:
    """The numbers to predict. Raises InvalidOutput where models, which predict in single precision, cannot."""
    targets = table.numbers(name, "target")
    fits = np.abs(targets) <= np.finfo(np.float32).max
    if not fits.all():
        row = int(np.argmin(fits))
        table.refuse(
            row, f"the target {name!r} is {targets[row]:g}, too large for single precision; is it a code for none?"
        )
    return targets


def _kept(table: Table, name: str, kept: Kept) -> Any:
    if kept.type == "text":
        return table.texts(kept.column, f"`keep: {name}`")
    numbers = table.numbers(kept.column, f"`keep: {name}`", missing="keep")
    missing = np.isnan(numbers)
    if not missing.any():
        return numbers
    return [None if lacks else number for number, lacks in zip(numbers.tolist(), missing, strict=True)]


def _at(column: Any, rows: npt.NDArray[np.intp]) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]
