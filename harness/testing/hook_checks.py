"""What every plugin with hooks of its own promises: none of them fails in a small run, and its page can be made."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from harness import hooks
from harness.contract.errors import HarnessError, UsageError
from harness.library import Run
from harness.plugins import Catalog, PluginFolders, load_catalog
from harness.testing.finding import Finding, said
from harness.testing.runs import page_of, run_suite

_HOOKS = tuple(name for name in vars(hooks) if name.startswith("harness_"))


def check_hooks(plugin: str, *, plugin_folders: PluginFolders = ()) -> list[Finding]:
    """Check the hooks of a plugin in the smallest suite of a task, in seconds and without network.

    Args:
        plugin: its name: that of its entry point, or of its file.
        plugin_folders: folders whose modules are plugins.

    Raises:
        UsageError: no plugin of this name is loaded.
    """
    catalog = load_catalog(plugin_folders)
    if not catalog.manager.has_plugin(plugin):
        raise UsageError("\n".join([f"there is no plugin named {plugin!r}", *map(str, catalog.failures)]))
    own = [hook for hook in _HOOKS if plugin in {name for name, _ in catalog.implementations(hook)}]
    with tempfile.TemporaryDirectory(prefix="harness-check-") as folder:
        run = _first_that_runs(catalog, Path(folder), plugin_folders)
        if run is None:
            return [Finding("hooks", "not checked", "no task declares an example that runs")]
        faults = [*run.warnings, *_of_the_page(run, plugin_folders)]
    return [Finding("hooks", "ok", ", ".join(own)), said("no warning", faults)]


def _first_that_runs(catalog: Catalog, results: Path, plugin_folders: PluginFolders) -> Run | None:
    for task in catalog.of_kind("task"):
        if task.component.example:
            suite = {"suite": "hooks", "task": task.qualified_name, **yaml.safe_load(task.component.example)}
            try:
                return run_suite(json.dumps(suite), results, plugin_folders=plugin_folders)
            except HarnessError:
                continue
    return None


def _of_the_page(run: Run, plugin_folders: PluginFolders) -> Iterator[str]:
    try:
        page_of(run, plugin_folders)
    except AssertionError as error:
        yield str(error)
