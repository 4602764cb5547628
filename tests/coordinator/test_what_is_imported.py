"""What a run must not pay for: libraries that it has no need of, each tried in a process of its own."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plugins import name_and_version
from harness.store.facts_index import FactsIndex


def imports(code: str, *names: str) -> list[str]:
    """Those of these modules that are imported after some code."""
    shown = f"import sys\n{code}\nprint(*(name for name in {names!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split()


def test_a_run_without_terminal_imports_nothing_that_draws() -> None:
    code = "import harness.cli.display as d, harness.coordinator.runner\nd.make_display(quiet=True)\nd.make_display()"
    assert imports(code, "rich", "matplotlib", "torch", "pandas", "scipy") == []


def test_the_gap_of_rates_needs_no_scipy() -> None:
    code = """
import numpy as np
from harness.statistics.gaps_of_rates import gap_of_rates
gap_of_rates([(np.array([3, 40, 9]), np.array([50, 50, 20]))])
"""
    assert imports(code, "scipy", "pandas", "pyarrow") == []


def test_names_and_versions_are_those_of_the_whole_metadata() -> None:
    found = [(name_and_version(each), (each.metadata["Name"], each.version)) for each in _installed()]
    assert found
    assert all(ours == theirs for ours, theirs in found)


def _installed() -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions())[:40]


def test_installed_packages_are_read_again_for_new_ones_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(seen: str) -> dict[str, list[str]]:
        read.append(seen)
        return {"a": ["b"]}

    monkeypatch.setattr("harness.store.facts_index._distributions", noted)
    monkeypatch.syspath_prepend(str(tmp_path))

    def look() -> None:
        index = FactsIndex(tmp_path / "store")
        assert index.distributions == {"a": ["b"]}
        index.save()

    (tmp_path / "store").mkdir()
    look()
    (tmp_path / "results").mkdir()
    look()
    assert len(read) == 1
    (tmp_path / "new-1.0.dist-info").mkdir()
    look()
    assert len(read) == 2
