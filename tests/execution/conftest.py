"""A catalog with the plugin `acting` only, and what builds from it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from execution.asking import asking
from execution.cells import PLUGINS
from harness.contract.cells import Use
from harness.execution.build import Builder
from harness.execution.cell import execute
from harness.plugins import Catalog, load_catalog
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult
from harness.store.records import RECORDS
from harness.store.store import Store


@pytest.fixture(scope="session")
def acting() -> Iterator[Catalog]:
    catalog = load_catalog([PLUGINS], entry_points=[])
    assert catalog.failures == []
    yield catalog
    for name in ("acting", "changing", "leaving"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def signatures() -> SignatureReader:
    return SignatureReader()


@pytest.fixture
def progress() -> list[tuple[str, int, int]]:
    """What the builder of the test was told of progress."""
    return []


@pytest.fixture
def builder(acting: Catalog, tmp_path: Path, progress: list[tuple[str, int, int]]) -> Builder:
    return Builder(acting, Store(tmp_path / "results" / "store"), "cpu", 32, lambda *told: progress.append(told))


@pytest.fixture
def measure(signatures: SignatureReader, tmp_path: Path) -> Callable[..., tuple[CellResult, Any]]:
    """Run a cell of `asking`; return how it ended and its records."""
    names = itertools.count()

    def run(builder: Builder, model: Use, how: str = "nothing", **roles: Use) -> tuple[CellResult, Any]:
        folder = tmp_path / f"cell-{next(names)}"
        folder.mkdir()
        result = execute(asking(model, how, **roles), folder, builder, signatures)
        has_records = (folder / RECORDS).exists()
        return result, pq.ParquetFile(folder / RECORDS).read().to_pydict() if has_records else None

    return run
