"""The hooks of the harness. Their list is its architecture: each says where it runs and who may implement it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pluggy

from harness.contract.cells import Cell
from harness.contract.components import Component
from harness.contract.pages import Section
from harness.contract.rows import MeasuredCell, Row

PROJECT = "harness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare the components of the plugin.

    Runs in every process, also for `harness list`, so it must not import torch or other heavy packages.
    A plugin that raises here is left out and reported; the others stay.
    """


@hookspec
def harness_modify_cells(cells: list[Cell]) -> None:
    """Filter or reorder the plan in place.

    Runs beside metrics, in their process, once, after the plan is made and before anything is executed. Cells that
    are removed are reported as deselected. A plugin that fails, takes longer than a minute, adds or changes cells, or
    puts one there twice, is reported and ignored.
    """


@hookspec(firstresult=True)
def harness_incompatible(cell: Cell) -> str | None:
    """A reason why this cell cannot run, or None.

    Runs beside metrics while the plan is made, once per cell that fits by its protocols. The first reason given makes
    the cell `skipped`. A plugin that raises, or returns something else, is reported and ignored for that cell; one that
    takes longer than a minute for all cells, or ends the process, for all.
    """


@hookspec
def harness_provenance() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Extra facts to store with the run under the plugin's name, for instance a driver version.

    Runs beside metrics, once, before the first cell. Texts, numbers, lists and mappings, up to a million characters as
    JSON. What went wrong with one that fails stands in the place of its facts.
    """


@hookspec
def harness_run_start(run_id: str, cells: Sequence[Cell]) -> None:
    """The run begins. Runs beside metrics, in their process.

    Observer: one that fails is reported and ignored; one that takes longer than a minute is told no more in this run.
    """


@hookspec
def harness_cell_end(run_id: str, row: Row) -> None:
    """A cell has ended, whatever its status. Runs beside metrics. Observer."""


@hookspec
def harness_run_end(run_id: str, rows: Sequence[Row], exit_code: int) -> None:
    """The tables are written. Runs beside metrics. Observer."""


@hookspec
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:  # type: ignore[empty-body]
    """Sections to add to the page of a run, between its curves and its pictures.

    Runs beside metrics, in their process, once, with the cells that have records. A plugin that fails, or whose
    template cannot be filled in, is reported and adds nothing.
    """


@hookspec
def harness_redact(text: str) -> str | None:
    r"""The text that tables, pages and printed logs show instead of this one; None to leave it as it is.

    Runs beside metrics, for every reason of a row or a number, every warning of a plugin, log, and text that a section
    of a page shows; pictures are left out by `--no-examples`. A plugin that fails has its text left out. Files of
    cells, such as records and logs, stay as they are.

        @hookimpl
        def harness_redact(text):
            return re.sub(r"[\w.]+@[\w.]+", "[an address]", text)
    """
