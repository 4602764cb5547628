"""The components of the core itself, registered through the same hook as every plugin."""

from __future__ import annotations

from collections.abc import Iterable

from harness.contract.components import Component
from harness.hooks import hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the aggregate that belongs to no field."""
    return [Component("aggregate", "over_seeds", "harness.scoring.over_seeds:OverSeeds")]
