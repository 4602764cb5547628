"""Using harness from Python: run a suite, or open a run that has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from harness.contract.errors import Exit, UsageError
from harness.contract.records import Records
from harness.contract.rows import Row
from harness.coordinator.display import SilentDisplay
from harness.coordinator.options import RunArguments, RunOptions
from harness.coordinator.prepared import prepare
from harness.coordinator.runner import run_all
from harness.plugins import PluginFolders, as_folders, load_catalog
from harness.results.expectations import ExpectationResult, check_expectations
from harness.results.headline.headline import Headline
from harness.results.headline.make import run_headline
from harness.results.table import frame
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_rows
from harness.scoring_process.client import ScoringProcess
from harness.store.open import cached_signatures, open_store
from harness.store.records import RECORDS, read_records
from harness.store.run_folder import RunFolder
from harness.suite.plan import Plan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
        folder: where it lies.
        plan: what was planned.
        rows: cells in plan order, each experiment's derived rows after its cells.
        exit_code: what the command line would exit with.
        n_run, n_reused: how many cells were executed and how many were taken from the store.
        warnings: problems of plugins that did not stop the run.
        find_headline: makes the headline.
    """

    folder: RunFolder
    plan: Plan
    rows: Sequence[Row]
    exit_code: Exit
    n_run: int = 0
    n_reused: int = 0
    warnings: tuple[str, ...] = ()
    find_headline: Callable[[], Headline] = field(default=Headline, repr=False)

    @cached_property
    def headline(self) -> Headline:
        """What the suite was run to find out: rows, contrasts and sentences; printed, it is its sentences."""
        return self.find_headline()

    @property
    def table(self) -> pd.DataFrame:
        """One line per row: labels, status, each metric with `_low`, `_high`, `_n` and `_missing`, costs, key."""
        return frame(self.rows)

    def row(self, **labels: str) -> Row:
        """The one row with these labels, e.g. `run.row(model="linear", attack="pgd eps=0.1")`.

        Raises:
            UsageError: none or several have them.
        """
        matches = [row for row in self.rows if all(row.labels.get(role) == label for role, label in labels.items())]
        if len(matches) != 1:
            labelled = "; ".join(str(dict(row.labels)) for row in (matches or self.rows)[:8])
            raise UsageError(f"{len(matches) or 'no'} rows are labelled {labels}; there are: {labelled}")
        return matches[0]

    def records(self, cell: str | Row) -> Records:
        """The records of a cell, one per example.

        Args:
            cell: its row, its id, or the part of its id that no other cell has.

        Raises:
            UsageError: there is no such cell, several are meant, or it left no records.
        """
        row = cell if isinstance(cell, Row) else self._rows_by_cell[self.plan.find_cell(cell).id]
        folder = self.folder.cell(row.cell)
        if not row.cell or not (folder / RECORDS).is_file():
            raise UsageError(f"{row.cell or 'a derived row'} has no records: it is {row.status} {row.reason}".rstrip())
        return read_records(folder, row.protocol)

    def expectations(self) -> list[ExpectationResult]:
        """Return the result of each expectation of the suite."""
        return check_expectations(self.plan, self.rows)

    @cached_property
    def _rows_by_cell(self) -> dict[str, Row]:
        return {row.cell: row for row in self.rows if row.cell}


def run(suite: str | Path, **how: Unpack[RunArguments]) -> Run:
    """Run a suite; what was finished before is reused.

    Args:
        suite: a path, or the name of a shipped suite.
        **how: as the options of `harness run`: device ("auto"), workers, results ("results"), batch_size (128),
            threads, isolation ("process"), timeout (seconds a cell may take), plugin_folders (as `--plugins-dir`),
            allow_imports (as `--allow-imports`), trust (as `--trust`), no_examples (as `--no-examples`); sets, limit,
            seeds, only, skip, shard, shard_by and force (as `--set` and the others); executor, executor_with and
            wait_for_workers; store (as `--store`); and plugins, modules to load as plugins besides the
            installed ones, by name. See `RunOptions`.

    Raises:
        HarnessError: the suite, the device or the results folder cannot be used.
    """
    prepared = prepare(suite, RunOptions(**how))
    display = SilentDisplay()
    done = run_all(prepared, display)
    warnings = (*prepared.warnings, *display.warnings)
    counts = (done.n_run, done.n_reused)
    return Run(done.folder, prepared.plan, done.rows, done.exit_code, *counts, warnings, lambda: done.headline)


def open_run(name: str | Path, results: str | Path = "results", *, plugin_folders: PluginFolders = ()) -> Run:
    """A run that has ended, with its rows made again from its records.

    Args:
        name: its folder, `suite/run-id`, or the name of a suite for its latest run.
        results: the results folder.
        plugin_folders: as `--plugins-dir`.

    Raises:
        UsageError: there is no such run.
    """
    folder = RunFolder.find(str(name), Path(results))
    catalog = load_catalog(plugin_folders)
    with ScoringProcess(as_folders(plugin_folders)) as calls:
        plan, rows = recorded_rows(folder, Scoring(catalog, open_store(Path(results), needs_writing=False), calls))
    code = Exit(folder.about_if_whole().get("exit_code", Exit.INTERRUPTED))

    def find_headline() -> Headline:
        with ScoringProcess(as_folders(plugin_folders)) as calls:
            return run_headline(folder, plan, rows, catalog, cached_signatures(Path(results), catalog), calls)

    return Run(folder, plan, rows, code, find_headline=find_headline)
