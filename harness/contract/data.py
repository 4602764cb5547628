"""Datasets: examples as columns, taken by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from harness.contract.texts import Texts


@runtime_checkable
class Dataset(Protocol):
    """Examples with stable ids, taken by position. The task decides the names of the columns.

    A dataset from which models can be trained has a parameter `split` with the value "train" among its
    choices.
    """

    @property
    def ids(self) -> Sequence[str]:
        """One id per example, unique, the same on every machine."""

    @property
    def groups(self) -> Mapping[str, Sequence[Any]]:
        """Group columns, e.g. {"sex": [...]}, copied into the records as `group.<name>`."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the task must know of the whole set, e.g. {"classes": [...], "box": [0.0, 1.0]}."""

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns of the examples at these positions: arrays `[len(indices), ...]` or lists."""


@runtime_checkable
class ReadAnew(Protocol):
    """A dataset that makes its examples anew at every take, such as from files whose content is in the cache key.

    No task can change them by what it does to those that it was given, so they are not hashed again after each cell.

    Attributes:
        reads_anew: whether it does. A dataset that hands out parts of arrays that it holds must not say so.
    """

    @property
    def reads_anew(self) -> bool:
        """Whether every take makes its examples anew."""


def shown_facts(data: Dataset) -> dict[str, str]:
    """What tables show of data: how many files were left out, and how many examples are in the training part too."""
    return {name: str(data.facts[name]) for name in ("damaged", "overlap") if name in data.facts}


class DatasetWrapper:
    """Base of datasets that change another: ids, groups, facts and columns are those of it, but for what they override.

    Args:
        dataset: the other.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the examples."""
        return self._dataset.ids

    @property
    def groups(self) -> Mapping[str, Sequence[Any]]:
        """The groups of the examples."""
        return self._dataset.groups

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts of the examples."""
        return self._dataset.facts

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns of the examples at these positions."""
        return self._dataset.take(indices)


@dataclass(frozen=True)
class Examples:
    """A dataset that fits in memory.

    Attributes:
        ids: one id per example, unique.
        columns: name to array `[n, ...]` or list of length n, e.g. {"inputs": ..., "labels": ...}.
        groups: group columns of length n; of millions, as `Texts`, as ids too.
        facts: what the task must know of the whole set.

    Raises:
        ValueError: columns of unequal length, or duplicate ids.
    """

    ids: Sequence[str]
    columns: Mapping[str, Any]
    groups: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in [*self.columns.items(), *self.groups.items()]:
            if len(column) != len(self.ids):
                raise ValueError(f"column {name!r} has {len(column)} entries for {len(self.ids)} ids")
        unique = self.ids.are_unique if isinstance(self.ids, Texts) else len(set(self.ids)) == len(self.ids)
        if not unique:
            raise ValueError("example ids are not unique")

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns at these positions."""
        positions = np.arange(*_bounds(indices)) if isinstance(indices, range) else list(indices)
        return {name: _taken(column, positions) for name, column in self.columns.items()}


def _bounds(positions: range) -> tuple[int, int, int]:
    return positions.start, positions.stop, positions.step


def _taken(column: Any, positions: Any) -> Any:
    if isinstance(column, Texts):
        return column.take(positions)
    return [column[i] for i in positions] if isinstance(column, list | tuple) else column[positions]
