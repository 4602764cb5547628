"""Finished cells between a run and the store: which one may be reused, and how a new one is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.contract.cells import canonical
from harness.contract.rows import Status
from harness.coordinator.differences import differences_between
from harness.execution.executor import Job
from harness.files import drop_specials, make_way
from harness.store.cell_result import CellResult
from harness.store.keys import key_of
from harness.store.promises import broken_promise
from harness.store.run_folder import KEY, RESULT, RunFolder
from harness.store.store import Store

_MAX_NAMED = 3


def find_reusable(store: Store, key: str) -> tuple[Path, CellResult] | None:
    """Return the folder and the result of a finished cell, if its weights are still the ones in the store."""
    folder = store.get("cells", key)
    if folder is None:
        return None
    if broken_promise(folder):
        store.move_aside("cells", key, lambda entry: bool(broken_promise(entry)))
        return None
    result = CellResult.read(folder)
    if not _has_same_weights(store, result):
        # Moved aside, since the first entry of a key stays.
        store.move_aside("cells", key, lambda entry: not _has_same_weights(store, CellResult.read(entry)))
        return None
    return folder, result


def _has_same_weights(store: Store, result: CellResult) -> bool:
    """Whether the weights in the store, as far as they are there, are those that the cell was measured with."""
    stored = [(used["digest"], store.weights_digest(used["key"])) for used in result.weights]
    return all(now is None or now == then for then, now in stored)


def as_planned(result: CellResult, inputs: Mapping[str, Any], store: Path) -> CellResult:
    """Return the result, `invalid` if it stems from other code or files than its key was made from.

    Args:
        result: of a cell that has just ended.
        inputs: the inputs of its key when the run was planned.
        store: where the files of each version of the code are named.
    """
    if result.loaded and key_of(dict(result.loaded)) != key_of(dict(inputs)):
        changed = [difference.field for difference in differences_between(inputs, result.loaded, store)]
        more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
        reason = f"changed after the run was planned: {', '.join(changed[:_MAX_NAMED])}{more}; run the suite again"
    elif not result.loaded and result.status.is_measured:
        reason = "its worker did not say which code it ran"
    else:
        return result
    return replace(result, status=Status.INVALID, reason=reason, n=None, comparability={}, cost={})


def commit_cell(store: Store, folder: RunFolder, job: Job, result: CellResult, inputs: Mapping[str, Any]) -> None:
    """Keep the files of a job: in the store and the run if the cell was measured, else in the run alone.

    Args:
        store, folder: where it is kept.
        job: its folder is moved.
        result: how it ended, as `kept` says.
        inputs: the inputs of its key; kept beside the records, so that a rerun can be explained.

    Raises:
        StoreError: the results folder cannot be written.
    """
    with store.explained():
        drop_specials(job.folder)
        make_way(job.folder / RESULT)
        result.write(job.folder)
    if result.status.is_measured:
        folder.take_cell(job.cell.id, store.commit("cells", key_of(dict(inputs)), job.folder, inputs))
    else:
        with store.explained():
            make_way(job.folder / KEY).write_text(canonical(inputs), encoding="utf-8")
        folder.take_cell(job.cell.id, job.folder, move=True)
