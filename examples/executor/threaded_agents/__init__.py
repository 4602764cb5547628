"""An executor whose places are agents in this process, one in each of its threads."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the executor; its module is imported only where it is used."""
    executor = Declarations("executor", __name__)
    return [executor("threaded_agents", "executor:ThreadedAgents")]
