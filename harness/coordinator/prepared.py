"""All that a run needs before its first cell: the plan, the plugins, the store, and where cells are executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.contract.cells import Use
from harness.contract.errors import UsageError
from harness.coordinator.options import RunOptions, Workers, decide_workers
from harness.execution.devices import choose_devices, device_elsewhere
from harness.execution.environments import Environment, environments_of
from harness.plugins import Catalog, as_folders, load_catalog
from harness.scoring.in_process import InThisProcess
from harness.scoring.plugin_calls import PluginCalls
from harness.scoring_process.client import TIME_LIMIT_SECONDS, ScoringProcess
from harness.signatures import SignatureReader
from harness.store.layered import open_layered
from harness.store.open import cached_signatures
from harness.store.remote import remote_url
from harness.store.store import STORE, Store
from harness.suite.load import load_suite
from harness.suite.plan import Plan
from harness.suite.resolve import make_plan, resolve_executor


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to start.

    Attributes:
        plan: all cells.
        catalog, signatures: where components are found, and what they take.
        store: where finished cells are kept.
        options: what the user asked for.
        workers: where cells are executed.
        environments: the other Python environments that cells are executed in, by name.
        executor: what they run on, if it is an executor of a plugin.
        remote: the URL of the store that machines share; empty for none.
    """

    plan: Plan
    catalog: Catalog
    signatures: SignatureReader
    store: Store
    options: RunOptions
    workers: Workers
    environments: Mapping[str, Environment] = field(default_factory=dict)
    executor: Use | None = None
    remote: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The plugins that could not be loaded, and the warnings of the plan."""
        return (*map(str, self.catalog.failures), *self.plan.warnings)


@contextmanager
def planning_calls(options: RunOptions, catalog: Catalog) -> Iterator[PluginCalls]:
    """What calls hooks of plugins while the plan is made: in a process of their own, which starts with the first.

    Args:
        options: of the run.
        catalog: the plugins.
    """
    if options.isolation == "inline" or options.is_bound_to_process:
        yield InThisProcess(catalog)
        return
    timeout = options.timeout or TIME_LIMIT_SECONDS
    with ScoringProcess(as_folders(options.plugin_folders), timeout=timeout) as calls:
        yield calls


def prepare(suite: str | Path, options: RunOptions) -> Prepared:
    """Plan a suite and decide where its cells are executed.

    Args:
        suite: a path, or the name of a shipped suite.
        options: how to run it.

    Raises:
        HarnessError: the suite, the device or the results folder cannot be used.
    """
    results = Path(options.results)
    loaded = load_suite(str(suite), options.changes)
    catalog = load_catalog(options.plugin_folders, extra=options.plugins)
    remote = remote_url(options.store)
    store = open_layered(results / STORE, remote)
    signatures = cached_signatures(results, catalog)
    with planning_calls(options, catalog) as hooks:
        plan = make_plan(
            loaded,
            catalog,
            signatures,
            allow_imports=options.allow_imports,
            trust=[Path(file) for file in options.trust],
            hooks=hooks,
        )
    executor = plan.executor
    if options.executor:
        executor = resolve_executor(options.executor, options.executor_with, catalog, signatures)
    elif options.executor_with:
        raise UsageError("--executor-with says how an executor runs; name it by --executor")
    devices = device_elsewhere(options.device) if executor else choose_devices(options.device, options.workers)
    workers = decide_workers(options, plan, devices)
    if executor and workers.isolation == "inline":
        raise UsageError(f"inline isolation runs cells in this process, not on executor {executor.label!r}")
    if executor and (named := next((cell.environment for cell in plan.cells if cell.environment), "")):
        raise UsageError(f"environment {named!r} is one of this machine; executor {executor.label!r} has none of them")
    folders = as_folders(options.plugin_folders)
    environments = environments_of(plan.cells, options.environments, folders, store, workers.devices[0])
    return Prepared(plan, catalog, signatures, store, options, workers, environments, executor, remote)
