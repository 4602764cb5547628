"""`harness score` as a user meets it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import Run
from harness.cli import main
from harness.results.table import table_json
from harness.testing import run_suite

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 40}
models: [{use: digit_linear, as: linear, with: {epochs: 1}}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}]
metrics: [accuracy]
aggregates: [worst_case]
"""
CLEAN = SUITE.replace(", {use: fgsm, sweep: {eps: [0.1]}}", "").replace("aggregates: [worst_case]", "")
PLUGIN = '''
"""Two metrics that no suite knows."""

from harness.api import Component, Estimate, hookimpl, proportion


@hookimpl
def harness_components():
    return [
        Component("metric", "sure_mistakes", "later:SureMistakes", "Share of sure mistakes."),
        Component("metric", "raising", "later:Raising", "Raises."),
    ]


class SureMistakes:
    """Share of examples that are wrong and sure.

    Args:
        confidence: how sure.
    """

    columns = ("correct", "clean_confidence")
    direction = "min"
    unit = "fraction"

    def __init__(self, confidence: float = 0.9):
        self.confidence = confidence

    def estimate(self, records):
        sure = ~records["correct"] & (records["clean_confidence"] >= self.confidence)
        return proportion(int(sure.sum()), len(records))


class Raising:
    columns = ("correct",)
    direction = "max"
    unit = ""

    def estimate(self, records):
        raise RuntimeError("boom")
'''


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scored")


@pytest.fixture(scope="module")
def run(results: Path) -> Run:
    return run_suite(SUITE, results)


@pytest.fixture
def score(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Said]]:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "later.py").write_text(PLUGIN, encoding="utf-8")

    def call(name: str | Path, metrics: str) -> Said:
        code = main(
            ["--plugins-dir", str(plugins), "score", str(name), "--metrics", metrics, "--results", str(results)]
        )
        said = capsys.readouterr()
        return Said(int(code), said.out, said.err)

    yield call
    sys.modules.pop("later", None)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("score."))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_new_metrics_are_computed_on_old_records(run: Run, score: Callable[..., Said]) -> None:
    before = digests(run.folder.path)
    said = score(run.folder.path, "{use: sure_mistakes, with: {confidence: 0.14}}, robust_accuracy")
    assert said.code == 0, said.err
    assert "sure mistakes ↓" in said.out
    assert f"2 cells scored. Results: {run.folder.path}: score.md, score.csv, score.json" in said.out
    assert digests(run.folder.path) == before
    clean, attacked = table_json(run.folder.path / "score.json")
    records = run.records(run.row(attack="none"))
    sure = int((~records["correct"] & (records["clean_confidence"] >= 0.14)).sum())
    assert 0 < sure < int((~records["correct"]).sum())
    assert clean.estimates["sure_mistakes"].value == sure / 40
    assert not clean.estimates["robust_accuracy"].applies
    robust = int(run.records(run.row(attack="fgsm eps=0.1"))["robust"].sum())
    assert attacked.estimates["robust_accuracy"].value == robust / 40
    assert list(attacked.estimates) == ["sure_mistakes", "robust_accuracy"]
    text = (run.folder.path / "score.md").read_text(encoding="utf-8")
    assert "sure mistakes" in text
    assert (run.folder.path / "score.csv").read_text(encoding="utf-8").count("\n") == 3


def test_a_metric_without_its_columns_says_so(results: Path, score: Callable[..., Said]) -> None:
    said = score(run_suite(CLEAN, results).folder.path, "[robust_accuracy]")
    assert said.code == 0
    assert "skipped: no metric applies: robust_accuracy: the records have no robust (linear / none)" in said.out
    assert "1 cell scored" in said.out


def test_a_metric_that_raises_fails_its_rows(run: Run, score: Callable[..., Said]) -> None:
    before = digests(run.folder.path)
    said = score(run.folder.path, "accuracy, raising")
    assert said.code == 1
    assert "failed: metric raising: RuntimeError: boom" in said.out
    rows = json.loads((run.folder.path / "score.json").read_text(encoding="utf-8"))["rows"]
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert rows[0]["estimates"]["accuracy"]["value"] is not None
    assert digests(run.folder.path) == before


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ("acuracy", "--metrics:1:2: metrics.0: there is no metric named 'acuracy'\n    1 | [acuracy]\n      |  ^"),
        ("{use: sure_mistakes, with: {confidense: 1}}", "= did you mean 'confidence'?"),
        ("fgsm", "'fgsm' is of kind attack, not metric"),
    ],
)
def test_mistakes_are_located(run: Run, score: Callable[..., Said], metrics: str, told: str) -> None:
    said = score(run.folder.path, metrics)
    assert said.code == 2
    assert told in said.err


def test_a_run_without_records_cannot_be_scored(run: Run, score: Callable[..., Said], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in ("run.json", "plan.json"):
        shutil.copy(run.folder.path / name, empty)
    said = score(empty, "accuracy")
    assert said.code == 2
    assert "left records; there is nothing to score" in said.err
    assert "there is no run 'nowhere'" in score("nowhere", "accuracy").err
