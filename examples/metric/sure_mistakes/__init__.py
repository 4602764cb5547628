"""A metric of answers that were wrong although the model was sure."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the metric; its module is imported only where it is used."""
    metric = Declarations("metric", __name__, tasks={"classify"})
    return [metric("sure_mistakes", "metric:SureMistakes")]
