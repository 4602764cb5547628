"""An attack that tries the outermost points of its budget at random."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the attack; its module is imported only where it is used."""
    attack = Declarations("attack", __name__, tasks={"classify"})
    return [attack("corners", "attack:Corners")]
