"""A run as events for machines: one JSON object per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.contract.cells import Cell
from harness.contract.plain import encodable
from harness.contract.rows import Row
from harness.coordinator.display import Display
from harness.escaping import json_text
from harness.results.nights.judge import NightRow

EVENTS: Mapping[str, Mapping[str, str]] = {
    "started": {
        "suite": "name of the suite",
        "run": "id of the run",
        "folder": "where the run lies",
        "cells": "number of cells",
        "reused": "how many of them were finished before",
        "changes": "what the run asks of the suite beside its file, as options",
    },
    "cell_queued": {"cell": "id", "experiment": "its experiment", "labels": "role to label", "seed": "its seed"},
    "cell_started": {"cell": "id"},
    "cell_progress": {
        "cell": "id",
        "what": "what is worked on, such as a training; empty for the cell itself",
        "done": "how much is done",
        "total": "how much there is; 0 if that is not known",
    },
    "cell_ended": {
        "cell": "id",
        "status": "how it ended",
        "reason": "why it is not ok; else empty",
        "seconds": "time of the task itself; null if it did not run",
        "estimates": "metric to value, low and high",
        "key": "comparability key; empty without records",
    },
    "row_judged": {
        "row": "its labels, data and seed",
        "metric": "its label; empty for a row that was lost",
        "label": "regression, suspicious, no regression or insufficient data",
        "reason": "why",
        "difference": "tonight's value less that of the baseline; null without one",
        "p_holm": "adjusted for all tests of the night; null without a test",
    },
    "warning": {"message": "what does not stop the run"},
    "finished": {
        "exit_code": "as of the command",
        "run": "number of cells that were executed",
        "reused": "number of cells that were taken from the store",
        "statuses": "status to number of rows",
        "headline": "its sentences",
        "folder": "where the run lies",
    },
}
"""Every event with its fields and their meaning, beside `event` and `time` (UTC, ISO 8601), which all have."""


class EventDisplay(Display):
    """Writes an event for everything that happens in a run.

    Args:
        write: takes a line without its end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def started(self, *, suite: str, run: str, folder: str, cells: int, reused: int, changes: Sequence[str]) -> None:
        self._event("started", suite=suite, run=run, folder=folder, cells=cells, reused=reused, changes=list(changes))

    def queued(self, cell: Cell) -> None:
        self._event("cell_queued", cell=cell.id, experiment=cell.experiment, labels=dict(cell.labels), seed=cell.seed)

    def working(self, cell: Cell) -> None:
        self._event("cell_started", cell=cell.id)

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        self._event("cell_progress", cell=cell.id, what=what, done=done, total=total)

    def cell_done(self, row: Row) -> None:
        estimates = {name: {"value": e.value, "low": e.low, "high": e.high} for name, e in row.estimates.items()}
        self._event(
            "cell_ended",
            cell=row.cell,
            status=str(row.status),
            reason=row.reason,
            seconds=row.seconds,
            estimates=estimates,
            key=row.key,
        )

    def judged(self, row: NightRow) -> None:
        """A row of a night has its label."""
        told = {"metric": row.metric, "label": row.label, "reason": row.reason}
        self._event("row_judged", row=row.name, **told, difference=row.difference, p_holm=row.p_holm)

    def warn(self, message: str) -> None:
        self._event("warning", message=message)

    def finished(
        self,
        *,
        exit_code: int,
        run: int,
        reused: int,
        statuses: Mapping[str, int],
        headline: Sequence[str],
        folder: str,
    ) -> None:
        """The run has ended and its tables are written."""
        self._event(
            "finished",
            exit_code=exit_code,
            run=run,
            reused=reused,
            statuses=dict(statuses),
            headline=list(headline),
            folder=folder,
        )

    def _event(self, event: str, **fields: Any) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write(encodable(json_text({"event": event, "time": time, **fields})))
