"""Datasets: examples as columns, taken by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


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


@dataclass(frozen=True)
class Examples:
    """A dataset that fits in memory.

    Attributes:
        ids: one id per example, unique.
        columns: name to array `[n, ...]` or list of length n, e.g. {"inputs": ..., "labels": ...}.
        groups: group columns of length n.
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
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("example ids are not unique")

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns at these positions."""
        picked = list(indices)
        return {
            name: [column[i] for i in picked] if isinstance(column, list | tuple) else column[picked]
            for name, column in self.columns.items()
        }
