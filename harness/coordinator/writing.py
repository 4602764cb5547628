"""Writing run.json, the tables and the reports of a run, and its exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.contract.cells import Use
from harness.contract.errors import Exit
from harness.contract.rows import Row, Status
from harness.coordinator.prepared import Prepared
from harness.coordinator.provenance import provenance
from harness.coordinator.state import RunState
from harness.results.expectations import ExpectationResult
from harness.results.headline.headline import Headline
from harness.results.table import write_tables
from harness.scoring.aggregates import write_report
from harness.scoring.plugin_calls import PluginCalls, Scoring
from harness.store.run_folder import RunFolder


def head_of(prepared: Prepared, folder: RunFolder, calls: PluginCalls) -> dict[str, Any]:
    """Return what run.json says from the start: which run it is, and where it came from."""
    facts = provenance(prepared.catalog, calls, prepared.workers, prepared.options.batch_size)
    facts |= {"trust": [str(file) for file in prepared.options.trust]} if prepared.options.trust else {}
    if prepared.environments:
        facts |= {"environments": {name: each.to_json() for name, each in prepared.environments.items()}}
    facts |= {"changes": list(prepared.plan.changes)} if prepared.plan.changes else {}
    facts |= {"executor": prepared.executor.label} if prepared.executor else {}
    head = {"suite": prepared.plan.suite, "run": folder.run_id, "started": _now(), "provenance": facts}
    return head | ({"examples": False} if prepared.options.no_examples else {})


def summary_of(
    state: RunState, rows: Sequence[Row], expectations: Sequence[ExpectationResult], exit_code: Exit
) -> dict[str, Any]:
    """Return what run.json says of a run that has ended."""
    return {
        "status": "interrupted" if exit_code is Exit.INTERRUPTED else "finished",
        "ended": _now(),
        "cells": {cell_id: {"how": state.how.get(cell_id, ""), "key": key} for cell_id, key in state.keys.items()},
        **ending_of(rows, expectations, exit_code),
    }


def ending_of(rows: Sequence[Row], expectations: Sequence[ExpectationResult], exit_code: Exit) -> dict[str, Any]:
    """Return what run.json says of the rows of a run that has ended, also of one that was put together of shards."""
    statuses = [str(row.status) for row in rows]
    return {
        "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
        "expectations": [asdict(result) for result in expectations],
        "exit_code": int(exit_code),
    }


def exit_code_of(rows: Sequence[Row], expectations: Sequence[ExpectationResult], *, is_interrupted: bool) -> Exit:
    """Return the exit code of a run: interrupted before a cell that is not ok before a gate that failed."""
    if is_interrupted:
        return Exit.INTERRUPTED
    # A doubt is a finding, not a failure of the run, and no other run would end otherwise; gates act on it.
    statuses = {row.status for row in rows}
    if (statuses and not any(status.is_measured for status in statuses)) or any(
        not status.is_measured and status is not Status.SKIPPED for status in statuses
    ):
        return Exit.CELL_NOT_OK
    return Exit.GATE_FAILED if any(result.verdict == "failed" for result in expectations) else Exit.OK


def write_files(
    prepared: Prepared,
    scoring: Scoring,
    folder: RunFolder,
    state: RunState,
    rows: Sequence[Row],
    facts: Mapping[str, Any],
    headline: Headline,
    warn: Callable[[str], None],
) -> list[Path]:
    """Write the tables and the reports of a run; return their paths.

    Args:
        prepared: what was run.
        scoring: calls the reporters.
        folder: the folder of the run.
        state: the state, in which every cell has ended.
        rows: the rows of the table.
        facts: where the run came from.
        headline: stands first in them.
        warn: called with what a reporter did wrong.
    """
    plan, catalog = prepared.plan, prepared.catalog
    files = write_tables(folder, plan, rows, facts, prepared.signatures, catalog, lead=headline)
    for name, experiment in plan.experiments.items():
        own = [row for row in rows if row.experiment == name]
        cells = state.ended_among(cell for cell in plan.cells if cell.experiment == name)
        directions = {
            use.label: prepared.signatures.read(catalog.find(use.kind, use.name).component).direction
            for use in experiment.metrics
        }
        for use in experiment.reports:
            if prepared.options.no_examples and _reads_records(use, prepared):
                warn(f"reporter {use.label} is left out: it reads records, of which it may show examples")
                continue
            written, problem = write_report(use, own, cells, directions, folder.path, scoring)
            files += written
            if problem:
                warn(problem)
    return files


def _reads_records(use: Use, prepared: Prepared) -> bool:
    """Whether a reporter is given the records of cells, or that is not known."""
    offers = prepared.signatures.read(prepared.catalog.find(use.kind, use.name).component).offers
    return offers is None or "report_cells" in offers


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
