"""A reporter: a picture of one metric with its intervals."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the reporter; its module is imported only where it is used."""
    reporter = Declarations("reporter", __name__)
    return [reporter("dot_plot", "reporter:DotPlot")]
