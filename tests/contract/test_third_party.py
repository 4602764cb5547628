"""A third party's field has what the fields that come with harness have: nothing is theirs alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness import Run
from harness.api import Status
from harness.testing import assert_same_records, page_of, run_suite

HERE = Path(__file__).parent
PLUGIN = HERE / "third_party.py"
SUITE = """
suite: votes
data: {use: digits, limit: 30}
task: {use: votes, with: {copies: 3}}
models: [third_party/sums, learns]
metrics: [agreement]
experiments:
  - name: noisy
  - name: quiet
    task: {use: votes, with: {copies: 2, sigma: 0.0}}
    models: [third_party/sums]
  - name: none
    task: {use: votes, with: {copies: 0}}
    models: [third_party/sums]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / PLUGIN.name).write_text(PLUGIN.read_text(encoding="utf-8"), encoding="utf-8")
    yield folder
    sys.modules.pop("third_party", None)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Run, list[str]]:
    """The run, and what the observers of the plugin saw of it."""
    run = run_suite(SUITE, tmp_path_factory.mktemp("votes"), plugin_folders=[folder])
    return run, list(sys.modules["third_party"].SEEN)


@pytest.fixture(scope="module")
def done(observed: tuple[Run, list[str]]) -> Run:
    return observed[0]


def tables(run: Run) -> dict[str, list[list[str]]]:
    """The lines of every table of the run, by experiment."""
    parts = (run.folder.path / "table.md").read_text(encoding="utf-8").split("\n## ")[1:]
    rows = {part.partition("\n")[0]: [line for line in part.splitlines() if line.startswith("|")] for part in parts}
    return {name: [[field.strip() for field in row.split("|")[1:-1]] for row in lines] for name, lines in rows.items()}


def test_the_plugin_imports_the_api_only() -> None:
    imported = [n.module for n in ast.walk(ast.parse(PLUGIN.read_text())) if isinstance(n, ast.ImportFrom)]
    own = {name for name in imported if name and name.startswith("harness")}
    assert own == {"harness.api", "harness.api.instruments", "harness.api.results"}


def test_passes_are_counted_and_library_code_is_seeded(done: Run, tmp_path: Path, folder: Path) -> None:
    noisy, quiet = (row for row in done.rows if row.status is Status.OK)
    assert (noisy.status, noisy.cost, quiet.cost) == (Status.OK, {"passes": 3.0}, {"passes": 2.0})
    assert quiet.estimates["agreement"].value == 1.0
    assert set(np.unique(done.records(noisy)["votes"])) > {3}
    np.random.seed(99)
    again = run_suite(SUITE, tmp_path, plugin_folders=[folder], batch_size=7)
    assert again.n_run == 3
    assert_same_records(done, again)


def test_a_model_that_changes_while_it_is_measured_is_invalid(done: Run) -> None:
    row = next(row for row in done.rows if row.labels.get("model") == "learns")
    assert (row.status, row.n) == (Status.INVALID, None)
    assert "were changed while it was measured" in row.reason


def test_the_task_adds_a_column_to_tables(done: Run) -> None:
    head, _, learns, sums = tables(done)["noisy"]
    place = head.index("noise")
    assert head[: place + 2] == ["model", "noise", "agreement ↑"]
    assert (learns[place], sums[place]) == ("", "σ = 0.5")
    assert "noise" not in tables(done)["none"][0]
    stored = json.loads((done.folder.path / "table.json").read_text(encoding="utf-8"))["rows"]
    assert [row["facts"].get("display") for row in stored if row["n"]] == [{"noise": "σ = 0.5"}, {"noise": "σ = 0"}]
    assert stored[1]["facts"]["model"] == {"origin": "made up"}


def test_the_plugin_adds_a_section_to_the_page(done: Run, folder: Path) -> None:
    page = page_of(done, [folder])
    section = page.partition('<section id="third_party-0">')[2].partition("</section>")[0]
    assert "<h2>Least agreed</h2>" in section
    assert section.count('<img src="data:image/png;base64,') == 4
    assert section.count("sums &lt;b&gt;&amp;</figcaption>") == 2
    assert '<a href="#third_party-0">Least agreed</a>' in page
    assert ".vote { color: var(--soft); }" in page


def test_the_column_is_read_without_the_plugin(done: Run) -> None:
    command = [sys.executable, "-m", "harness", "history", "votes", "--results", str(done.folder.path.parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (head,) = [line for line in said.splitlines() if "metric" in line and "measured" in line]
    assert head.split()[:4] == ["experiment", "model", "noise", "metric"]
    assert [line.split()[:5] for line in said.splitlines() if "agreement" in line] == [
        ["noisy", "sums", "σ", "=", "0.5"],
        ["quiet", "sums", "σ", "=", "0"],
    ]


def test_every_hook_is_called(observed: tuple[Run, list[str]]) -> None:
    done, seen = observed
    # In the order of the models' names; the skipped cell is told like the others.
    assert seen == ["start 4", "sums skipped", "learns invalid", "sums ok", "sums ok", "end 4 1"]
    assert [row.reason for row in done.rows if row.status is Status.SKIPPED] == ["no copies, no votes"]
    assert done.folder.about()["provenance"]["plugins"]["third_party"] == {"mood": "curious"}
