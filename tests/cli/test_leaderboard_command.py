"""`harness leaderboard` and suspect rows as a user meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import Run
from harness.cli import main
from harness.contract.rows import Status
from harness.testing import run_suite

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 60}
models:
  - {use: digit_linear, as: raw, with: {epochs: 1}}
  - {use: digit_linear, as: fitted, with: {epochs: 30}}
attacks:
  - none
  - {use: fgsm, with: {eps: 0.1}}
  - {use: bim, as: lame, with: {eps: 0.05, steps: 1, step_size: 0.00001}}
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case, attack_checks]
expect: [{metric: robust_accuracy, where: {attack: lame}, at_least: 0.1}]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    results = tmp_path_factory.mktemp("ranked")
    return results, run_suite(SUITE, results)


def test_without_a_key_the_protocols_are_listed(finished: tuple[Path, Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", str(finished[0])]) == 0
    said = capsys.readouterr().out
    assert "fgsm" in said
    assert finished[1].row(model="raw", attack="fgsm").key[:8] in said


def test_models_are_ranked_by_what_the_attack_adds(
    finished: tuple[Path, Run], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results, run = finished
    key = run.row(model="raw", attack="fgsm").key[:8]
    file = tmp_path / "board.md"
    assert main(["leaderboard", str(results), "--protocol", key, "--output", str(file)]) == 0
    assert capsys.readouterr().out == ""
    text = file.read_text(encoding="utf-8")
    assert "robust accuracy ↑" in text
    assert re.search(r"\| (raw|fitted) ", text)
    assert main(["leaderboard", str(results), "--protocol", "zz"]) == 2
    assert "no row has such a key" in capsys.readouterr().err


def test_a_suspect_row_is_kept_marked_reused_and_passes_no_expectation(
    finished: tuple[Path, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    results, run = finished
    lame = run.row(model="fitted", attack="lame")
    assert lame.status is Status.SUSPECT
    assert "unreached budget" in lame.reason
    assert lame.estimates["robust_accuracy"].value is not None
    assert int(run.exit_code) == 3
    assert {str(each.verdict) for each in run.expectations()} == {"failed"}
    again = run_suite(SUITE.partition("expect:")[0], results)
    assert (again.n_run, int(again.exit_code)) == (0, 0)
    table = (run.folder.path / "table.md").read_text(encoding="utf-8")
    (line,) = [line for line in table.splitlines() if "| fitted" in line and "| lame" in line]
    assert re.search(r"\] \? +\|", line)
    assert main(["compare", str(run.folder.path), str(again.folder.path), "--results", str(results), "--gate"]) == 0
    assert "not ok, left out" in capsys.readouterr().out
    assert main(["leaderboard", str(results), "--protocol", lame.key[:8], "--treatment", "lame"]) == 2
