"""The coordinator: decides what must run, hands it to an executor, commits what comes back, writes the tables.

The coordinator is the only writer of a run. Everything an executor returns is a status with a reason; nothing a
plugin does ends the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.contract.cells import Cell, canonical
from harness.contract.errors import Exit
from harness.contract.rows import MeasuredCell, Row, Status
from harness.engine.aggregate import aggregate_rows, write_report
from harness.engine.devices import pin_numerics
from harness.engine.keys import cell_key_inputs, key_of, signature_key
from harness.engine.measure import Measurer
from harness.engine.provenance import provenance
from harness.engine.result import CellResult
from harness.engine.store import Store
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.results.run_folder import RUN, RunFolder
from harness.results.table import write_tables
from harness.signatures import SignatureReader
from harness.suite.plan import Plan

if TYPE_CHECKING:
    from harness.executors import Job


class Display(Protocol):
    """Shows a run while it goes on."""

    def begin(self, total: int, reused: int) -> None:
        """The run starts: so many cells, of which so many are reused."""

    def working(self, cell: Cell) -> None:
        """This cell is running now."""

    def progress(self, what: str, done: int, total: int) -> None:
        """How far the running cell, or a training on its behalf, has come."""

    def cell_done(self, row: Row) -> None:
        """A cell has ended."""

    def warn(self, message: str) -> None:
        """Something a user should know that stops nothing."""

    def close(self) -> None:
        """The last cell has ended."""


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what.

    Attributes:
        results: the results folder.
        device: a torch device string.
        batch_size: examples at once; the records do not depend on it.
        threads: torch threads for work on the CPU.
        debug: let exceptions of plugins through.
    """

    results: Path
    device: str = "cpu"
    batch_size: int = 128
    threads: int = 1
    debug: bool = False


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        folder: where it lies.
        rows: cells in plan order, each experiment's derived rows after its cells.
        n_run, n_reused: how many cells were executed and how many were taken from the store.
        files: the tables and reports written.
        exit_code: for the command line.
    """

    folder: RunFolder
    rows: Sequence[Row]
    n_run: int
    n_reused: int
    files: Sequence[Path]
    exit_code: Exit


def open_store(results: Path) -> Store:
    """The store of a results folder. Raises StoreError if it cannot be written."""
    return Store(results / "store")


def cached_signatures(store: Store | None, catalog: Catalog) -> SignatureReader:
    """A reader that keeps signatures in the store, so that a plan needs no torch the second time."""
    if store is None:
        return SignatureReader()
    return SignatureReader(store.signatures, lambda component: signature_key(component, catalog))


def run_plan(
    plan: Plan, catalog: Catalog, signatures: SignatureReader, store: Store, options: Options, display: Display
) -> Finished:
    """Run what is missing, reuse the rest, and write the tables.

    Raises:
        StoreError: the results folder cannot be written.
    """
    return _Run(plan, catalog, signatures, store, options, display).go()


def collect_rows(plan: Plan, cells: Mapping[str, MeasuredCell], catalog: Catalog, store: Store) -> list[Row]:
    """The rows of every experiment: its cells in plan order, then what its aggregates make of them."""
    rows: list[Row] = []
    for name, experiment in plan.experiments.items():
        own = [cells[cell.id] for cell in plan.cells if cell.experiment == name]
        rows += [cell.row for cell in own]
        for use in experiment.aggregates:
            rows += aggregate_rows(use, own, catalog, store)
    return rows


def recorded_rows(folder: RunFolder, catalog: Catalog, store: Store) -> tuple[Plan, list[Row]]:
    """The plan and the rows of a finished run, made again from its cells.

    A cell without a folder was skipped or never ended.
    """
    plan = Plan.from_json(folder.read_json(RUN)["plan"])
    measurer = Measurer(catalog, store)
    cells = {}
    for cell in plan.cells:
        path = folder.cell(cell.id)
        absent = (
            CellResult(Status.SKIPPED, cell.skip) if cell.skip else CellResult(Status.INTERRUPTED, "it never ended")
        )
        cells[cell.id] = measurer.measured(cell, CellResult.read(path) if path.is_dir() else absent, path)
    return plan, collect_rows(plan, cells, catalog, store)


@dataclass
class _Run:
    plan: Plan
    catalog: Catalog
    signatures: SignatureReader
    store: Store
    options: Options
    display: Display
    _folder: RunFolder = field(init=False)
    _ended: dict[str, MeasuredCell] = field(default_factory=dict)

    def go(self) -> Finished:
        inputs = {
            cell.id: cell_key_inputs(cell, self.catalog, self.options.device)
            for cell in self.plan.cells
            if not cell.skip
        }
        keys = {cell_id: key_of(value) for cell_id, value in inputs.items()}
        self._folder = RunFolder.create(self.options.results, self.plan.suite)
        about = self._about()
        self._folder.write_json(RUN, about | {"status": "running"})
        self._observe("harness_run_start", run_id=self._folder.run_id, cells=self.plan.cells)
        measurer = Measurer(self.catalog, self.store)
        reusable = {cell_id: folder for cell_id, key in keys.items() if (folder := self._reusable(key)) is not None}
        self.display.begin(len(self.plan.cells), len(reusable))
        to_run = []
        for cell in self.plan.cells:
            if cell.skip:
                self._end(cell, CellResult(Status.SKIPPED, cell.skip), None, measurer)
            elif cell.id in reusable:
                self._folder.take_cell(cell.id, reusable[cell.id])
                self._end(cell, CellResult.read(reusable[cell.id]), self._folder.cell(cell.id), measurer)
            else:
                to_run.append(cell)
        interrupted = self._execute(to_run, keys, inputs, measurer) if to_run else False
        self.display.close()
        rows = collect_rows(self.plan, self._ended, self.catalog, self.store)
        files = self._write(rows, about["provenance"])
        exit_code = self._exit_code(rows, interrupted)
        n_run = sum(self._ended[cell.id].row.status is not Status.INTERRUPTED for cell in to_run)
        self._folder.write_json(RUN, about | self._summary(rows, n_run, len(reusable), exit_code))
        self._observe("harness_run_end", run_id=self._folder.run_id, rows=rows, exit_code=int(exit_code))
        return Finished(self._folder, rows, n_run, len(reusable), files, exit_code)

    def _about(self) -> dict[str, Any]:
        options = self.options
        facts = provenance(self.catalog, device=options.device, threads=options.threads, batch_size=options.batch_size)
        return {
            "suite": self.plan.suite,
            "run": self._folder.run_id,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "provenance": facts,
            "plan": self.plan.to_json(),
        }

    def _reusable(self, key: str) -> Path | None:
        """A finished cell with this key whose weights are still the ones in the store."""
        folder = self.store.get("cells", key)
        if folder is None:
            return None
        for used in CellResult.read(folder).weights:
            stored = self.store.weights_digest(used["key"])
            if stored is not None and stored != used["digest"]:
                return None
        return folder

    def _execute(
        self, cells: Sequence[Cell], keys: Mapping[str, str], inputs: Mapping[str, Any], measurer: Measurer
    ) -> bool:
        """Run the cells; True if the user interrupted."""
        # Imported here, since they import torch, which a run with nothing to do can spare.
        from harness.engine.building import Builder
        from harness.executors import Job
        from harness.executors.inline import InlineExecutor

        pin_numerics(self.options.threads)
        builder = Builder(self.catalog, self.store, self.options.device, self.options.batch_size, self.display.progress)
        executor = InlineExecutor(
            builder,
            self.signatures,
            lambda done, total: self.display.progress("", done, total),
            debug=self.options.debug,
        )
        waiting = deque(cells)
        running: dict[str, Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < executor.slots:
                    cell = waiting.popleft()
                    running[cell.id] = Job(cell, self.store.open_stage())
                    executor.submit(running[cell.id])
                    self.display.working(cell)
                job, result = executor.next()
                self._commit(job, result, keys[job.cell.id], inputs[job.cell.id], measurer)
                self.store.discard(running.pop(job.cell.id).folder)
        except KeyboardInterrupt:
            stopped = CellResult(Status.INTERRUPTED, "stopped by the user before it ended")
            for cell in [*(job.cell for job in running.values()), *waiting]:
                self._end(cell, stopped, None, measurer)
            return True
        finally:
            executor.close()
            for job in running.values():
                self.store.discard(job.folder)
        return False

    def _commit(self, job: Job, result: CellResult, key: str, inputs: Any, measurer: Measurer) -> None:
        cell = job.cell
        (job.folder / "key.json").write_text(canonical(inputs), encoding="utf-8")
        if result.status is Status.OK:
            self._folder.take_cell(cell.id, self.store.commit("cells", key, job.folder))
        else:
            self._folder.take_cell(cell.id, job.folder, move=True)
        self._end(cell, result, self._folder.cell(cell.id), measurer)

    def _end(self, cell: Cell, result: CellResult, folder: Path | None, measurer: Measurer) -> None:
        measured = measurer.measured(cell, result, folder or self._folder.path)
        self._ended[cell.id] = measured
        self.display.cell_done(measured.row)
        self._observe("harness_cell_end", run_id=self._folder.run_id, row=measured.row)

    def _write(self, rows: Sequence[Row], facts: Mapping[str, Any]) -> list[Path]:
        files = write_tables(self._folder, self.plan, rows, facts, self.signatures, self.catalog)
        for name, experiment in self.plan.experiments.items():
            own = [row for row in rows if row.experiment == name]
            for use in experiment.reports:
                written, problem = write_report(use, own, self._folder.path, self.catalog, self.store)
                files += written
                if problem:
                    self.display.warn(problem)
        return files

    def _summary(self, rows: Sequence[Row], n_run: int, n_reused: int, exit_code: Exit) -> dict[str, Any]:
        statuses = [str(row.status) for row in rows]
        return {
            "status": "interrupted" if exit_code is Exit.INTERRUPTED else "finished",
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "cells_run": n_run,
            "cells_reused": n_reused,
            "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
            "exit_code": int(exit_code),
        }

    @staticmethod
    def _exit_code(rows: Sequence[Row], interrupted: bool) -> Exit:
        if interrupted:
            return Exit.INTERRUPTED
        fine = {Status.OK, Status.SKIPPED}
        all_fine = all(row.status in fine for row in rows) and any(row.status is Status.OK for row in rows)
        return Exit.OK if all_fine else Exit.CELL_NOT_OK

    def _observe(self, hook: str, **arguments: Any) -> None:
        """Call every plugin's observer; one that raises is reported and ignored."""
        for plugin, observe in self.catalog.implementations(hook):
            answer = observe(**arguments)
            if isinstance(answer, Fault):
                self.display.warn(f"plugin {plugin}: {hook}: {answer.reason}")
