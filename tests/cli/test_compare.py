"""`harness compare` as a user meets it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import scipy.stats

from harness import Run
from harness.cli import main
from harness.testing import run_suite

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 60}
models:
  - {use: digit_linear, as: raw, with: {epochs: 1}}
  - {use: digit_linear, as: fitted, with: {epochs: 30}}
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}]
metrics: [accuracy, robust_accuracy, queries]
aggregates: [worst_case]
"""
ATTACKED = SUITE.replace("attacks: [none, ", "attacks: [").replace("aggregates: [worst_case]", "")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Runs:
    results: Path
    whole: Run
    attacked: Run
    stronger: Run
    shorter: Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A suite with and without clean rows, with another budget, and on fewer examples."""
    results = tmp_path_factory.mktemp("compared")
    texts = (SUITE, ATTACKED, ATTACKED.replace("[0.1]", "[0.2]"), ATTACKED.replace("limit: 60", "limit: 30"))
    return Runs(results, *(run_suite(text, results) for text in texts))


@pytest.fixture
def compare(runs: Runs, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def call(a: Run | str | Path, b: Run | str | Path, *options: str) -> Said:
        names = [str(each.folder.path) if isinstance(each, Run) else str(each) for each in (a, b)]
        code = main(["compare", *names, "--results", str(runs.results), *options])
        said = capsys.readouterr()
        return Said(int(code), said.out, said.err)

    return call


def test_a_run_against_itself(runs: Runs, compare: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    said = compare(runs.whole, f"tiny/{runs.whole.folder.run_id}", "--gate", "--output", str(file))
    assert (said.code, said.err) == (0, "")
    compared = json.loads(file.read_text(encoding="utf-8"))["compared"]
    # Two models, each accuracy on two rows, robust accuracy on one and in the worst case; queries have no direction.
    assert len(compared) == 8
    for each in compared:
        assert (each["difference"]["value"], each["difference"]["p"], each["p_holm"]) == (0.0, 1.0, 1.0)
        assert each["verdict"] == "not resolved"
    assert "0 worse, 0 better, 8 not resolved; 8 tests" in said.out


def test_two_models_of_a_run_are_compared_example_by_example(
    runs: Runs, compare: Callable[..., Said], tmp_path: Path
) -> None:
    file = tmp_path / "c.json"
    said = compare(runs.whole, runs.whole, "--pair", "raw=fitted", "--output", str(file))
    assert said.code == 0
    assert "model raw → fitted" in said.out
    document = json.loads(file.read_text(encoding="utf-8"))
    assert [each["metric"] for each in document["compared"]] == ["accuracy", "accuracy", *["robust_accuracy"] * 2]
    clean = document["compared"][0]
    raw, fitted = (runs.whole.records(runs.whole.row(model=m, attack="none"))["correct"] for m in ("raw", "fitted"))
    lost, won = int((raw & ~fitted).sum()), int((~raw & fitted).sum())
    assert clean["difference"]["value"] == pytest.approx((won - lost) / 60)
    assert clean["difference"]["p"] == pytest.approx(scipy.stats.binomtest(lost, lost + won).pvalue)
    assert clean["verdict"] == "better"
    assert document["tests"] == 4
    surest = min(document["compared"], key=lambda each: each["difference"]["p"])
    assert surest["p_holm"] == pytest.approx(4 * surest["difference"]["p"])


def test_the_gate_fails_for_what_is_worse_or_lost(runs: Runs, compare: Callable[..., Said]) -> None:
    better = compare(runs.whole, runs.whole, "--pair", "raw=fitted", "--gate")
    assert better.code == 0
    worse = compare(runs.whole, runs.whole, "--pair", "fitted=raw", "--gate")
    assert worse.code == 3
    assert "gate failed" in worse.err
    lost = compare(runs.whole, runs.attacked, "--gate")
    assert lost.code == 3
    assert "not comparable: raw / none; fitted / none" in lost.out
    assert compare(runs.whole, runs.attacked).code == 0
    won = compare(runs.attacked, runs.whole, "--gate")
    assert won.code == 0
    assert "4 rows only in B" in won.out


def test_the_gate_reads_the_metrics_that_are_named(runs: Runs, compare: Callable[..., Said]) -> None:
    pair = (runs.whole, runs.whole, "--pair", "fitted=raw", "--gate")
    assert compare(*pair).code == 3
    named = compare(*pair, "--metric", "robust_accuracy")
    assert "accuracy ↑" not in named.out.replace("robust accuracy ↑", "")
    unknown = compare(*pair, "--metric", "robust_acuracy")
    assert unknown.code == 2
    assert "has the metric 'robust_acuracy'; did you mean 'robust_accuracy'?" in unknown.err
    lost = compare(runs.whole, runs.attacked, "--gate", "--metric", "robust_accuracy")
    assert lost.code == 3


def test_a_table_that_must_come_out_again(runs: Runs, compare: Callable[..., Said]) -> None:
    assert compare(runs.whole, runs.whole, "--reproduce").code == 0
    better = compare(runs.whole, runs.whole, "--pair", "raw=fitted", "--reproduce")
    assert better.code == 3
    assert "is better or changed, and should come out again" in better.err


def test_weights_trained_here_are_told(runs: Runs) -> None:
    rows = [row for row in runs.whole.rows if row.cell]
    table = json.loads((runs.whole.folder.path / "table.json").read_text(encoding="utf-8"))["rows"]
    by_model = {row.labels["model"]: row.trained_weights for row in rows}
    assert len(set(by_model.values())) == 2
    assert table[0]["facts"]["weights"] == {"digest": by_model["raw"], "trained_here": True}
    note = (runs.whole.folder.path / "table.md").read_text(encoding="utf-8")
    assert f"weights trained here, which differ between machines: raw {by_model['raw'][:8]}, fitted" in note


def test_another_budget_is_refused_by_name(runs: Runs, compare: Callable[..., Said]) -> None:
    said = compare(runs.attacked, runs.stronger)
    assert (said.code, said.out) == (2, "")
    assert "not a single row" in said.err
    assert "attack.eps (2 pairs)" in said.err
    assert "threat" not in said.err
    assert compare(runs.attacked, runs.stronger, "--gate").code == 2


def test_what_is_allowed_to_differ_is_stamped(runs: Runs, compare: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "c.md"
    said = compare(runs.attacked, runs.stronger, "--allow", "attack.eps", "--all", "--output", str(file))
    assert said.code == 0
    assert "ALLOWED TO DIFFER: attack.eps (2 pairs of rows)" in said.out
    assert "fgsm eps=0.1 → fgsm eps=0.2" in said.out
    assert "ALLOWED TO DIFFER: attack.eps" in file.read_text(encoding="utf-8")
    assert "exact McNemar" in file.read_text(encoding="utf-8")


def test_other_examples_are_refused_and_never_paired(runs: Runs, compare: Callable[..., Said], tmp_path: Path) -> None:
    refused = compare(runs.attacked, runs.shorter)
    assert refused.code == 2
    assert "data.digest, data.ids, data.n (2 pairs)" in refused.err
    file = tmp_path / "c.csv"
    assert compare(runs.attacked, runs.shorter, "--allow", "data", "--output", str(file)).code == 0
    with file.open(encoding="utf-8", newline="") as lines:
        assert {line["method"] for line in csv.DictReader(lines)} == {"Newcombe independent"}


def test_a_table_file_is_compared_without_records(
    runs: Runs, compare: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = runs.whole.folder.path / "table.json"
    said = compare(table, runs.whole)
    assert said.code == 0
    assert "8 not resolved; 8 tests" in said.out
    assert "is a table: versions of metrics are not checked" in said.out
    monkeypatch.chdir(tmp_path)
    assert main(["compare", str(table), str(table), "--pair", "raw=fitted"]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("b", "options", "told"),
    [
        ("nothing", [], "there is no run 'nothing'"),
        ("nothing.json", [], "there is no table file 'nothing.json'"),
        ("odd.json", [], "odd.json is no table that this version can read: row 1 has no"),
        ("tiny", ["--pair", "raw"], "write OLD=NEW"),
        ("tiny", ["--pair", "row=fitted"], "no row of A is labelled 'row'; labels: digits, raw, fgsm eps=0.1"),
        ("tiny", ["--output", "c.pdf"], "the file must end in .md, .csv, .json"),
        ("tiny", ["--output", "nowhere/c.md", "--allow", "data"], "cannot be written: No such file"),
    ],
)
def test_usage_errors(
    compare: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, b: str, options: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.json").write_text('{"rows": [{"model": "x"}]}', encoding="utf-8")
    said = compare("tiny", b, *options)
    assert said.code == 2
    assert told in said.err
