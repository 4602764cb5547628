"""Plugins that were written for an earlier version of `harness.api` still run: they are frozen, and never edited.

When the minor of `API_VERSION` rises the examples are copied once more, without their tests, as
`tests/fixtures/plugins_of_<major>_<minor>`. A copy goes when what its version offered may have left.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.api import API_VERSION
from harness.testing import page_of, run_suite

FROZEN = sorted((Path(__file__).parent / "fixtures").glob("plugins_of_*/*"))
pytestmark = pytest.mark.slow


@pytest.fixture
def plugin(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of a frozen plugin, whose modules are forgotten afterwards."""
    folder: Path = request.param
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {path.name for path in folder.iterdir()}:
            del sys.modules[name]


@pytest.mark.parametrize("plugin", FROZEN, indirect=True, ids=[f"{path.parent.name}-{path.name}" for path in FROZEN])
def test_a_frozen_plugin_runs_its_suite(plugin: Path, shared_results: Path) -> None:
    (suite,) = plugin.glob("*.yaml")
    with warnings.catch_warnings():
        # It may use what is about to leave; that it is told so is tested elsewhere.
        warnings.simplefilter("ignore", DeprecationWarning)
        done = run_suite(suite, shared_results, plugin_folders=plugin)
        assert done.warnings == ()
        assert {str(row.status) for row in done.rows} <= {"ok", "suspect", "skipped"}
        assert any(row.status.is_measured for row in done.rows)
        assert suite.stem in page_of(done, plugin)


def test_the_oldest_version_that_is_promised_is_among_them() -> None:
    frozen = {tuple(map(int, path.parent.name.split("_")[2:])) for path in FROZEN}
    assert min(frozen) <= API_VERSION
    assert all(version[0] == API_VERSION[0] for version in frozen)
