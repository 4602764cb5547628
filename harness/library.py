"""Using harness from Python: run a suite, or open a run that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.contract.errors import Exit, UsageError
from harness.contract.records import Records
from harness.contract.rows import Row
from harness.execution.devices import choose_devices
from harness.plugins import Catalog, load_catalog
from harness.results.expectations import Judged, judge_expectations
from harness.results.table import frame
from harness.run.runner import Display, Finished, LiveRun, Options
from harness.scoring.rows import recorded_rows
from harness.signatures import SignatureReader
from harness.store.open import cached_signatures, open_store
from harness.store.records import RECORDS, read_records
from harness.store.run_folder import RunFolder
from harness.store.store import Store
from harness.suite.load import load_suite
from harness.suite.plan import Isolation, Plan
from harness.suite.resolve import make_plan

if TYPE_CHECKING:
    import pandas as pd

    from harness.contract.cells import Cell


DEFAULT_TIMEOUT = 3600.0
"""Seconds that a cell may take unless the suite or the user says otherwise."""


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
        folder: where it lies.
        plan: what was planned.
        rows: cells in plan order, each experiment's derived rows after its cells.
        exit_code: what the command line would exit with.
        n_run, n_reused: how many cells were executed and how many were taken from the store.
        warnings: what plugins did wrong besides.
    """

    folder: RunFolder
    plan: Plan
    rows: Sequence[Row]
    exit_code: Exit
    n_run: int = 0
    n_reused: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One line per row: labels, status, each metric with `_low`, `_high`, `_n` and `_missing`, costs, key."""
        return frame(self.rows)

    def row(self, **labels: str) -> Row:
        """The one row with these labels, e.g. `run.row(model="linear", attack="pgd eps=0.1")`.

        Raises:
            UsageError: none or several have them.
        """
        found = [row for row in self.rows if all(row.labels.get(role) == label for role, label in labels.items())]
        if len(found) != 1:
            known = "; ".join(str(dict(row.labels)) for row in (found or self.rows)[:8])
            raise UsageError(f"{len(found) or 'no'} rows are labelled {labels}; there are: {known}")
        return found[0]

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

    def expectations(self) -> list[Judged]:
        """What became of the expectations of the suite."""
        return judge_expectations(self.plan, self.rows)

    @cached_property
    def _rows_by_cell(self) -> dict[str, Row]:
        return {row.cell: row for row in self.rows if row.cell}


class SilentDisplay:
    """A display that keeps warnings and shows nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def begin(self, total: int, reused: int) -> None:
        return None

    def working(self, cell: Cell) -> None:
        return None

    def progress(self, cell: Cell, what: str, done: int, total: int) -> None:
        return None

    def cell_done(self, row: Row) -> None:
        return None

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def close(self) -> None:
        return None


@dataclass(frozen=True)
class Prepared:
    """All that a run needs: what to run, and how."""

    plan: Plan
    catalog: Catalog
    signatures: SignatureReader
    store: Store
    options: Options

    def start(self, display: Display) -> LiveRun:
        """Begin a run, whose cells can be taken one by one."""
        return LiveRun(self.plan, self.catalog, self.signatures, self.store, self.options, display)

    def run(self, display: Display) -> Finished:
        """Run what is missing, reuse the rest, and write the tables. Raises StoreError if they cannot be written."""
        live = self.start(display)
        try:
            live.run(self.plan.cells)
            return live.finish()
        finally:
            live.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Which plugins could not be loaded, or did something wrong in the plan."""
        return (*map(str, self.catalog.failures), *self.plan.warnings)


def prepare(
    suite: str | Path,
    *,
    device: str = "auto",
    workers: int | None = None,
    results: str | Path = "results",
    batch_size: int = 128,
    threads: int | None = None,
    isolation: Isolation | None = None,
    timeout: float | None = None,
    plugin_folders: Iterable[Path] = (),
    plugins: Mapping[str, ModuleType] | None = None,
    debug: bool = False,
) -> Prepared:
    """Plan a suite and choose how to run it; the arguments are those of `run`.

    Raises:
        HarnessError: the suite, the device or the results folder cannot be used.
    """
    folders = tuple(plugin_folders)
    loaded = load_suite(str(suite))
    catalog = load_catalog(folders, extra=plugins)
    devices = choose_devices(device, workers)
    store = open_store(Path(results))
    signatures = cached_signatures(Path(results), catalog)
    plan = make_plan(loaded, catalog, signatures)
    # A module given by the caller exists in this process only, and a debugger wants the cells here.
    where: Isolation = isolation or ("inline" if plugins or debug else plan.isolation) or "process"
    options = Options(
        results=Path(results),
        devices=devices,
        batch_size=batch_size,
        # Not the machine's cores: round-off follows the threads, and several slow small networks down.
        threads=max(1, (threads or plan.threads or 1) // len(devices)),
        isolation=where,
        timeout=timeout or plan.timeout or DEFAULT_TIMEOUT,
        plugin_folders=folders,
        debug=debug,
    )
    if where == "inline" and len(devices) > 1:
        raise UsageError(f"inline isolation has one worker, not {len(devices)}; use --isolation process")
    return Prepared(plan, catalog, signatures, store, options)


def run(suite: str | Path, **how: Any) -> Run:
    """Run a suite; what was finished before is reused.

    Args:
        suite: a path, or the name of a shipped suite.
        **how: as the options of `harness run`: device ("auto"), workers, results ("results"), batch_size (128),
            threads, isolation ("process"), timeout (seconds a cell may take), plugin_folders (as `--plugins-dir`);
            and plugins, modules to load as plugins besides the installed ones, by name.

    Raises:
        HarnessError: the suite, the device or the results folder cannot be used.
    """
    prepared = prepare(suite, **how)
    display = SilentDisplay()
    done = prepared.run(display)
    warnings = (*prepared.warnings, *display.warnings)
    return Run(done.folder, prepared.plan, done.rows, done.exit_code, done.n_run, done.n_reused, warnings)


def open_run(name: str | Path, results: str | Path = "results", *, plugin_folders: Iterable[Path] = ()) -> Run:
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
    plan, rows = recorded_rows(folder, catalog, open_store(Path(results)))
    return Run(folder, plan, rows, Exit(folder.about().get("exit_code", Exit.INTERRUPTED)))
