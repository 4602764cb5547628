"""The coordinator: decides what must run, hands it to an executor, commits what comes back, writes the tables.

The coordinator is the only writer of a run. Everything an executor returns is a status with a reason; nothing a
plugin does ends the run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, Use
from harness.contract.errors import Exit, HarnessError
from harness.contract.rows import MeasuredCell, Row, Status
from harness.coordinator.commit import as_planned, commit_cell, find_reusable
from harness.coordinator.display import Display
from harness.coordinator.executors import make_executor, make_scoring
from harness.coordinator.forecast import duration, forecasts
from harness.coordinator.interrupts import Interrupts
from harness.coordinator.observers import Observers
from harness.coordinator.prepared import Prepared
from harness.coordinator.schedule import Schedule
from harness.coordinator.state import RunState
from harness.coordinator.time_limit import fitting
from harness.coordinator.writing import exit_code_of, head_of, summary_of, write_files
from harness.execution.executor import Executor, Job
from harness.results.expectations import ExpectationResult, check_expectations
from harness.results.headline.headline import Headline
from harness.results.headline.make import run_headline
from harness.scoring.aggregates import aggregate_rows
from harness.scoring.metrics import Measurer
from harness.scoring.rows import collect_rows
from harness.store.cell_result import CellResult
from harness.store.promises import kept
from harness.store.run_folder import WHOLE_PLAN, RunFolder

GRACE_SECONDS = 900.0
"""Seconds beyond the limit of a cell after which a place that says nothing is given up: it ends cells itself."""


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        folder: where it lies.
        rows: cells in plan order, each experiment's derived rows after its cells.
        n_run, n_reused: how many cells were executed and how many were taken from the store.
        files: the tables and reports written.
        expectations: the result of each.
        exit_code: the exit code of the command line.
        headline: what it has found out.
    """

    folder: RunFolder
    rows: Sequence[Row]
    n_run: int
    n_reused: int
    files: Sequence[Path]
    expectations: Sequence[ExpectationResult]
    exit_code: Exit
    headline: Headline


class LiveRun:
    """A run under way: `run` some or all of its cells, once or more often, then `finish`.

    Args:
        prepared: what to run and how.
        display: shows it.
    """

    def __init__(self, prepared: Prepared, display: Display) -> None:
        plan = prepared.plan
        self._prepared, self._display = prepared, display
        self._interrupts = Interrupts()
        self._scoring = make_scoring(prepared, lambda: self._interrupts.is_stopping)
        self._measurer = Measurer(self._scoring)
        self._executor: Executor | None = None
        self._is_interrupted = False
        self._state = RunState.of(
            plan, prepared.catalog, prepared.store, prepared.workers.devices[0], prepared.environments
        )
        self._folder = RunFolder.create(Path(prepared.options.results), plan.suite)
        self._observers = Observers(self._scoring, self._warn)
        prepared.store.warn = self._warn
        self._head = head_of(prepared, self._folder, self._scoring.calls)
        # The plan first: a folder with run.json is a run.
        self._folder.write_plan(plan.to_json())
        if plan.whole:
            self._folder.write_plan(plan.whole.to_json(), WHOLE_PLAN)
        self._folder.write_about(self._head | {"status": "running"})
        self._notify("harness_run_start", cells=plan.cells)

    def run(self, cells: Sequence[Cell]) -> list[MeasuredCell]:
        """Run cells of the plan, or reuse them; returns those that have ended.

        Raises:
            StoreError: the results folder cannot be written.
            HarnessError: a worker cannot start.
        """
        asked = [] if self._prepared.options.force else [cell for cell in cells if not cell.skip]
        self._prepared.store.prefetch("cells", [self._state.keys[cell.id] for cell in asked])
        reusable = {cell.id: match for cell in asked if (match := self._find_reusable(cell))}
        plan = self._prepared.plan
        self._display.started(
            suite=plan.suite,
            run=self._folder.run_id,
            folder=str(self._folder.path),
            cells=len(cells),
            reused=len(reusable),
            changes=plan.changes,
        )
        self._display.begin(len(cells), len(reusable))
        to_run: list[Cell] = []
        for cell in cells:
            if cell.skip:
                self._end(cell, CellResult(Status.SKIPPED, cell.skip))
            elif cell.id in reusable:
                self._take(cell, *reusable[cell.id])
            else:
                self._display.queued(cell)
                to_run.append(cell)
        to_run = self._fitting(to_run)
        try:
            self._is_interrupted |= bool(to_run and self._execute(to_run))
        except HarnessError as error:
            self.close()
            self._folder.write_about(self._head | {"status": "stopped", "reason": str(error)})
            raise
        finally:
            self._display.close()
        return self._state.ended_among(cells)

    def close(self) -> None:
        """End the workers."""
        self._close_executor()
        self._scoring.calls.close()

    def derived_rows(self, experiment: str, aggregate: Use) -> list[Row]:
        """The rows that an aggregate makes of what has ended of an experiment."""
        own = self._state.ended_among(cell for cell in self._prepared.plan.cells if cell.experiment == experiment)
        return aggregate_rows(aggregate, own, self._scoring)

    def finish(self) -> Finished:
        """Write the tables; cells that have not ended are `interrupted`."""
        self._close_executor()
        state, plan = self._state, self._prepared.plan
        for cell in plan.cells:
            if cell.id not in state.ended:
                self._end(cell, CellResult(Status.INTERRUPTED, "stopped by the user before it ended"))
        rows = collect_rows(plan, state.ended, self._scoring)
        expectations = check_expectations(plan, rows)
        facts, warn = self._head["provenance"], self._warn
        catalog, signatures = self._prepared.catalog, self._prepared.signatures
        headline = run_headline(self._folder, plan, rows, catalog, signatures, self._scoring.calls)
        files = write_files(self._prepared, self._scoring, self._folder, state, rows, facts, headline, warn)
        exit_code = exit_code_of(rows, expectations, is_interrupted=self._is_interrupted)
        self._folder.write_about(self._head | summary_of(state, rows, expectations, exit_code))
        self._notify("harness_run_end", rows=rows, exit_code=int(exit_code))
        self.close()
        n_run, n_reused = state.count("ran"), state.count("reused")
        return Finished(self._folder, rows, n_run, n_reused, files, expectations, exit_code, headline)

    def note_interruption(self) -> None:
        """Say in run.json that the user stopped the run before its tables were written."""
        stopped = {"status": "interrupted", "exit_code": int(Exit.INTERRUPTED)}
        self._folder.write_about(self._head | stopped | {"reason": "stopped before its tables were written"})

    def _close_executor(self) -> None:
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    def _fitting(self, cells: list[Cell]) -> list[Cell]:
        """The cells that fit into the time limit; the others end here."""
        limit = self._prepared.options.time_limit
        if limit is None or not cells:
            return cells
        expected = forecasts(cells, self._prepared.store.root)
        fit = fitting(cells, expected, limit, len(self._prepared.workers.devices))
        for cell in cells:
            if cell.id in fit.left_out:
                self._end(cell, CellResult(Status.SKIPPED, fit.left_out[cell.id]))
        if sentence := fit.sentence(limit):
            self._warn(sentence)
        return list(fit.cells)

    def _execute(self, cells: Sequence[Cell]) -> list[Cell]:
        """Run the cells; returns those left by an interruption."""
        self._scoring.calls.start()
        limit = self._prepared.options.time_limit
        if self._executor is None:
            self._executor = make_executor(self._prepared, self._display.progress)
        schedule = Schedule(
            executor=self._executor,
            store=self._prepared.store,
            keys=self._state.keys,
            batch_size=self._prepared.options.batch_size,
            reuse=self._reuse,
            commit=self._commit,
            working=self._display.working,
            progress=self._display.progress,
            wait_for_workers=self._prepared.options.wait_for_workers,
            silence=self._prepared.workers.timeout + GRACE_SECONDS,
            until=float("inf") if limit is None else time.monotonic() + limit,
            interrupts=self._interrupts,
        )
        left = schedule.run(cells)
        for cell in schedule.late:
            self._end(cell, CellResult(Status.SKIPPED, f"left out: the time limit of {duration(limit or 0)} was over"))
        return left

    def _find_reusable(self, cell: Cell) -> tuple[Path, CellResult] | None:
        return find_reusable(self._prepared.store, self._state.keys[cell.id])

    def _reuse(self, cell: Cell) -> bool:
        """Take a cell from the store, if it is there by now and need not be measured anew."""
        if self._prepared.options.force:
            self._prepared.store.move_aside("cells", self._state.keys[cell.id], lambda entry: True)
            return False
        match = self._find_reusable(cell)
        if match is not None:
            self._take(cell, *match)
        return match is not None

    def _take(self, cell: Cell, stored: Path, result: CellResult) -> None:
        self._folder.reuse_cell(cell.id, stored, result.run)
        self._state.how[cell.id] = "reused"
        self._end(cell, result)

    def _commit(self, job: Job, result: CellResult) -> None:
        store, inputs = self._prepared.store, self._state.inputs[job.cell.id]
        result = as_planned(result, inputs, store.root)
        result = kept(replace(result, run=f"{self._prepared.plan.suite}/{self._folder.run_id}"), job.folder)
        commit_cell(store, self._folder, job, result, inputs)
        self._state.how[job.cell.id] = "ran"
        self._end(job.cell, result)

    def _end(self, cell: Cell, result: CellResult) -> None:
        measured = self._measurer.measured(cell, result, self._folder.cell(cell.id))
        self._state.ended[cell.id] = measured
        (shown,) = self._scoring.redactor.rows([measured.row])
        self._display.cell_done(shown)
        self._notify("harness_cell_end", row=shown)

    def _notify(self, hook: str, **arguments: Any) -> None:
        self._observers.notify(hook, run_id=self._folder.run_id, **arguments)

    def _warn(self, message: str) -> None:
        self._display.warn(self._scoring.redactor.reason(message))


def run_all(prepared: Prepared, display: Display) -> Finished:
    """Run what is missing, reuse the rest, and write the tables. Raises StoreError if they cannot be written."""
    live = LiveRun(prepared, display)
    try:
        live.run(prepared.plan.cells)
        return live.finish()
    except KeyboardInterrupt:
        live.note_interruption()
        raise
    finally:
        live.close()
