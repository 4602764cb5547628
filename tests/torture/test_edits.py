"""Files that somebody edits while a run goes on: numbers of other code are not kept, and it is said what changed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Run
from harness.contract.rows import Status
from harness.suite.plan import Isolation
from harness.testing import run_suite

PLUGINS = Path(__file__).parent / "edited_plugins"
TRUE_MEAN = 4.0
"""Of 1, 2 and 3, times 2 in the helper, times 1 in the late helper."""


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[Path]:
    """A copy of the plugin that may be edited, as written long ago."""
    folder = tmp_path / "plugins"
    shutil.copytree(PLUGINS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    yield folder
    for name in ("scaled", "scaled_helper", "scaled_late", "scaled_metric"):
        sys.modules.pop(name, None)


def prepare_edit(plugins: Path, cell: int, name: str, content: str) -> None:
    """Have a cell write a file beside the plugin when it has computed half of its numbers."""
    folder = plugins / "edits" / str(cell)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")


def run(plugins: Path, isolation: Isolation, *, cells: int = 3, factor: bool = False, metric: str = "mean") -> Run:
    data = f"[{{use: three, with: {{factor: {plugins / 'factor.txt'}}}}}]" if factor else "[three]"
    experiments = "\n".join(
        f"  - {{name: e{i}, task: {{use: scale, with: {{number: {i}}}}}, data: {data}, metrics: [{metric}]}}"
        for i in range(cells)
    )
    text = f"suite: edited\nexperiments:\n{experiments}\n"
    return run_suite(text, plugins.parent / "results", plugin_folders=[plugins], isolation=isolation, workers=1)


def means(done: Run) -> list[float | None]:
    return [estimate.value if (estimate := row.estimates.get("mean")) else None for row in done.rows]


@pytest.mark.slow
def test_code_that_is_edited_before_a_worker_imports_it(plugins: Path) -> None:
    prepare_edit(plugins, 0, "scaled_helper.py", "SCALE = 1000.0\n")
    first = run(plugins, "cell")
    assert [row.status for row in first.rows] == [Status.OK, Status.INVALID, Status.INVALID]
    assert means(first)[0] == TRUE_MEAN
    assert "scaled_helper.py" in first.rows[1].reason
    assert "changed after the run was planned" in first.rows[1].reason
    (plugins / "scaled_helper.py").write_text("SCALE = 2.0\n", encoding="utf-8")
    assert means(run(plugins, "process")) == [TRUE_MEAN] * 3


@pytest.mark.slow
def test_code_that_is_edited_after_its_worker_has_imported_it_changes_nothing(plugins: Path) -> None:
    prepare_edit(plugins, 0, "scaled_helper.py", "SCALE = 1000.0\n")
    done = run(plugins, "process")
    # On a busy machine the process of the metrics may import only after the edit; it is then refused by name.
    late = [row.status is Status.INVALID and "scaled_helper.py" in row.reason for row in done.rows]
    assert [row.status is Status.OK for row in done.rows] == [not each for each in late]
    assert means(done) == [None if each else TRUE_MEAN for each in late]
    assert [float(done.records(row)["value"].mean()) for row in done.rows] == [TRUE_MEAN] * 3
    assert means(run(plugins, "process")) == [500 * TRUE_MEAN] * 3


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_code_that_is_edited_before_a_late_import(plugins: Path, isolation: Isolation) -> None:
    prepare_edit(plugins, 0, "scaled_late.py", "SCALE = 3.0\n")
    first = run(plugins, isolation)
    assert [row.status for row in first.rows] == [Status.INVALID] * 3
    assert all("scaled_late.py" in row.reason for row in first.rows)
    assert means(run(plugins, isolation)) == [3 * TRUE_MEAN] * 3


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_a_file_that_is_replaced_while_a_cell_runs(plugins: Path, isolation: Isolation) -> None:
    (plugins / "factor.txt").write_text("1", encoding="utf-8")
    prepare_edit(plugins, 1, "factor.txt", "7")
    done = run(plugins, isolation, factor=True)
    assert [row.status for row in done.rows] == [Status.OK, Status.INVALID, Status.INVALID]
    assert all("files" in row.reason for row in done.rows[1:])
    assert means(run(plugins, isolation, factor=True)) == [7 * TRUE_MEAN] * 3


def test_a_file_that_is_replaced_by_one_of_the_same_content(plugins: Path) -> None:
    (plugins / "factor.txt").write_text("1", encoding="utf-8")
    prepare_edit(plugins, 0, "factor.txt", "1")
    done = run(plugins, "inline", factor=True)
    # Nobody can say what was read in between.
    assert [row.status for row in done.rows] == [Status.INVALID, Status.OK, Status.OK]


@pytest.mark.slow
def test_a_metric_that_is_edited_before_its_process_imports_it(plugins: Path) -> None:
    metric = plugins / "scaled_metric.py"
    prepare_edit(plugins, 0, metric.name, metric.read_text(encoding="utf-8").replace("1.0", "100.0"))
    first = run(plugins, "process", metric="late_mean")
    assert {row.status for row in first.rows} == {Status.INVALID}
    assert all("scaled_metric.py" in row.reason for row in first.rows)
    again = run(plugins, "process", metric="late_mean")
    assert [row.estimates["late_mean"].value for row in again.rows] == [100 * TRUE_MEAN] * 3
