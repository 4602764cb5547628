"""Rules of a plan: in which order cells are measured, and which make no sense."""

from __future__ import annotations

from harness.api import Cell, hookimpl


@hookimpl
def harness_modify_cells(cells: list[Cell]) -> None:
    """Measure cells without attack before all others, so that a wrong model is seen early."""
    cells.sort(key=lambda cell: cell.labels.get("attack", "none") != "none")


@hookimpl
def harness_incompatible(cell: Cell) -> str | None:
    """Skip attacks that may move nothing, with the reason that the table shows."""
    attack = cell.components.get("attack")
    return "an attack with a budget of 0" if attack and attack.parameters.get("eps") == 0 else None
