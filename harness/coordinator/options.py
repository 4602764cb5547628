"""Options of a run as a user gives them, and the workers that follow from them and the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TypedDict

from harness.contract.errors import UsageError
from harness.plugins import PluginFolders, as_folders
from harness.suite.changes import Changes
from harness.suite.plan import Isolation, Plan
from harness.suite.shards import ShardBy

DEFAULT_TIMEOUT = 3600.0
"""Seconds that a cell may take unless the suite or the user says otherwise."""


class RunArguments(TypedDict, total=False):
    """The fields of `RunOptions` as keyword arguments, so that editors and type checkers know them."""

    device: str
    workers: int | None
    results: str | Path
    batch_size: int
    threads: int | None
    isolation: Isolation | None
    timeout: float | None
    plugin_folders: PluginFolders
    plugins: Mapping[str, ModuleType] | None
    debug: bool
    allow_imports: bool
    trust: Sequence[str | Path]
    environments: Mapping[str, str | Path]
    no_examples: bool
    sets: Sequence[str]
    limit: int | None
    seeds: str
    only: Sequence[str]
    skip: Sequence[str]
    force: bool
    shard: str
    shard_by: ShardBy
    executor: str
    executor_with: Sequence[str]
    wait_for_workers: float
    store: str | None
    time_limit: float | None


@dataclass(frozen=True)
class RunOptions:
    """The options that a user gives to a run; None leaves the choice to the suite.

    Attributes:
        device: cpu, cuda, cuda:N, mps, auto, or several separated by commas.
        workers: number of cells to run at a time; None for one per device.
        results: the folder of runs and of the store of finished cells.
        batch_size: number of examples at once; the records do not depend on it.
        threads: torch threads on the CPU, divided among the workers; None for the suite's, else 1.
        isolation: "inline" in this process; "process" in warm workers; "cell" in a fresh worker for every cell; None
            for the suite's, else "process".
        timeout: seconds that a cell may take, with the training it needs; None for the suite's, else 3600. Inline cells
            have no limit.
        plugin_folders: a folder, or folders, whose modules are loaded as plugins, as `--plugins-dir`.
        plugins: modules to load as plugins besides the installed ones, by name.
        allow_imports: let the suite name code of packages that are neither plugins nor in its folder.
        trust: files that may run code when they are loaded, such as pickles.
        environments: by name, where the Python environments are that the suite names: virtual environments, or the
            Python in one. Others stand in the user's configuration.
        no_examples: let pages of the run, printed logs and pictures show no single examples.
        sets, limit, seeds, only, skip, shard, shard_by: changes of the suite, as `--set`, `--limit`, `--seeds`,
            `--only`, `--skip`, `--shard`, `--shard-by`; see `Changes`.
        force: measure every cell anew; trained weights are kept.
        executor: the name of an executor that a plugin offers, on which cells run; empty for the suite's, else workers
            of this machine.
        executor_with: its parameters, each as KEY=VALUE.
        wait_for_workers: seconds without any worker after which what has not run is given up as lost.
        store: the URL of a store that machines share, behind that of the results folder; empty for none; None for that
            of HARNESS_STORE or of the user's configuration.
        time_limit: seconds into which the run is to fit: cells that will not fit, by what such cells took before, are
            left out, and no cell starts later; None for no limit.
        debug: let exceptions of plugins through, and run inline unless `isolation` says otherwise.
    """

    device: str = "auto"
    workers: int | None = None
    results: str | Path = "results"
    batch_size: int = 128
    threads: int | None = None
    isolation: Isolation | None = None
    timeout: float | None = None
    plugin_folders: PluginFolders = ()
    plugins: Mapping[str, ModuleType] | None = None
    debug: bool = False
    allow_imports: bool = False
    trust: Sequence[str | Path] = ()
    environments: Mapping[str, str | Path] = field(default_factory=dict)
    no_examples: bool = False
    sets: Sequence[str] = ()
    limit: int | None = None
    seeds: str = ""
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    force: bool = False
    shard: str = ""
    shard_by: ShardBy = "model"
    executor: str = ""
    executor_with: Sequence[str] = ()
    wait_for_workers: float = 600.0
    store: str | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        # Read once, since an iterator can be read only once.
        object.__setattr__(self, "plugin_folders", as_folders(self.plugin_folders))

    @property
    def is_bound_to_process(self) -> bool:
        """Whether plugins run in this process: a module of the caller exists nowhere else, a debugger wants them."""
        return bool(self.plugins) or self.debug

    @property
    def changes(self) -> Changes:
        """What the run asks of the suite beside its file."""
        only, skip = _texts(self.only), _texts(self.skip)
        return Changes(_texts(self.sets), self.limit, self.seeds, only, skip, self.shard, self.shard_by)


def _texts(given: Sequence[str]) -> tuple[str, ...]:
    """The texts of an option that may be given once, as one text, or several times."""
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True)
class Workers:
    """The workers that execute the cells of a run.

    Attributes:
        devices: a torch device string for each worker.
        threads: torch threads of each worker on the CPU.
        isolation: "inline", "process" or "cell", as in `RunOptions`.
        timeout: seconds that a cell may take, with the training it needs. Inline cells have no limit.
    """

    devices: Sequence[str]
    threads: int
    isolation: Isolation
    timeout: float


def decide_workers(options: RunOptions, plan: Plan, devices: Sequence[str]) -> Workers:
    """Return the workers for a plan: what the user asks for, else what the suite asks for, else the defaults.

    Raises:
        UsageError: several workers are asked for, or other environments, but cells run in this process.
    """
    isolation = options.isolation or ("inline" if options.is_bound_to_process else plan.isolation) or "process"
    if isolation == "inline" and len(devices) > 1:
        raise UsageError(f"inline isolation has one worker, not {len(devices)}; use --isolation process")
    elsewhere = next((cell.environment for cell in plan.cells if cell.environment and not cell.skip), "")
    if isolation == "inline" and elsewhere:
        raise UsageError(f"inline cells run in this Python, and not in {elsewhere!r}; use --isolation process")
    # One thread, not one per core: round-off follows the threads, and several slow small networks down.
    threads = max(1, (options.threads or plan.threads or 1) // len(devices))
    return Workers(devices, threads, isolation, options.timeout or plan.timeout or DEFAULT_TIMEOUT)
