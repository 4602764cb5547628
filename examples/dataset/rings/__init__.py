"""A dataset: points on two circles, one within the other."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the dataset; its module is imported only where it is used."""
    dataset = Declarations("dataset", __name__)
    return [dataset("rings", "dataset:make_points")]
