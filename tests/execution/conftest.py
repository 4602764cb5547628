"""A catalog with the plugin `acting` only, and what builds from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from execution.cells import PLUGINS
from harness.execution.build import Builder
from harness.plugins import Catalog, load_catalog
from harness.signatures import SignatureReader
from harness.store.store import Store


@pytest.fixture(scope="session")
def acting() -> Iterator[Catalog]:
    catalog = load_catalog([PLUGINS], entry_points=[])
    assert catalog.failures == []
    yield catalog
    for name in ("acting", "changing"):
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
