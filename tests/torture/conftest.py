"""The command line with the plugin of coins, whose runs are cheap to make and to damage."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Finished, finished, say
from harness.cli import Session
from harness.plugins import Catalog
from harness.scoring.in_process import InThisProcess

__all__ = ["Finished", "finished", "say"]


@pytest.fixture
def metrics_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics run in this process, which spares each command the start of another."""

    @contextlib.contextmanager
    def calls(self: Session, catalog: Catalog) -> Iterator[InThisProcess]:
        yield InThisProcess(catalog)

    monkeypatch.setattr(Session, "calls", calls)


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Path:
    """A run of one's own in tmp_path/copy, without hard links to the store."""
    shutil.copytree(finished.results, tmp_path / "copy")
    (run,) = (tmp_path / "copy" / "coins").iterdir()
    return run
