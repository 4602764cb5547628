"""What every component promises, checked in small runs without network: `check("attack", "pgd", {"eps": 0.1})`.

A task declares the smallest suite in which it runs (`example` of its component). A component is put into the example of
a task that it can take part in; its records must be the same in two runs, and in batches of other sizes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from harness.contract.components import Kind
from harness.contract.errors import HarnessError
from harness.contract.rows import Row, Status
from harness.library import Run
from harness.plugins import Catalog, Entry, PluginFolders, as_folders, load_catalog
from harness.signatures import Signature, SignatureReader
from harness.suite.metric_fit import may_be_recorded
from harness.testing.dataset_checks import dataset_findings
from harness.testing.finding import Finding, said
from harness.testing.metric_checks import metric_findings
from harness.testing.runs import assert_same_records, run_suite
from harness.testing.same_numbers import differing_numbers

_KEYS: Mapping[Kind, str] = {
    "model": "models",
    "dataset": "data",
    "attack": "attacks",
    "sampler": "samplers",
    "attribution": "attributions",
    "metric": "metrics",
    "aggregate": "aggregates",
    "reporter": "reports",
}
"""The key of a suite under which a component of this kind stands."""
_HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "matplotlib")
_LOAD_ALONE = f"""
import importlib.metadata, sys
from harness.plugins import GROUP, load_catalog
points = [each for each in importlib.metadata.entry_points(group=GROUP) if f"entry point {{each.value}}" == sys.argv[1]]
load_catalog([] if points else sys.argv[2:], entry_points=points)
print(*[name for name in {_HEAVY!r} if name in sys.modules])
"""
"""Loads the plugin of a component and no other, and prints what it has imported."""
_PLACE = re.compile(r"^\S+?:\d+:\d+: ")
"""Where an error lies in a suite that the user has not written."""
_SMALL_BATCH, _LARGE_BATCH = 3, 64
_SAME, _SAME_BUT_ROUND_OFF = 1e-9, 1e-3
"""How far numbers may lie apart that are computed twice, and in batches of other shapes."""
_LABEL = "checked"
"""What tables call the component."""
_LIMIT = 24
"""Examples of a dataset that a task is tried on."""


def check(
    kind: Kind, name: str, parameters: Mapping[str, Any] | None = None, *, plugin_folders: PluginFolders = ()
) -> list[Finding]:
    """Check one component against what its kind promises, in seconds and without network.

    Args:
        kind, name: of the component.
        parameters: those that it requires, as under `with:`.
        plugin_folders: folders whose modules are plugins.

    Raises:
        UsageError: there is no such component.
    """
    folders = as_folders(plugin_folders)
    catalog = load_catalog(folders)
    entry = catalog.find(kind, name)
    findings = [_imports_are_light(entry, folders)]
    try:
        signature = SignatureReader().read(entry.component)
    except HarnessError as error:
        return [*findings, Finding("signature", "wrong", str(error))]
    findings += [Finding("signature", "ok"), _documented(entry, signature)]
    missing = [p.name for p in signature.parameters if p.required and p.name not in (parameters or {})]
    if missing:
        reason = f"give a value to {', '.join(missing)}"
        return [*findings, Finding("runs", "not checked", reason)]
    return [*findings, *_Trial(catalog, entry, parameters or {}, folders).findings()]


def _imports_are_light(entry: Entry, folders: Sequence[Path]) -> Finding:
    """Declaring components must not import what takes seconds: it is done for `harness list` and in every process."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_ALONE, entry.source, *(str(folder.resolve()) for folder in folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    heavy = ", ".join(done.stdout.split())
    if done.returncode:
        return Finding("light import", "wrong", done.stderr.strip().rpartition("\n")[2])
    reason = f"declaring the components of {entry.package} imports {heavy}; import it in functions"
    if not heavy:
        return Finding("light import", "ok")
    # Everybody pays for a package that is installed, but for a file in a folder only who names the folder.
    return Finding("light import", "wrong" if entry.source.startswith("entry point") else "ok", reason)


def _documented(entry: Entry, signature: Signature) -> Finding:
    lacking = [p.name for p in signature.parameters if not p.doc]
    if not entry.summary:
        return Finding("documentation", "wrong", entry.without_summary)
    if lacking:
        reason = f"describe {', '.join(lacking)} under `Args:` of {entry.component.target}"
        return Finding("documentation", "wrong", reason)
    return Finding("documentation", "ok")


@dataclass(frozen=True)
class _Trial:
    """A component in the examples of the tasks that it can take part in."""

    catalog: Catalog
    entry: Entry
    parameters: Mapping[str, Any]
    folders: Sequence[Path]

    def findings(self) -> Iterator[Finding]:
        """What running it shows, for the first task in which it runs."""
        tried: list[str] = []
        left_to_check_alone = self.entry.component.kind == "dataset"
        for task in self._tasks():
            name, suite = task.component.name, self._suite(task)
            with tempfile.TemporaryDirectory(prefix="harness-check-") as folder:
                results = Path(folder)
                try:
                    first = self._run(suite, results / "first", _LARGE_BATCH)
                except HarnessError as error:
                    tried.append(f"{name}: {_PLACE.sub('', str(error).splitlines()[0])}")
                    continue
                rows = self._rows(first)
                if left_to_check_alone:
                    yield from self._alone(first, results / "alone")
                    left_to_check_alone = False
                unsuited = next((row for row in rows if self._is_unsuited(row)), None)
                if not rows or unsuited:
                    tried.append(f"{name}: {unsuited.reason if unsuited else 'it has no row'}")
                    continue
                yield from self._examined(name, suite, results, first, rows)
                return
        wanted = ", ".join(sorted(self.entry.component.tasks)) or "any task"
        reason = "; ".join(tried) or f"no task among {wanted} declares an example"
        yield Finding("runs", "not checked", reason)

    def _is_unsuited(self, row: Row) -> bool:
        """Whether another task is to be tried; a dataset says nowhere which tasks it has the columns for."""
        is_dataset = self.entry.component.kind == "dataset"
        return row.status is Status.SKIPPED or (is_dataset and not row.status.is_measured)

    def _alone(self, run: Run, results: Path) -> Iterator[Finding]:
        """What a dataset shows whatever the task makes of it."""
        use = next(use for cell in run.plan.cells if (use := cell.components.get("data")) is not None)
        return dataset_findings(replace(use, limit=None), self.catalog, results)

    def _examined(self, task: str, suite: str, results: Path, first: Run, rows: Sequence[Row]) -> Iterator[Finding]:
        bad = next((row for row in rows if not row.status.is_measured), None)
        if bad is not None:
            yield Finding(f"runs in {task}", "wrong", f"{bad.status}: {bad.reason}")
            return
        doubted = next((row.reason for row in rows if row.status is Status.SUSPECT), "")
        yield Finding(f"runs in {task}", "ok", f"suspect: {doubted}" if doubted else "")
        warned = "; ".join(first.warnings)
        yield Finding("no warning", "wrong", warned) if warned else Finding("no warning", "ok")
        if self.entry.component.kind == "metric":
            yield from metric_findings(self.entry, self.parameters, first)
        if self.entry.component.kind == "task":
            yield said("declared columns", list(self._undeclared(first, rows)))
        again, small = (
            self._run(suite, results / "again", _LARGE_BATCH),
            self._run(suite, results / "small", _SMALL_BATCH),
        )
        yield self._same("repeated", first, again, _SAME)
        yield self._same("batch size means nothing", first, small, _SAME_BUT_ROUND_OFF)

    def _undeclared(self, run: Run, rows: Sequence[Row]) -> Iterator[str]:
        """The columns of records that a task does not declare, if it declares any."""
        signature = SignatureReader().read(self.entry.component)
        recorded = dict.fromkeys(name for row in rows for name in run.records(row).table.column_names)
        if lacking := [name for name in recorded if not may_be_recorded(name, signature)]:
            yield f"its records have {', '.join(lacking)}, which `columns` of {self.entry.component.target} lacks"

    def _same(self, what: str, first: Run, other: Run, tolerance: float) -> Finding:
        try:
            assert_same_records(first, other)
        except AssertionError as error:
            return Finding(what, "wrong", str(error))
        return said(what, list(differing_numbers(first, other, tolerance))[:1])

    def _tasks(self) -> list[Entry]:
        """The tasks that declare an example: the component itself, or those it can take part in."""
        component = self.entry.component
        tasks = [self.entry] if component.kind == "task" else self.catalog.of_kind("task")
        fitting = [task for task in tasks if not component.tasks or task.component.name in component.tasks]
        return [task for task in (tasks if component.kind == "task" else fitting) if task.component.example]

    def _suite(self, task: Entry) -> str:
        """The example of a task with the component in its place, as YAML."""
        example: dict[str, Any] = yaml.safe_load(task.component.example)
        component = self.entry.component
        use: dict[str, Any] = {"use": self.entry.qualified_name, "as": _LABEL}
        use |= {"with": dict(self.parameters)} if self.parameters else {}
        use |= {"limit": _LIMIT} if component.kind == "dataset" else {}
        named = example.pop("task", {"use": task.qualified_name})
        if component.kind == "extractor":
            named = {
                **named,
                "with": {**named.get("with", {}), "features": [{k: v for k, v in use.items() if k != "as"}]},
            }
        elif component.kind in _KEYS:
            example[_KEYS[component.kind]] = [use]
        return json.dumps({"suite": "conformance", "task": named, **example})

    def _rows(self, run: Run) -> list[Row]:
        """The rows in which the component stands, or that it has made."""
        kind = self.entry.component.kind
        role = "data" if kind == "dataset" else kind
        return [
            row for row in run.rows if row.derived == _LABEL or (row.cell and row.labels.get(role, _LABEL) == _LABEL)
        ]

    def _run(self, suite: str, results: Path, batch_size: int) -> Run:
        return run_suite(suite, results, batch_size=batch_size, plugin_folders=self.folders)
