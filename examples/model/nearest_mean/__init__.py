"""A model that learns one image for each class."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the model; its module is imported only where it is used."""
    model = Declarations("model", __name__, tasks={"classify"})
    return [model("nearest_mean", "model:NearestMean", trained_on="digits")]
