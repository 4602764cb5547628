"""Where the cells of a run are executed, and where their numbers are computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.coordinator.plugin_executor import start_executor
from harness.coordinator.prepared import Prepared
from harness.execution.executor import Executor, Progress, RunSettings
from harness.plugins import as_folders
from harness.scoring.in_process import InThisProcess
from harness.scoring.plugin_calls import Scoring
from harness.scoring_process.client import ScoringProcess

_CELLS_PER_WORKER = 1000
"""Number of cells after which a worker is replaced, before what plugins leak fills the memory."""


def make_executor(prepared: Prepared, on_progress: Progress) -> Executor:
    """Return the executor that a run asks for: one of a plugin, workers, or this process.

    Args:
        prepared: what to run and how.
        on_progress: called during long work in this process.

    Raises:
        HarnessError: the executor of a plugin cannot be used.
    """
    workers, options = prepared.workers, prepared.options
    if prepared.executor:
        return start_executor(prepared.executor, prepared.catalog, partial(_settings, prepared))
    # Imported here: inline, cells run in this process, which then needs torch; a run with nothing to do needs none.
    if workers.isolation == "inline":
        from harness.execution.build import Builder
        from harness.execution.inline import InlineExecutor
        from harness.execution.precision import pin_numerics

        pin_numerics(workers.threads)
        builder = Builder(
            prepared.catalog, prepared.store.of_loaded_code(), workers.devices[0], options.batch_size, lambda *_: None
        )
        return InlineExecutor(builder, prepared.signatures, on_progress, debug=options.debug)
    from harness.execution.process import ProcessExecutor, setups_for

    return ProcessExecutor(
        setups_for(
            workers.devices, workers.threads, prepared.store.root, as_folders(options.plugin_folders), prepared.remote
        ),
        timeout=workers.timeout,
        pythons={name: str(each.python) for name, each in prepared.environments.items()},
        cells_per_worker=_cells_per_worker(prepared),
    )


def _settings(prepared: Prepared, code: dict[str, str]) -> RunSettings:
    """What an executor of a plugin is told of a run, given the digests of its code."""
    workers, options = prepared.workers, prepared.options
    return RunSettings(
        n_workers=options.workers,
        device=workers.devices[0],
        threads=workers.threads,
        timeout=workers.timeout,
        cells_per_worker=_cells_per_worker(prepared),
        plugin_folders=tuple(str(folder.resolve()) for folder in as_folders(options.plugin_folders)),
        code=code,
        remote=prepared.remote,
    )


def _cells_per_worker(prepared: Prepared) -> int:
    return 1 if prepared.workers.isolation == "cell" else _CELLS_PER_WORKER


def make_scoring(prepared: Prepared, is_stopping: Callable[[], bool]) -> Scoring:
    """Return what the rows of a run are made with: metrics run in a process of their own unless cells run in this one.

    Args:
        prepared: what to run and how.
        is_stopping: whether the user has interrupted the run, which then waits for no metric.
    """
    workers, options = prepared.workers, prepared.options
    catalog, store, examples = prepared.catalog, prepared.store, not options.no_examples
    if workers.isolation == "inline" or options.is_bound_to_process:
        return Scoring(catalog, store, InThisProcess(catalog), examples)
    calls = ScoringProcess(as_folders(options.plugin_folders), timeout=workers.timeout, is_stopping=is_stopping)
    return Scoring(catalog, store, calls, examples)
