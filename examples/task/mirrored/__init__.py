"""A task with a metric, a column of its own in tables, and a section of its own on pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_EXAMPLE = """
data: {use: digits, limit: 24}
models: [shipped_digits]
metrics: [mirrored/unchanged]
"""


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the task with the smallest suite in which it runs, and its metric."""
    task, metric = Declarations("task", __name__), Declarations("metric", __name__, tasks={"mirrored"})
    return [task("mirrored", "task:Mirrored", example=_EXAMPLE), metric("unchanged", "metric:Unchanged")]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show images whose mirror image is given another class."""
    from mirrored.page import section

    return section(cells)
