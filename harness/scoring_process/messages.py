"""Calls and answers as JSON, one object per line; no object of a plugin is ever pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from harness.contract.cells import Use
from harness.contract.rows import MeasuredCell, Row, Status
from harness.isolation import Fault
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


_CALLS: Mapping[str, Callable[[PluginCalls, Message], tuple[Any, Callable[[Any], Any]]]] = {
    "estimate": _estimate,
    "group_rows": _group_rows,
    "aggregate": _aggregate,
    "doubts": _doubts,
    "report": _report,
    "limits": _limits,
}
