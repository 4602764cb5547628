"""The state of every cell of a run: the inputs of its key, whether it ran or was reused, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from harness.contract.cells import Cell
from harness.contract.rows import MeasuredCell
from harness.execution.environments import Environment
from harness.plugins import Catalog
from harness.store.keys import cell_key_inputs, key_of
from harness.store.store import Store
from harness.suite.plan import Plan

How = Literal["ran", "reused"]


@dataclass(frozen=True)
class RunState:
    """The cells of a run by id.

    Attributes:
        inputs: all that may change the records of a cell; none for one that is skipped.
        keys: the cache keys made of them.
        how: whether a cell was executed or taken from the store; none for one that was skipped or never ended.
        ended: the cells that have ended.
    """

    inputs: Mapping[str, dict[str, Any]]
    keys: Mapping[str, str]
    how: dict[str, How] = field(default_factory=dict)
    ended: dict[str, MeasuredCell] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        plan: Plan,
        catalog: Catalog,
        store: Store,
        device: str,
        environments: Mapping[str, Environment] = MappingProxyType({}),
    ) -> RunState:
        """Return the state before the first cell. Raises StoreError if a file that a key depends on cannot be read."""
        cells = [cell for cell in plan.cells if not cell.skip]
        inputs = {cell.id: cell_key_inputs(cell, catalog, store, device) for cell in cells if not cell.environment}
        inputs |= {cell.id: environments[cell.environment].inputs[cell.id] for cell in cells if cell.environment}
        return cls(inputs, {cell_id: key_of(each) for cell_id, each in inputs.items()})

    def ended_among(self, cells: Iterable[Cell]) -> list[MeasuredCell]:
        """Return those of these cells that have ended, in this order."""
        return [self.ended[cell.id] for cell in cells if cell.id in self.ended]

    def count(self, how: How) -> int:
        """Return how many cells were done in this way."""
        return list(self.how.values()).count(how)
