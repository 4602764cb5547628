"""Metrics of stored records, computed without running any cell again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.contract.cells import Use
from harness.contract.errors import UsageError
from harness.contract.rows import Row
from harness.scoring.metrics import Measurer
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_result
from harness.store.run_folder import RunFolder
from harness.suite.plan import Plan


def stored_plan(folder: RunFolder) -> Plan:
    """Return the plan of a run, with the cells that left records.

    Raises:
        UsageError: no cell left records.
    """
    plan = Plan.from_json(folder.plan())
    cells = tuple(cell for cell in plan.cells if recorded_result(cell, folder).n is not None)
    if not cells:
        raise UsageError(f"no cell of {str(folder.path)!r} left records; there is nothing to score")
    experiments = {name: e for name, e in plan.experiments.items() if any(cell.experiment == name for cell in cells)}
    return replace(plan, cells=cells, experiments=experiments)


def tasks_of(plan: Plan) -> dict[str, Use]:
    """Experiment to the task of its cells."""
    return {cell.experiment: cell.task for cell in plan.cells}


def score(
    folder: RunFolder, plan: Plan, metrics: Mapping[str, tuple[Use, ...]], scoring: Scoring
) -> tuple[Plan, list[Row]]:
    """The rows of the cells of a plan with other metrics, computed on their stored records.

    Args:
        folder: the run.
        plan: the plan of the run; see `stored_plan`.
        metrics: the metrics to compute, by experiment.
        scoring: as for a run. Records are only read.

    Returns:
        The plan with these metrics, and its rows.
    """
    cells = tuple(replace(cell, metrics=metrics[cell.experiment]) for cell in plan.cells)
    experiments = {
        name: replace(experiment, metrics=metrics[name], aggregates=(), reports=(), expect=())
        for name, experiment in plan.experiments.items()
    }
    measurer = Measurer(scoring)
    rows = [measurer.row(cell, recorded_result(cell, folder), folder.cell(cell.id)) for cell in cells]
    shown = scoring.for_run(folder.about_if_whole()).redactor.rows(rows)
    return replace(plan, cells=cells, experiments=experiments), shown
