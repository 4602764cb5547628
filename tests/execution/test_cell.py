"""What a cell's result says of the data it was measured on."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from harness.testing import run_suite

PLUGIN = '''
    import numpy as np
    from harness.api import Component, Examples, Outcome, hookimpl

    @hookimpl
    def harness_components():
        return [
            Component("task", "look", f"{__name__}:Look", "Records the numbers."),
            Component("dataset", "people", f"{__name__}:people", "Numbers with groups."),
        ]

    def people(group: str = "sex", members: str = "ffmm", first: int = 0, fact: str = "x", ids: str = "abcd"):
        """Four numbers."""
        numbers = np.arange(first, first + 4.0)
        return Examples(list(ids), {"number": numbers}, groups={group: list(members)}, facts={"fact": fact})

    class Look:
        """Records the numbers."""

        def run(self, data, ctx):
            return Outcome({"id": list(data.ids), "value": data.take(range(len(data.ids)))["number"]})
'''


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "people_of_execute.py").write_text(dedent(PLUGIN), encoding="utf-8")
    return folder


def data_facts(folder: Path, plugins: Path, **parameters: Any) -> dict[str, Any]:
    suite = f"suite: s\ntask: look\ndata: {{use: people, with: {parameters}}}\nmetrics: [accuracy]\n"
    (row,) = run_suite(suite, folder, plugin_folders=[plugins]).rows
    assert row.status == "ok", row.reason
    facts: dict[str, Any] = dict(row.comparability["data"])
    return facts


@pytest.mark.parametrize(
    "other", [{"group": "age"}, {"members": "fffm"}, {"first": 1}, {"fact": "y"}], ids=lambda other: next(iter(other))
)
def test_examples_groups_and_facts_are_all_in_the_digest_of_the_data(
    tmp_path: Path, plugins: Path, other: dict[str, Any]
) -> None:
    usual = data_facts(tmp_path, plugins)
    assert data_facts(tmp_path, plugins, **other)["digest"] != usual["digest"]
    assert data_facts(tmp_path, plugins, **other)["ids"] == usual["ids"]


def test_ids_have_a_digest_of_their_own(tmp_path: Path, plugins: Path) -> None:
    usual, other = data_facts(tmp_path, plugins), data_facts(tmp_path, plugins, ids="abce")
    assert (usual["digest"] == other["digest"], usual["ids"] == other["ids"]) == (True, False)
