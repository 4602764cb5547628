"""Measuring a sample of the cells of a run again in another way, and certifying that they come out equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from harness.contract.cells import Cell
from harness.contract.context import derive_seed
from harness.contract.errors import UsageError
from harness.coordinator.commit import as_planned
from harness.coordinator.differences import differences_between
from harness.coordinator.executors import make_executor
from harness.coordinator.explain import inputs_of_cell
from harness.coordinator.interrupts import Interrupts
from harness.coordinator.options import RunOptions
from harness.coordinator.prepared import Prepared, prepare
from harness.coordinator.runner import GRACE_SECONDS
from harness.coordinator.schedule import Schedule
from harness.coordinator.state import RunState
from harness.execution.executor import Job
from harness.results.certificate import Certificate, CertifiedCell
from harness.results.table import joined_labels
from harness.scoring.rows import recorded_result
from harness.store.cell_result import CellResult
from harness.store.record_differences import record_differences
from harness.store.records import read_records
from harness.store.run_folder import RunFolder
from harness.suite.changes import Changes
from harness.suite.plan import Plan

_MAX_NAMED = 3
Told = Callable[[CertifiedCell], None]


@dataclass
class _Verification:
    """One verification under way.

    Attributes:
        folder: the run.
        prepared: how its suite is run now; its plan holds the sample.
        measured: the results of the sample as the run has them.
        told: called with each verdict.
        redact: makes a reason fit to be shown.
        done: the verdicts by cell.
    """

    folder: RunFolder
    prepared: Prepared
    measured: Mapping[str, CellResult]
    told: Told
    redact: Callable[[str], str]
    done: dict[str, CertifiedCell] = field(default_factory=dict)

    def run(self) -> bool:
        """Measure the sample in reverse order; whether the user interrupted it."""
        prepared, store = self.prepared, self.prepared.store
        state = RunState.of(prepared.plan, prepared.catalog, store, prepared.workers.devices[0], prepared.environments)
        cells = [cell for cell in reversed(prepared.plan.cells) if self._is_as_it_was(cell, state)]
        if not cells:
            return False
        interrupts = Interrupts()
        executor = make_executor(prepared, lambda *_: None)
        try:
            left = Schedule(
                executor=executor,
                store=store,
                keys=state.keys,
                batch_size=prepared.options.batch_size,
                reuse=lambda cell: False,
                commit=lambda job, result: self._compare(job, result, state),
                working=lambda cell: None,
                progress=lambda *_: None,
                wait_for_workers=prepared.options.wait_for_workers,
                silence=prepared.workers.timeout + GRACE_SECONDS,
                interrupts=interrupts,
            ).run(cells)
        finally:
            executor.close()
        for cell in left:
            self.leave_out(cell, "stopped by the user before it ended")
        return bool(left)

    def _is_as_it_was(self, cell: Cell, state: RunState) -> bool:
        """Whether what the records of a cell depend on is still what it was, but for the device that was asked for."""
        if cell.skip:
            self.leave_out(cell, f"it is skipped now: {cell.skip}")
            return False
        then, now = dict(inputs_of_cell(self.folder.cell(cell.id))), dict(state.inputs[cell.id])
        changed = [
            difference.field
            for difference in differences_between(then, now, self.prepared.store.root)
            if difference.field != "device"
        ]
        if changed:
            more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
            reason = f"changed since it was measured: {', '.join(changed[:_MAX_NAMED])}{more}"
            self.leave_out(cell, reason)
        return not changed

    def _compare(self, job: Job, result: CellResult, state: RunState) -> None:
        """Judge a job that has ended, while its records still lie in its folder."""
        result = as_planned(result, state.inputs[job.cell.id], self.prepared.store.root)
        name, before = name_of_cell(job.cell), self.measured[job.cell.id]
        if not result.status.is_measured:
            reason = f"{result.status}: {result.reason}"
            self.leave_out(job.cell, reason)
            return
        if _weights(result) != _weights(before):
            reason = "its weights are no longer in the store, and training them again made others"
            self.leave_out(job.cell, reason)
            return
        both = [read_records(folder, before.protocol) for folder in (self.folder.cell(job.cell.id), job.folder)]
        certified = CertifiedCell.of(job.cell.id, name, record_differences(*both))
        has_examples = self.folder.about_if_whole().get("examples", True)
        self._end(certified if has_examples else replace(certified, examples=()))

    def leave_out(self, cell: Cell, reason: str) -> None:
        """Say why a cell is not measured again."""
        self._end(CertifiedCell(cell.id, name_of_cell(cell), "not measured again", reason))

    def _end(self, cell: CertifiedCell) -> None:
        cell = replace(cell, reason=self.redact(cell.reason))
        self.done[cell.cell] = cell
        self.told(cell)


def verify(
    folder: RunFolder, options: RunOptions, n_cells: int, *, suite: str = "", told: Told, redact: Callable[[str], str]
) -> Certificate:
    """Measure some cells of a run again and compare their records with those kept; the store keeps its entries.

    Args:
        folder: the run.
        options: how to measure; a batch size of 0 chooses one that divides the examples otherwise than the run did.
            What the run asked of the suite beside its file is taken from the run.
        n_cells: how many cells; drawn at random by the id of the run, so always the same ones.
        suite: its file, if it lies no longer where the run read it.
        told: called with each cell that was judged.
        redact: makes a reason fit to be shown.

    Raises:
        UsageError: no cell of the run was measured, or the suite can no longer be read.
    """
    plan = Plan.from_json(folder.plan())
    results = {cell.id: recorded_result(cell, folder) for cell in plan.cells}
    measured = {name: result for name, result in results.items() if result.status.is_measured}
    if not measured:
        raise UsageError(f"no cell of {str(folder.path)!r} was measured; there is nothing to verify")
    rng = np.random.default_rng(derive_seed(0, "verify", folder.run_id))
    names = sorted(measured)
    sample = {names[i] for i in rng.permutation(len(names))[:n_cells]}
    batch = options.batch_size or another_batch_size([measured[name] for name in sample])
    prepared = prepare(suite or plan.file, replace(options, batch_size=batch, **_changes(plan)))
    cells = tuple(cell for cell in prepared.plan.cells if cell.id in sample)
    prepared = replace(prepared, plan=replace(prepared.plan, cells=cells))
    verification = _Verification(folder, prepared, measured, told, redact)
    _say_what_is_gone(verification, plan, sample - {cell.id for cell in cells})
    interrupted = verification.run()
    in_order = [verification.done[cell.id] for cell in plan.cells if cell.id in verification.done]
    how = _how(prepared, [measured[name] for name in sorted(sample)])
    date = datetime.now(UTC).isoformat(timespec="seconds")
    certificate = Certificate(folder.run_id, date, how, len(measured), in_order)
    certificate.write(folder)
    if interrupted:
        raise KeyboardInterrupt
    return certificate


def another_batch_size(results: Sequence[CellResult]) -> int:
    """Return a batch size that puts the examples of these cells together otherwise than they were measured.

    A little less than half of the smallest batch, so that no batch holds the same examples as before.
    """
    smallest = min(min(result.batch_size or 1, result.n or 1) for result in results)
    return smallest // 2 - 1 if smallest > 4 else 1 if smallest > 1 else 2


def name_of_cell(cell: Cell) -> str:
    """Return the labels of a cell as tables print them, with its data and seed, which tell it apart."""
    data = f" on {cell.labels['data']}" if "data" in cell.labels else ""
    return f"{joined_labels(cell.labels) or cell.experiment}{data}, seed {cell.seed}"


def _changes(plan: Plan) -> dict[str, Any]:
    return asdict(Changes.of_told(plan.changes))


def _say_what_is_gone(verification: _Verification, plan: Plan, gone: set[str]) -> None:
    for cell in plan.cells:
        if cell.id in gone:
            reason = f"{plan.file} no longer has this cell; it was edited after the run"
            verification.leave_out(cell, reason)


def _weights(result: CellResult) -> list[str]:
    return sorted(str(used["digest"]) for used in result.weights)


def _how(prepared: Prepared, results: Sequence[CellResult]) -> str:
    """What was another way than in the run."""
    before = " and ".join(map(str, sorted({result.batch_size for result in results})))
    batch = prepared.options.batch_size
    parts = [f"in batches of {batch} instead of {before}"]
    parts += ["in this process" if prepared.workers.isolation == "inline" else "in new workers", "in reverse order"]
    devices = {result.device.partition(":")[0] for result in results if result.device}
    device = prepared.workers.devices[0].partition(":")[0]
    parts += [f"on {device} instead of {' and '.join(sorted(devices))}"] if devices - {device} else []
    parts += [f"on executor {prepared.executor.label}"] if prepared.executor else []
    return ", ".join(parts)
