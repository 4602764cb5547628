"""An aggregate: how good several models are that decide together."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the aggregate; its module is imported only where it is used."""
    aggregate = Declarations("aggregate", __name__, tasks={"classify"})
    return [aggregate("majority_vote", "aggregate:MajorityVote")]
