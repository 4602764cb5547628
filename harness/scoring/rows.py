"""The rows of a run, made from its folder."""

from __future__ import annotations

from collections.abc import Mapping

from harness.contract.cells import Cell
from harness.contract.rows import MeasuredCell, Row, Status
from harness.scoring.aggregates import aggregate_rows, suspected
from harness.scoring.limits import inside_limits
from harness.scoring.metrics import Measurer
from harness.scoring.plugin_calls import Scoring
from harness.scoring.subgroups import group_rows
from harness.store.cell_result import CellResult
from harness.store.run_folder import RunFolder
from harness.store.store import MANIFEST, is_intact
from harness.suite.plan import Plan


def collect_rows(plan: Plan, cells: Mapping[str, MeasuredCell], scoring: Scoring) -> list[Row]:
    """The rows of every experiment: its cells in plan order, then their subgroups, then what its aggregates make.

    Their reasons can be shown.
    """
    rows: list[Row] = []
    for name, experiment in plan.experiments.items():
        own = [cells[cell.id] for cell in plan.cells if cell.experiment == name]
        own = suspected(experiment.aggregates, own, scoring)
        its_rows = [cell.row for cell in own]
        if experiment.groups:
            for cell in own:
                its_rows += group_rows(cell, experiment.groups, experiment.metrics, scoring)
        for use in experiment.aggregates:
            its_rows += aggregate_rows(use, own, scoring)
        rows += inside_limits(its_rows, experiment.metrics, scoring.calls)
    return scoring.redactor.rows(rows)


def recorded_rows(folder: RunFolder, scoring: Scoring) -> tuple[Plan, list[Row]]:
    """The plan and the rows of a finished run, made again from its cells.

    A cell without a folder was skipped or never ended.
    """
    plan, scoring = Plan.from_json(folder.plan()), scoring.for_run(folder.about_if_whole())
    measurer = Measurer(scoring)
    cells = {}
    for cell in plan.cells:
        path = folder.cell(cell.id)
        cells[cell.id] = measurer.measured(cell, recorded_result(cell, folder), path)
    return plan, collect_rows(plan, cells, scoring)


def recorded_result(cell: Cell, folder: RunFolder) -> CellResult:
    """Return how a cell of a run ended, as its folder says."""
    path = folder.cell(cell.id)
    if not path.is_dir():
        if folder.has_reused(cell.id):
            return CellResult(Status.INVALID, "it was reused, and its files are gone from the store")
        return CellResult(Status.SKIPPED, cell.skip) if cell.skip else CellResult(Status.INTERRUPTED, "it never ended")
    has_manifest = (path / MANIFEST).is_file()
    if has_manifest and not is_intact(path):
        return CellResult(Status.INVALID, "its files were damaged after the run")
    result = CellResult.read_or_invalid(path)
    # Cells that are not ok never were in the store and have no manifest.
    if result.status.is_measured and not has_manifest:
        return CellResult(Status.INVALID, f"its {MANIFEST} is gone, so nothing says that its records are as measured")
    return result
