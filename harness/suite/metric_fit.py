"""Metrics that no row of a plan can have, as far as their columns and those that the task declares show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.contract.cells import Cell, Use
from harness.signatures import Signature

ReadSignature = Callable[[Use], Signature]


def reason_against(metric: Use, cells: Iterable[Cell], read: ReadSignature) -> str:
    """Return why none of these cells can have a metric; empty if one of them may, or there is none.

    Args:
        metric: the metric.
        cells: the cells that it would be computed of.
        read: the signature of a component.
    """
    reasons = []
    for cell in cells:
        reason = _reason(read(metric).columns, cell, read(cell.task))
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else ""


def _reason(columns: Sequence[str], cell: Cell, task: Signature) -> str:
    """Why the records of a cell lack a column; empty if nothing says that they do."""
    filled = {role for role, use in cell.components.items() if use is not None}
    for word, declared, wanted in (("under", task.columns_with, True), ("without", task.columns_without, False)):
        for role, names in declared.items():
            missing = [name for name in columns if name in names]
            if missing and (role in filled) is not wanted:
                article = "an" if role == "attack" else "a"
                return f"needs the column {missing[0]!r}, which {cell.task.label} records {word} {article} {role} only"
    return ""
