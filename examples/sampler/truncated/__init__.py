"""A sampler that trades variety for quality."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the sampler; its module is imported only where it is used."""
    sampler = Declarations("sampler", __name__, tasks={"generate"})
    return [sampler("truncated", "sampler:Truncated")]
