"""The coordinator: decides what must run, hands it to an executor, commits what comes back, writes the tables.

The coordinator is the only writer of a run. Everything an executor returns is a status with a reason; nothing a
plugin does ends the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness.contract.cells import Cell, Use, canonical
from harness.contract.errors import Exit, HarnessError
from harness.contract.rows import MeasuredCell, Row, Status
from harness.execution.executor import Executor, Job
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.results.expectations import Judged, judge_expectations
from harness.results.table import write_tables
from harness.run.provenance import provenance
from harness.run.schedule import Schedule
from harness.scoring.aggregates import aggregate_rows, write_report
from harness.scoring.metrics import Measurer
from harness.scoring.rows import collect_rows
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult
from harness.store.keys import cell_key_inputs, key_of
from harness.store.run_folder import KEY, RUN, SCHEMA, RunFolder
from harness.store.store import Store
from harness.suite.plan import Isolation, Plan

_CELLS_PER_WORKER = 1000


def _no_progress(what: str, done: int, total: int) -> None:
    return None


class Display(Protocol):
    """Shows a run while it goes on."""

    def begin(self, total: int, reused: int) -> None:
        """The run starts: so many cells, of which so many are reused."""

    def working(self, cell: Cell) -> None:
        """This cell has begun to run."""

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        """How far a running cell, or a training on its behalf (`what`), has come."""

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
        devices: a torch device string for each worker.
        batch_size: examples at once; the records do not depend on it.
        threads: torch threads of each worker on the CPU.
        isolation: "inline" in this process; "process" in warm workers; "cell" in a fresh worker for every cell.
        timeout: seconds that a cell may take, with the training it needs; None for no limit. Not kept inline.
        plugin_folders: what workers load as plugins besides the installed ones.
        debug: let exceptions of plugins through; inline only.
    """

    results: Path
    devices: Sequence[str] = ("cpu",)
    batch_size: int = 128
    threads: int = 1
    isolation: Isolation = "process"
    timeout: float | None = None
    plugin_folders: Sequence[Path] = ()
    debug: bool = False


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        folder: where it lies.
        rows: cells in plan order, each experiment's derived rows after its cells.
        n_run, n_reused: how many cells were executed and how many were taken from the store.
        files: the tables and reports written.
        expectations: what became of them.
        exit_code: for the command line.
    """

    folder: RunFolder
    rows: Sequence[Row]
    n_run: int
    n_reused: int
    files: Sequence[Path]
    expectations: Sequence[Judged]
    exit_code: Exit


@dataclass
class LiveRun:
    """A run under way: `run` some or all of its cells, once or more often, then `finish`.

    Args:
        plan: all its cells.
        catalog, signatures: where components are found, and what they take.
        store: what finished cells are kept in.
        options: how to run.
        display: shows it.
    """

    plan: Plan
    catalog: Catalog
    signatures: SignatureReader
    store: Store
    options: Options
    display: Display
    _folder: RunFolder = field(init=False)
    _measurer: Measurer = field(init=False)
    _origin: dict[str, Any] = field(init=False)
    _executor: Executor | None = None
    _is_interrupted: bool = False
    _inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    _how: dict[str, str] = field(default_factory=dict)
    _ended: dict[str, MeasuredCell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._measurer = Measurer(self.catalog, self.store)
        for cell in self.plan.cells:
            if not cell.skip:
                self._inputs[cell.id] = cell_key_inputs(cell, self.catalog, self.store, self.options.devices[0])
                self._keys[cell.id] = key_of(self._inputs[cell.id])
        self._folder = RunFolder.create(self.options.results, self.plan.suite)
        self._origin = self._about()
        # The plan first: a folder with run.json is a run.
        self._folder.write_plan(self.plan.to_json())
        self._folder.write_json(RUN, self._origin | {"status": "running"})
        self._observe("harness_run_start", run_id=self._folder.run_id, cells=self.plan.cells)

    def run(self, cells: Sequence[Cell]) -> list[MeasuredCell]:
        """Run cells of the plan, or reuse them; returns those that have ended.

        Raises:
            StoreError: the results folder cannot be written.
            HarnessError: a worker cannot start.
        """
        reusable = {cell.id: found for cell in cells if not cell.skip and (found := self._reusable(cell))}
        self.display.begin(len(cells), len(reusable))
        to_run = []
        for cell in cells:
            if cell.skip:
                self._end(cell, CellResult(Status.SKIPPED, cell.skip), None)
            elif cell.id in reusable:
                self._take(cell, *reusable[cell.id])
            else:
                to_run.append(cell)
        try:
            self._is_interrupted |= bool(to_run and self._execute(to_run))
        except HarnessError as error:
            self.close()
            self._folder.write_json(RUN, self._origin | {"status": "stopped", "reason": str(error)})
            raise
        finally:
            self.display.close()
        return [self._ended[cell.id] for cell in cells if cell.id in self._ended]

    def close(self) -> None:
        """End the workers."""
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    def derived_rows(self, experiment: str, aggregate: Use) -> list[Row]:
        """The rows that an aggregate makes of what has ended of an experiment."""
        own = [self._ended[c.id] for c in self.plan.cells if c.experiment == experiment and c.id in self._ended]
        return aggregate_rows(aggregate, own, self.catalog, self.store)

    def finish(self) -> Finished:
        """Write the tables; cells that have not ended are `interrupted`."""
        self.close()
        for cell in self.plan.cells:
            if cell.id not in self._ended:
                self._end(cell, CellResult(Status.INTERRUPTED, "stopped by the user before it ended"), None)
        rows = collect_rows(self.plan, self._ended, self.catalog, self.store)
        expectations = judge_expectations(self.plan, rows)
        files = self._write(rows, self._origin["provenance"])
        exit_code = self._exit_code(rows, expectations, is_interrupted=self._is_interrupted)
        self._folder.write_json(RUN, {**self._origin, **self._summary(rows, expectations, exit_code)})
        self._observe("harness_run_end", run_id=self._folder.run_id, rows=rows, exit_code=int(exit_code))
        how = list(self._how.values())
        return Finished(self._folder, rows, how.count("ran"), how.count("reused"), files, expectations, exit_code)

    def _about(self) -> dict[str, Any]:
        options = self.options
        facts = provenance(
            self.catalog,
            devices=options.devices,
            threads=options.threads,
            batch_size=options.batch_size,
            isolation=options.isolation,
        )
        return {
            "schema": SCHEMA,
            "suite": self.plan.suite,
            "run": self._folder.run_id,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "provenance": facts,
        }

    def _reusable(self, cell: Cell) -> tuple[Path, CellResult] | None:
        """The cell as the store has it, if its weights are still the ones in the store."""
        key = self._keys[cell.id]
        folder = self.store.get("cells", key)
        if folder is None:
            return None
        result = CellResult.read(folder)
        for used in result.weights:
            stored = self.store.weights_digest(used["key"])
            if stored is not None and stored != used["digest"]:
                # Moved aside, since the first entry of a key stays.
                self.store.move_aside("cells", key)
                return None
        return folder, result

    def _execute(self, cells: Sequence[Cell]) -> list[Cell]:
        """Run the cells; returns those left by an interruption."""
        if self._executor is None:
            self._executor = self._make_executor()
        schedule = Schedule(
            executor=self._executor,
            store=self.store,
            keys=self._keys,
            batch_size=self.options.batch_size,
            reuse=self._reuse,
            commit=self._commit,
            working=self.display.working,
        )
        return schedule.run(cells)

    def _make_executor(self) -> Executor:
        # Imported here: inline, cells run in this process, which then needs torch; a run with nothing to do needs none.
        options = self.options
        if options.isolation == "inline":
            from harness.execution.build import Builder
            from harness.execution.inline import InlineExecutor
            from harness.execution.precision import pin_numerics

            pin_numerics(options.threads)
            builder = Builder(self.catalog, self.store, options.devices[0], options.batch_size, _no_progress)
            return InlineExecutor(builder, self.signatures, self.display.progress, debug=options.debug)
        from harness.execution.process import ProcessExecutor, setups_for

        setups = setups_for(options.devices, options.threads, self.store.root, options.plugin_folders)
        cells_per_worker = 1 if options.isolation == "cell" else _CELLS_PER_WORKER
        return ProcessExecutor(
            setups, timeout=options.timeout, cells_per_worker=cells_per_worker, on_progress=self.display.progress
        )

    def _reuse(self, cell: Cell) -> bool:
        """Take a cell from the store, if it is there by now."""
        found = self._reusable(cell)
        if found is None:
            return False
        self._take(cell, *found)
        return True

    def _take(self, cell: Cell, stored: Path, result: CellResult) -> None:
        self._folder.take_cell(cell.id, stored)
        self._how[cell.id] = "reused"
        self._end(cell, result, self._folder.cell(cell.id))

    def _commit(self, job: Job, result: CellResult) -> None:
        cell = job.cell
        result = replace(result, run=f"{self.plan.suite}/{self._folder.run_id}")
        with self.store.explained():
            (job.folder / KEY).write_text(canonical(self._inputs[cell.id]), encoding="utf-8")
            result.write(job.folder)
        self._how[cell.id] = "ran"
        if result.status.is_measured:
            self._folder.take_cell(cell.id, self.store.commit("cells", self._keys[cell.id], job.folder))
        else:
            self._folder.take_cell(cell.id, job.folder, move=True)
        self._end(cell, result, self._folder.cell(cell.id))

    def _end(self, cell: Cell, result: CellResult, folder: Path | None) -> None:
        measured = self._measurer.measured(cell, result, folder or self._folder.path)
        self._ended[cell.id] = measured
        self.display.cell_done(measured.row)
        self._observe("harness_cell_end", run_id=self._folder.run_id, row=measured.row)

    def _write(self, rows: Sequence[Row], facts: Mapping[str, Any]) -> list[Path]:
        files = write_tables(self._folder, self.plan, rows, facts, self.signatures, self.catalog)
        for name, experiment in self.plan.experiments.items():
            own = [row for row in rows if row.experiment == name]
            cells = [self._ended[cell.id] for cell in self.plan.cells if cell.experiment == name]
            for use in experiment.reports:
                written, problem = write_report(use, own, cells, self._folder.path, self.catalog, self.store)
                files += written
                if problem:
                    self.display.warn(problem)
        return files

    def _summary(self, rows: Sequence[Row], expectations: Sequence[Judged], exit_code: Exit) -> dict[str, Any]:
        statuses = [str(row.status) for row in rows]
        return {
            "status": "interrupted" if exit_code is Exit.INTERRUPTED else "finished",
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "cells": {cell_id: {"how": self._how.get(cell_id, ""), "key": key} for cell_id, key in self._keys.items()},
            "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
            "expectations": [asdict(judged) for judged in expectations],
            "exit_code": int(exit_code),
        }

    @staticmethod
    def _exit_code(rows: Sequence[Row], expectations: Sequence[Judged], *, is_interrupted: bool) -> Exit:
        if is_interrupted:
            return Exit.INTERRUPTED
        # A doubt is a finding, not a failure of the run, and no other run would end otherwise; gates act on it.
        statuses = {row.status for row in rows}
        if not any(status.is_measured for status in statuses) or any(
            not status.is_measured and status is not Status.SKIPPED for status in statuses
        ):
            return Exit.CELL_NOT_OK
        return Exit.GATE_FAILED if any(judged.verdict == "failed" for judged in expectations) else Exit.OK

    def _observe(self, hook: str, **arguments: Any) -> None:
        """Call every plugin's observer; one that raises is reported and ignored."""
        for plugin, observe in self.catalog.implementations(hook):
            answer = observe(**arguments)
            if isinstance(answer, Fault):
                self.display.warn(f"plugin {plugin}: {hook}: {answer.reason}")
