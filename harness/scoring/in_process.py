"""Calling metrics, aggregates and reporters in this process, where an exception is all that can be caught."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.contract.cells import Cell, Use
from harness.contract.checked_rows import row_of
from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Row
from harness.contract.tasks import Influences
from harness.isolation import Fault, isolated
from harness.loaded_code import LoadedSources
from harness.plugins import Catalog
from harness.scoring.aggregates import doubts_of, rows_of, write_pictures
from harness.scoring.limits import limits_of
from harness.scoring.metrics import estimate_of
from harness.scoring.page_sections import FilledSection, sections_of
from harness.scoring.per_example import Values, influences_of, values_of
from harness.scoring.plugin_calls import Doubts, Limits
from harness.scoring.provenance_facts import facts_of
from harness.scoring.redaction import RedactorHere
from harness.scoring.subgroups import rows_of_groups
from harness.store.records import read_records
from harness.suite.plan_hooks import kept_by, objections_of

T = TypeVar("T")


class InThisProcess:
    """Calls plugins in this process.

    Args:
        catalog: where they are found.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._loaded = LoadedSources(catalog.packages)

    def estimate(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Estimate | Fault:
        return _guarded(lambda: estimate_of(use, read_records(folder, protocol), self._catalog))

    def group_rows(self, cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use]) -> list[Row] | Fault:
        return _guarded(lambda: _plain(rows_of_groups(cell, groups, metrics, self._catalog)))

    def aggregate(self, use: Use, cells: Sequence[MeasuredCell]) -> list[Row] | Fault:
        return _guarded(lambda: _plain(rows_of(use, cells, self._catalog)))

    def doubts(self, use: Use, cells: Sequence[MeasuredCell]) -> Doubts | Fault:
        return _guarded(lambda: doubts_of(use, cells, self._catalog))

    def report(
        self,
        use: Use,
        rows: Sequence[Row],
        cells: Sequence[MeasuredCell],
        directions: Mapping[str, str],
        folder: Path,
    ) -> Fault | None:
        return _guarded(lambda: write_pictures(use, rows, cells, directions, folder, self._catalog))

    def limits(self, use: Use) -> Limits | Fault:
        return _guarded(lambda: limits_of(self._catalog.find("metric", use.name).component.load()))

    def sections(
        self, plugin: str, cells: Sequence[MeasuredCell], *, examples: bool = True
    ) -> list[FilledSection] | Fault:
        return _guarded(lambda: sections_of(plugin, cells, self._catalog, examples=examples))

    def kept_cells(self, plugin: str, cells: Sequence[Cell]) -> list[int] | Fault:
        return _guarded(lambda: kept_by(plugin, cells, self._catalog))

    def objections(self, plugin: str, cells: Sequence[Cell]) -> list[str | Fault] | Fault:
        return _guarded(lambda: objections_of(plugin, cells, self._catalog))

    def facts(self, plugin: str) -> Mapping[str, Any] | Fault:
        return _guarded(lambda: facts_of(plugin, self._catalog))

    def redact(self, texts: Sequence[str]) -> list[str] | Fault:
        return _guarded(lambda: RedactorHere(self._catalog).redact(texts))

    def notify(self, plugin: str, hook: str, arguments: Mapping[str, Any]) -> Fault | None:
        return _guarded(lambda: notify_of(plugin, hook, arguments, self._catalog))

    def per_example(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Values | Fault | None:
        return _guarded(lambda: values_of(use, read_records(folder, protocol), self._catalog))

    def influences(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Influences | Fault | None:
        return _guarded(lambda: influences_of(use, read_records(folder, protocol), self._catalog))

    def loaded(self) -> Mapping[str, str]:
        self._loaded.new()
        return self._loaded.hashes

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


def notify_of(plugin: str, hook: str, arguments: Mapping[str, Any], catalog: Catalog) -> Fault | None:
    """Call a plugin's implementation of a hook that only tells it something; the fault if it raised."""
    (call,) = (call for name, call in catalog.implementations(hook) if name == plugin)
    answer = call(**arguments)
    return answer if isinstance(answer, Fault) else None


def _guarded(call: Callable[[], T | Fault]) -> T | Fault:
    with _working_folder_kept():
        return isolated(call)


@contextlib.contextmanager
def _working_folder_kept() -> Iterator[None]:
    # Paths of runs may be relative to it.
    try:
        before = os.open(".", os.O_RDONLY)
    except OSError:  # It was removed; then nothing is relative to it.
        yield
        return
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _plain(rows: Sequence[Row]) -> list[Row]:
    """Return the rows as they will be when they are read from JSON again. Raises where they cannot be."""
    return [row_of(json.loads(json.dumps(row.to_json(), allow_nan=False)), f"row {i}") for i, row in enumerate(rows, 1)]
