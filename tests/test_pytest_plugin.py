"""Suites as tests, in sessions of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent / "torture" / "plugins"
SUITE = """
suite: tested
task: act
data: tiny
attacks:
  - {use: behave, as: good}
  - {use: behave, as: bad, with: {kind: raise}}
  - {use: behave, as: low, with: {which: 1}}
metrics: [mean_value]
expect:
  - {metric: mean_value, where: {attack: good}, at_least: 1}
  - {metric: mean_value, where: {attack: low}, at_least: 1000}
"""


def session(folder: Path, *arguments: str, suite: str = SUITE) -> subprocess.CompletedProcess[str]:
    (folder / "tested.yaml").write_text(suite, encoding="utf-8")
    # A session within a worker of pytest-xdist is none itself; pytest-benchmark would measure nothing if it thought so.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--harness-plugins-dir={PLUGINS}"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("session")
    return folder, session(folder, "tested.yaml", "-v", "--junitxml", "junit.xml", "--benchmark-json", "bench.json")


def test_every_cell_is_a_test(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    shown = done[1].stdout
    assert done[1].returncode == 1
    for line in ("tested.yaml::tiny/good PASSED", "tested.yaml::tiny/bad FAILED", "tested.yaml::tiny/low FAILED"):
        assert line in shown
    assert "failed: ValueError: a bug of the plugin" in shown
    assert "failed: mean_value ≥ 1000 where attack low at low: " in shown


def test_timings_enter_the_json_of_pytest_benchmark(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """They are the seconds that the cells measured, not those that the tests took."""
    measured = json.loads((done[0] / "bench.json").read_text())["benchmarks"]
    (table,) = done[0].glob("results/tested/*/table.json")
    rows = {row["labels"]["attack"]: row["seconds"] for row in json.loads(table.read_text())["rows"]}
    assert {b["name"]: b["stats"]["mean"] for b in measured if b["name"] != "tiny/bad"} == pytest.approx(
        {f"tiny/{name}": seconds for name, seconds in rows.items() if name != "bad"}
    )


def test_estimates_enter_it_too(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    measured = json.loads((done[0] / "bench.json").read_text())["benchmarks"]
    (table,) = done[0].glob("results/tested/*/table.json")
    rows = {f"tiny/{row['labels']['attack']}": row for row in json.loads(table.read_text())["rows"]}
    for benchmark in measured:
        row, told = rows[benchmark["name"]], benchmark["extra_info"]
        assert told["status"] == row["status"]
        assert {name: told[name] for name in row["estimates"]} == row["estimates"]
    assert "mean_value" in measured[0]["extra_info"]


def test_junit_knows_the_cells(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    cases = ElementTree.parse(done[0] / "junit.xml").getroot().iter("testcase")
    assert {case.attrib["name"]: [child.tag for child in case] for case in cases} == {
        "tiny/good": [],
        "tiny/bad": ["failure"],
        "tiny/low": ["failure"],
    }


def test_a_selection_runs_only_its_cells(tmp_path: Path) -> None:
    shown = session(tmp_path, "tested.yaml", "-k", "good")
    assert "1 passed, 2 deselected" in shown.stdout
    (table,) = tmp_path.glob("results/tested/*/table.json")
    assert [row["status"] for row in json.loads(table.read_text())["rows"]] == ["ok", "interrupted", "interrupted"]


def test_a_wrong_suite_is_an_error_at_its_place(tmp_path: Path) -> None:
    shown = session(tmp_path, "tested.yaml", suite=SUITE.replace("metrics", "metrcs"))
    assert shown.returncode == 2
    assert "metrcs: unknown key 'metrcs'" in shown.stdout
    assert "did you mean 'metrics'?" in shown.stdout


def test_yaml_files_that_were_not_named_are_left_alone(tmp_path: Path) -> None:
    assert "no tests ran" in session(tmp_path, ".").stdout
