"""Rows and files made of many cells: aggregates and reporters, isolated like every plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.contract.cells import Use
from harness.contract.plain import encodable
from harness.contract.rows import MeasuredCell, Row, Status
from harness.contract.tasks import CellReporter, Directed, Doubting
from harness.files import explained, write_whole
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.scoring.plugin_calls import Doubts, Scoring
from harness.store.keys import key_of, statistics_of
from harness.store.store import MANIFEST

_OF_THE_RUN = re.compile(r"(run|plan|reused|table|score|manifest)\.\w+|report.*\.html|cells|\..*", re.IGNORECASE)


def aggregate_rows(use: Use, cells: Sequence[MeasuredCell], scoring: Scoring) -> list[Row]:
    """Return the rows that an aggregate makes of the cells of an experiment; a failure becomes a row of its own."""
    made_of = [[asdict(cell.row), cell.digest] for cell in cells]
    key = key_of({"aggregate": use.identity, "cells": made_of, **_statistics_of(use, scoring)})
    stored = scoring.store.get_json("estimates", key)
    if stored is not None:
        return [Row.from_json(raw) for raw in stored["rows"]]
    rows = scoring.checked(scoring.calls.aggregate(use, cells))
    if isinstance(rows, Fault):
        experiment = cells[0].row.experiment if cells else ""
        return [Row(experiment, {}, 0, Status.FAILED, f"aggregate {use.label}: {rows.reason}", derived=use.label)]
    scoring.store.put_json("estimates", key, {"rows": [row.to_json() for row in rows]})
    return rows


def suspected(uses: Sequence[Use], cells: Sequence[MeasuredCell], scoring: Scoring) -> list[MeasuredCell]:
    """Return the cells of an experiment, marked `suspect` where an aggregate finds a reason to doubt them.

    A failure is not reported here, since the rows of the same aggregate report it.
    """
    doubts: dict[str, list[str]] = {}
    for use in uses:
        for cell, reasons in _doubts(use, cells, scoring).items():
            doubts.setdefault(cell, []).extend(reasons)
    return [_mark_suspect(cell, doubts[cell.row.cell]) if cell.row.cell in doubts else cell for cell in cells]


def _doubts(use: Use, cells: Sequence[MeasuredCell], scoring: Scoring) -> Doubts:
    made_of = [[asdict(cell.row), cell.digest] for cell in cells]
    key = key_of({"doubts": use.identity, "cells": made_of, **_statistics_of(use, scoring)})
    stored = scoring.store.get_json("estimates", key)
    if stored is None:
        doubts = scoring.checked(scoring.calls.doubts(use, cells))
        if isinstance(doubts, Fault):
            return {}
        stored = {"doubts": doubts}
        scoring.store.put_json("estimates", key, stored)
    known: Doubts = stored["doubts"]
    return known


def _statistics_of(use: Use, scoring: Scoring) -> dict[str, Any]:
    return statistics_of(__name__, [use], scoring.catalog, scoring.store)


def doubts_of(use: Use, cells: Sequence[MeasuredCell], catalog: Catalog) -> Doubts:
    """Return the reasons of an aggregate to doubt cells; none for one that never doubts. Raises what it raises."""
    loaded = catalog.find("aggregate", use.name).component.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Doubting)):
        return {}
    doubts = loaded(**use.arguments).doubts(cells)
    return {str(cell): [encodable(str(reason)) for reason in reasons] for cell, reasons in doubts.items()}


def _mark_suspect(cell: MeasuredCell, reasons: Sequence[str]) -> MeasuredCell:
    row = cell.row
    if not row.status.is_measured or not reasons:
        return cell
    reason = "; ".join([*([row.reason] if row.reason else []), *reasons])
    return replace(cell, row=replace(row, status=Status.SUSPECT, reason=reason))


def rows_of(use: Use, cells: Sequence[MeasuredCell], catalog: Catalog) -> list[Row]:
    """Return the rows that an aggregate makes of cells. Raises what it raises, and TypeError."""
    aggregate = catalog.find("aggregate", use.name).component.load()(**use.arguments)
    return [_checked(row, use) for row in aggregate.rows(cells)]


def _checked(row: Any, use: Use) -> Row:
    if not isinstance(row, Row):
        raise TypeError(f"it must yield Row objects, not {type(row).__name__}")
    comparability = {**row.comparability, "aggregate": use.identity} if row.comparability else {}
    return replace(row, derived=use.label, comparability=comparability)


def write_report(
    use: Use,
    rows: Sequence[Row],
    cells: Sequence[MeasuredCell],
    directions: Mapping[str, str],
    folder: Path,
    scoring: Scoring,
) -> tuple[list[Path], str]:
    """Return the files that a reporter makes of rows or cells of an experiment, and why it failed if it did.

    `directions` says which way each metric is better, by its label.

    The same rows and records give the same files, so they are kept and copied: drawing takes longer than anything else
    in a run that has nothing to do.
    """
    made_of: dict[str, Any] = {"rows": [asdict(row) for row in rows], "records": [cell.digest for cell in cells]}
    made_of["directions"] = dict(directions)
    key = key_of({"reporter": use.identity, **made_of, **_statistics_of(use, scoring)})
    entry = scoring.store.get("pictures", key)
    if entry is None:
        with scoring.store.stage() as staged:
            fault = scoring.calls.report(use, rows, cells, directions, staged)
            if fault is not None:
                return [], f"reporter {use.label}: {fault.reason}"
            entry = scoring.store.commit("pictures", key, staged)
    made = [path for path in sorted(entry.iterdir()) if path.name != MANIFEST]
    return [_put_into(folder, path) for path in made], ""


def _put_into(folder: Path, path: Path) -> Path:
    with explained(folder):
        write_whole(folder / path.name, path.read_bytes())
    return folder / path.name


def write_pictures(
    use: Use,
    rows: Sequence[Row],
    cells: Sequence[MeasuredCell],
    directions: Mapping[str, str],
    staged: Path,
    catalog: Catalog,
) -> None:
    """Have a reporter write its files into a folder. Raises what it raises, and ValueError."""
    reporter = catalog.find("reporter", use.name).component.load()(**use.arguments)
    if isinstance(reporter, Directed):
        reporter.directions = directions
    reads_records = isinstance(reporter, CellReporter)
    for path in reporter.report_cells(cells, staged) if reads_records else reporter.report(rows, staged):
        if path.parent != staged or not path.is_file():
            raise ValueError(f"{path} was not written into the folder of the report")
        if _OF_THE_RUN.fullmatch(path.name):
            raise ValueError(f"{path.name} is a file of every run; give it another name")
