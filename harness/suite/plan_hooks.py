"""Hooks of plugins that filter a plan or object to its cells: plugins get copies, and answers in plain values count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from harness.contract.cells import Cell
from harness.contract.errors import InvalidOutput
from harness.isolation import Fault, isolated, one_line
from harness.plugins import Catalog

MODIFY = "harness_modify_cells"
INCOMPATIBLE = "harness_incompatible"


class PlanHooks(Protocol):
    """Calls the hooks of plugins while a plan is made; whatever they do comes back as a value or as a `Fault`."""

    def kept_cells(self, plugin: str, cells: Sequence[Cell]) -> list[int] | Fault:
        """The places of the cells that a plugin keeps, in its order."""

    def objections(self, plugin: str, cells: Sequence[Cell]) -> list[str | Fault] | Fault:
        """For each cell why a plugin says that it cannot run; empty if it says nothing."""


class PlanHooksHere:
    """Calls the hooks in this process, where an exception is all that can be caught.

    Args:
        catalog: the plugins.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def kept_cells(self, plugin: str, cells: Sequence[Cell]) -> list[int] | Fault:
        return isolated(lambda: kept_by(plugin, cells, self._catalog))

    def objections(self, plugin: str, cells: Sequence[Cell]) -> list[str | Fault] | Fault:
        return isolated(lambda: objections_of(plugin, cells, self._catalog))


def kept_by(plugin: str, cells: Sequence[Cell], catalog: Catalog) -> list[int] | Fault:
    """Return the places of the cells that a plugin keeps, in its order.

    Raises:
        InvalidOutput: it has put something else into the plan, or a cell twice.
    """
    copies = [_copy(cell) for cell in cells]
    places = {id(copy): place for place, copy in enumerate(copies)}
    modified = list(copies)
    answer = _hook(plugin, MODIFY, catalog)(cells=modified)
    if isinstance(answer, Fault):
        return answer
    kept = [places.get(id(cell), -1) for cell in modified]
    if -1 in kept:
        raise InvalidOutput("put something new into the plan")
    if len(set(kept)) < len(kept):
        raise InvalidOutput("put a cell into the plan twice")
    return kept


def objections_of(plugin: str, cells: Sequence[Cell], catalog: Catalog) -> list[str | Fault]:
    """Return for each cell why a plugin says that it cannot run, or how the plugin failed; empty if it says nothing."""
    ask = _hook(plugin, INCOMPATIBLE, catalog)
    return [isolated(lambda cell=cell: _reason(ask(cell=_copy(cell)))) for cell in cells]  # type: ignore[misc]


def _reason(answer: Any) -> str | Fault:
    if answer is None or isinstance(answer, Fault):
        return answer or ""
    if not isinstance(answer, str):
        raise InvalidOutput(f"it must return text or None, not {type(answer).__name__}")
    return one_line(answer)


def _copy(cell: Cell) -> Cell:
    """Return a cell that a plugin may do with what it likes."""
    return Cell.from_json(cell.to_json())


def _hook(plugin: str, hook: str, catalog: Catalog) -> Callable[..., Any]:
    (call,) = (call for name, call in catalog.implementations(hook) if name == plugin)
    return call


def filtered(cells: Sequence[Cell], catalog: Catalog, hooks: PlanHooks) -> tuple[list[Cell], list[str]]:
    """Return the cells as plugins filter and reorder them, and a warning for each plugin that failed and is ignored."""
    left, warnings = list(cells), []
    for plugin, _ in catalog.implementations(MODIFY):
        kept = hooks.kept_cells(plugin, left)
        if isinstance(kept, Fault):
            warnings.append(f"plugin {plugin!r} is ignored: {MODIFY}: {kept.reason}")
        else:
            left = [left[place] for place in kept]
    return left, warnings


def first_objections(cells: Sequence[Cell], catalog: Catalog, hooks: PlanHooks) -> tuple[dict[int, str], list[str]]:
    """Return for cells, by place, the first reason of a plugin why they cannot run, and a warning for each failure."""
    reasons: dict[int, str] = {}
    warnings = []
    for plugin, _ in catalog.implementations(INCOMPATIBLE):
        places = [place for place, cell in enumerate(cells) if not cell.skip and place not in reasons]
        answers = hooks.objections(plugin, [cells[place] for place in places]) if places else []
        each = [answers] if isinstance(answers, Fault) else answers
        faults = [answer for answer in each if isinstance(answer, Fault)]
        warnings += [f"plugin {plugin!r} is ignored: {INCOMPATIBLE}: {fault.reason}" for fault in faults]
        if not isinstance(answers, Fault):
            told = zip(places, answers, strict=True)
            reasons |= {place: answer for place, answer in told if isinstance(answer, str) and answer}
    return reasons, warnings
