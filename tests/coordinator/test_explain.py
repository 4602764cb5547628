"""Why a cell ran or was reused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness import Run
from harness.contract.errors import UsageError
from harness.coordinator.explain import Difference, explain
from harness.testing import run_suite

PLUGINS = Path(__file__).parents[1] / "torture" / "plugins"
SUITE = "suite: s\ntask: act\ndata: tiny\nattacks: [{use: behave, as: a, with: {which: 1}}]\nmetrics: [mean_value]\n"


def go(tmp_path: Path, text: str = SUITE) -> Run:
    return run_suite(text, tmp_path, plugin_folders=[PLUGINS])


def test_the_first_time(tmp_path: Path) -> None:
    found = explain(go(tmp_path).folder, "a.tiny")
    assert (found.how, found.why) == ("ran", "no earlier run of this suite has measured it")


def test_nothing_has_changed(tmp_path: Path) -> None:
    first = go(tmp_path)
    found = explain(go(tmp_path).folder, "a.tiny")
    assert found.how == "reused"
    assert found.why == f"nothing that its records depend on has changed since s/{first.folder.run_id}"


def test_the_inputs_that_differ_are_named(tmp_path: Path) -> None:
    first = go(tmp_path)
    found = explain(go(tmp_path, SUITE.replace("tiny", "{use: tiny, with: {n: 9}}")).folder, "a.tiny")
    assert found.why == f"what its records depend on has changed since run {first.folder.run_id}"
    (difference,) = found.differences
    assert difference == Difference("cell.components.data.parameters.n", "8", "9")


def test_the_file_whose_code_differs_is_named(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "explained_plugin"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(PLUGINS.joinpath("misbehaving.py").read_text(encoding="utf-8"))
    (plugin / "__init__.py").open("a").write("\nfrom explained_plugin.helper import LIMIT\n")
    (plugin / "helper.py").write_text("LIMIT = 1\n")

    def once_more() -> Run:
        return run_suite(SUITE, tmp_path / "results", plugin_folders=[tmp_path / "plugins"])

    once_more()
    (plugin / "helper.py").write_text("LIMIT = 1  # seconds\n")
    assert explain(once_more().folder, "a.tiny").how == "reused"
    (plugin / "helper.py").write_text("LIMIT = 2\n")
    (difference,) = explain(once_more().folder, "a.tiny").differences
    assert difference.field == "code of explained_plugin: explained_plugin/helper.py"
    assert difference.before != difference.after
    shutil.rmtree(tmp_path / "results" / "store" / "closures")
    (plugin / "helper.py").write_text("LIMIT = 3\n")
    (difference,) = explain(once_more().folder, "a.tiny").differences
    assert difference.field == "code.explained_plugin"


def test_only_ok_cells_are_reused(tmp_path: Path) -> None:
    text = SUITE.replace("{which: 1}", "{kind: raise}")
    first = go(tmp_path, text)
    found = explain(go(tmp_path, text).folder, "a.tiny")
    assert (
        found.why
        == f"in run {first.folder.run_id} it ended as failed, and only cells that are ok or suspect are reused"
    )
    assert "ValueError: a bug of the plugin" in found.log


def test_an_entry_that_is_gone(tmp_path: Path) -> None:
    first = go(tmp_path)
    for entry in (tmp_path / "store" / "cells").iterdir():
        entry.rename(tmp_path / "gone")
    found = explain(go(tmp_path).folder, "a.tiny")
    assert found.why == (
        f"run {first.folder.run_id} had measured it, but its entry or its weights are no longer in the store"
    )


def test_names_that_no_cell_or_several_have(tmp_path: Path) -> None:
    done = go(tmp_path, SUITE.replace("[{use: behave, as: a, with: {which: 1}}]", "[behave, {use: behave, as: b}]"))
    with pytest.raises(UsageError, match=r"no cells are called 'zzz'; there are\n  behave\.tiny"):
        explain(done.folder, "zzz")
    with pytest.raises(UsageError, match="2 cells are called 'tiny'"):
        explain(done.folder, "tiny")


def test_a_run_of_another_version(tmp_path: Path) -> None:
    folder = go(tmp_path).folder
    about = folder.read_json("run.json")
    folder.write_json("run.json", {**about, "schema": 0})
    with pytest.raises(UsageError, match="was written by another version of harness"):
        explain(folder, "a.tiny")
