"""An observer: it writes a line for everything that happens in a run."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import Cell, Row, hookimpl

FILE = "JOURNAL_FILE"
"""The variable of the environment that names the file of lines; without it nothing is written."""


@hookimpl
def harness_provenance() -> Mapping[str, Any]:
    """Facts that are stored with the run, under the name of this plugin."""
    return {"kernel": platform.release()}


@hookimpl
def harness_run_start(run_id: str, cells: Sequence[Cell]) -> None:
    """Write down that the run begins."""
    _write(event="start", run=run_id, cells=len(cells))


@hookimpl
def harness_cell_end(run_id: str, row: Row) -> None:
    """Write down how a cell ended; this is the place for a message to a chat, or for a line in a database."""
    values = {name: estimate.value for name, estimate in row.estimates.items()}
    _write(event="cell", run=run_id, labels=dict(row.labels), status=str(row.status), reason=row.reason, **values)


@hookimpl
def harness_run_end(run_id: str, rows: Sequence[Row], exit_code: int) -> None:
    """Write down that the run has ended."""
    _write(event="end", run=run_id, rows=len(rows), exit_code=exit_code)


def _write(**line: Any) -> None:
    if file := os.environ.get(FILE):
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(json.dumps({"time": round(time.time(), 1), **line}) + "\n")
