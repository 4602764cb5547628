"""Calls and answers as JSON, one object per line; no object of a plugin is ever pickled."""

from __future__ import annotations

import base64
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract.cells import Cell, Use
from harness.contract.rows import MeasuredCell, Row, Status
from harness.contract.tasks import Influences
from harness.isolation import Fault
from harness.scoring.page_sections import FilledSection
from harness.scoring.per_example import Values
from harness.scoring.plugin_calls import PluginCalls
from harness.store.records import read_records

Message = Mapping[str, Any]


def cell_to_json(cell: MeasuredCell) -> dict[str, Any]:
    """Return a cell without its records, which lie in its folder."""
    return {"row": cell.row.to_json(), "digest": cell.digest, "folder": cell.folder and str(cell.folder.resolve())}


def _cell(raw: Message) -> MeasuredCell:
    row, folder = Row.from_json(raw["row"]), Path(raw["folder"] or ".")
    return MeasuredCell(row, raw["digest"], partial(read_records, folder, row.protocol), raw["folder"] and folder)


def fault_to_json(fault: Fault) -> dict[str, str]:
    """Return a fault as a JSON object."""
    return {"status": str(fault.status), "reason": fault.reason, "traceback": fault.traceback}


def fault_of(raw: Message) -> Fault:
    """The inverse of `fault_to_json`. Raises LookupError, TypeError or ValueError for what is none."""
    return Fault(Status(raw["status"]), str(raw["reason"]), str(raw["traceback"]))


def answer(calls: PluginCalls, call: Message) -> dict[str, Any]:
    """Return the answer to a call, made by `calls`: its `value` or its `fault`."""
    value, to_json = _CALLS[call["call"]](calls, call["arguments"])
    return {"fault": fault_to_json(value)} if isinstance(value, Fault) else {"value": to_json(value)}


def section_of(raw: Message) -> FilledSection:
    """Return a section of a page. Raises LookupError or TypeError for what is none."""
    texts = {name: str(raw[name]) for name in ("anchor", "title", "html", "style")}
    return FilledSection(**texts, cells=frozenset(map(str, raw["cells"])))


def _sections_to_json(sections: list[FilledSection]) -> list[dict[str, Any]]:
    return [asdict(section) | {"cells": sorted(section.cells)} for section in sections]


def news_to_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an observer's hook: cells and rows as JSON objects, the others as they are."""
    one = {name: value.to_json() for name, value in arguments.items() if name == "row"}
    many = {name: [each.to_json() for each in value] for name, value in arguments.items() if name in _READ}
    return {**arguments, **one, **many}


def _news(raw: Message) -> dict[str, Any]:
    one = {name: Row.from_json(value) for name, value in raw.items() if name == "row"}
    many = {name: [_READ[name](each) for each in value] for name, value in raw.items() if name in _READ}
    return {**raw, **one, **many}


_READ: Mapping[str, Callable[[Any], Any]] = {"cells": Cell.from_json, "rows": Row.from_json}
"""The arguments that are lists, and what reads their members."""


def _values_to_json(values: Values | None) -> str | None:
    # In base64, since of millions of numbers their text would be slow.
    return None if values is None else base64.b64encode(values.astype("<f8").tobytes()).decode()


def values_from(raw: Any) -> Values | None:
    """Return an array of numbers. Raises ValueError or TypeError for what is none."""
    return None if raw is None else np.frombuffer(base64.b64decode(raw, validate=True), dtype="<f8").astype(np.float64)


def _influences_to_json(influences: Influences | None) -> dict[str, Any] | None:
    if influences is None:
        return None
    parts = {name: _values_to_json(part) for name, part in influences.parts.items()}
    return {"parts": parts, "freedom": influences.freedom}


def influences_from(raw: Any) -> Influences | None:
    """Return what examples add to an estimate. Raises LookupError, ValueError or TypeError for what is none."""
    if raw is None:
        return None
    parts = {str(name): values for name, part in raw["parts"].items() if (values := values_from(part)) is not None}
    return Influences(parts, raw["freedom"] and int(raw["freedom"]))


def _as_it_is(value: Any) -> Any:
    return value


def _rows_to_json(rows: list[Row]) -> list[dict[str, Any]]:
    return [row.to_json() for row in rows]


def _estimate(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.estimate(Use.from_json(raw["use"]), Path(raw["folder"]), raw["protocol"]), asdict


def _group_rows(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    metrics = [Use.from_json(use) for use in raw["metrics"]]
    return calls.group_rows(_cell(raw["cell"]), raw["groups"], metrics), _rows_to_json


def _aggregate(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.aggregate(Use.from_json(raw["use"]), [_cell(cell) for cell in raw["cells"]]), _rows_to_json


def _doubts(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.doubts(Use.from_json(raw["use"]), [_cell(cell) for cell in raw["cells"]]), _as_it_is


def _report(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    rows, cells = [Row.from_json(row) for row in raw["rows"]], [_cell(cell) for cell in raw["cells"]]
    made = calls.report(Use.from_json(raw["use"]), rows, cells, raw["directions"], Path(raw["folder"]))
    return made, _as_it_is


def _limits(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.limits(Use.from_json(raw["use"])), _as_it_is


def _sections(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    cells = [_cell(cell) for cell in raw["cells"]]
    return calls.sections(raw["plugin"], cells, examples=raw["examples"]), _sections_to_json


def _kept_cells(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.kept_cells(raw["plugin"], [Cell.from_json(cell) for cell in raw["cells"]]), _as_it_is


def _objections(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.objections(raw["plugin"], [Cell.from_json(cell) for cell in raw["cells"]]), _objections_to_json


def _objections_to_json(objections: list[str | Fault]) -> list[Any]:
    return [fault_to_json(each) if isinstance(each, Fault) else each for each in objections]


def objections_from(raw: Any, count: int) -> list[str | Fault]:
    """Return the objections to so many cells. Raises LookupError, TypeError or ValueError for what is none."""
    return [each if isinstance(each, str) else fault_of(each) for each in _list_of(raw, count)]


def texts_from(raw: Any, count: int) -> list[str]:
    """Return so many texts. Raises TypeError or ValueError for what is none."""
    if not all(isinstance(each, str) for each in _list_of(raw, count)):
        raise TypeError("no text")
    return list(raw)


def places_from(raw: Any, count: int) -> list[int]:
    """Return places in a list of that length, each at most once. Raises TypeError or ValueError for what is none."""
    places = [operator.index(each) for each in raw]
    if len(set(places)) < len(places) or not set(places) <= set(range(count)):
        raise ValueError("no places")
    return places


def _list_of(raw: Any, count: int) -> list[Any]:
    if not isinstance(raw, list) or len(raw) != count:
        raise ValueError("no list of that length")
    return raw


def _facts(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.facts(raw["plugin"]), _as_it_is


def _redact(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.redact(raw["texts"]), _as_it_is


def _notify(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.notify(raw["plugin"], raw["hook"], _news(raw["arguments"])), _as_it_is


def _per_example(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.per_example(Use.from_json(raw["use"]), Path(raw["folder"]), raw["protocol"]), _values_to_json


def _influences(calls: PluginCalls, raw: Message) -> tuple[Any, Callable[[Any], Any]]:
    return calls.influences(Use.from_json(raw["use"]), Path(raw["folder"]), raw["protocol"]), _influences_to_json


_CALLS: Mapping[str, Callable[[PluginCalls, Message], tuple[Any, Callable[[Any], Any]]]] = {
    "estimate": _estimate,
    "group_rows": _group_rows,
    "aggregate": _aggregate,
    "doubts": _doubts,
    "report": _report,
    "limits": _limits,
    "sections": _sections,
    "kept_cells": _kept_cells,
    "objections": _objections,
    "facts": _facts,
    "redact": _redact,
    "notify": _notify,
    "per_example": _per_example,
    "influences": _influences,
}
