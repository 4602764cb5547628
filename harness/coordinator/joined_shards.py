"""The runs of the shards of one plan put together into a run of the whole plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError
from harness.scoring.rows import recorded_result
from harness.store.run_folder import WHOLE_PLAN, RunFolder
from harness.suite.plan import Plan

_WHAT_IS_MEASURED = ("suite", "experiments", "cells", "uses")


def join_shards(runs: Sequence[RunFolder], results: Path) -> tuple[RunFolder, list[str]]:
    """Make a run of the cells of several.

    Args:
        runs: of shards of one plan; of a cell that several have measured the first counts.
        results: where the new run goes.

    Returns:
        The new run, whose tables are not yet written, and the ids of cells that none of the runs has.

    Raises:
        UsageError: a run is no shard, or they are shards of different plans.
    """
    wholes = [_whole_plan(run) for run in runs]
    for run, whole in zip(runs, wholes, strict=True):
        if different := [key for key in _WHAT_IS_MEASURED if whole.get(key) != wholes[0].get(key)]:
            raise UsageError(
                f"{run.path} is a shard of another plan than {runs[0].path}: they differ in {' and '.join(different)}"
            )
    plan = Plan.from_json(wholes[0])
    joined = RunFolder.create(results, plan.suite)
    joined.write_plan(plan.to_json())
    about = [run.about_if_whole() for run in runs]
    missing, cells = [], dict[str, Any]()
    for cell in plan.cells:
        found = [i for i, run in enumerate(runs) if run.cell(cell.id).is_dir()]
        if len(found) > 1:  # To look whether a cell is whole reads all its files.
            found.sort(key=lambda i: not recorded_result(cell, runs[i]).status.is_measured)
        if found:
            joined.take_cell(cell.id, runs[found[0]].cell(cell.id))
            cells[cell.id] = about[found[0]].get("cells", {}).get(cell.id, {"how": "", "key": ""})
        elif not cell.skip:
            missing.append(cell.id)
    joined.write_about(_head(joined, plan, about, runs) | {"cells": cells, "status": "finished"})
    return joined, missing


def _whole_plan(run: RunFolder) -> dict[str, Any]:
    if not (run.path / WHOLE_PLAN).is_file():
        raise UsageError(f"{run.path} is no run of a shard; several runs make one table only if they are shards of it")
    return run.read_json(WHOLE_PLAN)


def _head(
    joined: RunFolder, plan: Plan, about: Sequence[Mapping[str, Any]], runs: Sequence[RunFolder]
) -> dict[str, Any]:
    """What run.json says: the provenance of the first shard that is whole, and which shards there were."""
    provenance: dict[str, Any] = dict(next((each["provenance"] for each in about if "provenance" in each), {}))
    provenance.pop("changes", None)
    head = {"suite": plan.suite, "run": joined.run_id}
    times = {
        "started": min((each["started"] for each in about if "started" in each), default=""),
        "ended": max((each["ended"] for each in about if "ended" in each), default=""),
    }
    hidden = {"examples": False} if any(each.get("examples") is False for each in about) else {}
    return {**head, **times, **hidden, "provenance": provenance | {"shards": [run.run_id for run in runs]}}
