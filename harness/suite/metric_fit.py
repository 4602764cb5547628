"""Metrics that no row of a plan can have, as far as their columns and those that the task declares show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

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
    never = next((name for name in columns if not may_be_recorded(name, task)), None)
    if never is not None:
        return f"needs the column {never!r}, which {cell.task.label} never records"
    given: dict[str, object] = {**cell.task.parameters, **dict(cell.components.items())}
    for wanted, declared in ((True, task.columns_with), (False, task.columns_without)):
        for name, names in declared.items():
            missing = [column for column in columns if _is_among(column, names)]
            if missing and (given.get(name) is not None) is not wanted:
                when = _condition(name, wanted, is_role=name in task.roles)
                return f"needs the column {missing[0]!r}, which {cell.task.label} records {when} only"
    return ""


def may_be_recorded(column: str, task: Signature) -> bool:
    """Whether a task declares a column, by its name or by its beginning; each may be of one that declares none."""
    declared = chain(task.columns, *task.columns_with.values(), *task.columns_without.values())
    return not task.columns or _is_among(column, declared)


def _is_among(column: str, names: Iterable[str]) -> bool:
    return any(column.startswith(name[:-1]) if name.endswith("*") else column == name for name in names)


def _condition(name: str, wanted: bool, *, is_role: bool) -> str:
    if not is_role:
        return f"{'with' if wanted else 'without'} its parameter `{name}`"
    return f"{'under' if wanted else 'without'} {'an' if name == 'attack' else 'a'} {name}"
