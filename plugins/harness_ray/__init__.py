"""Cells on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the executor."""
    executor = Declarations("executor", __name__)
    return [executor("ray", "executor:Ray", "Moritz et al. 2018, arXiv:1712.05889", requires=("ray",))]
