"""`harness history` on real runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.statistics.changes import NOTE

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 16}
models: [{use: digit_linear, as: linear, with: {epochs: 1}}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, of which the second reused every cell."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "tiny.yaml").write_text(SUITE, encoding="utf-8")
    for _ in range(2):
        arguments = ["run", str(folder / "tiny.yaml"), "--results", str(folder / "results"), "--device", "cpu"]
        assert main([*arguments, "--threads", "1", "--isolation", "inline"]) == 0
    return folder


def test_the_table_and_the_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ["--results", str(folder / "results")]
    assert main(["history", "tiny", *results]) == 0
    said = capsys.readouterr().out
    assert "tiny — history over 2 runs" in said
    assert re.search(r"fgsm eps=0.1 +linf ≤ 0.1 +robust accuracy ↑ +\w{8} +2 +1 +0\.\d{3} +0\.\d{3} \[", said)
    assert re.search(r"worst case +linf ≤ 0.1 +robust accuracy ↑ +\w{8} +2 +1 ", said)
    assert "2 finished runs" in said
    assert "0 of 9 series have a step" in said
    assert NOTE.splitlines()[0] in said
    assert (folder / "results" / "tiny" / "history-tiny.png").read_bytes().startswith(b"\x89PNG")
    assert main(["history", str(folder / "tiny.yaml"), *results]) == 0
    assert capsys.readouterr().out == said


def test_options_narrow_and_write(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, series = tmp_path / "p.png", tmp_path / "s.json"
    options = ["--metric", "robust_accuracy", "--last", "1", "--output", str(picture), "--json", str(series)]
    assert main(["history", "tiny", "--results", str(folder / "results"), *options]) == 0
    said = capsys.readouterr().out
    assert "history over 1 run" in said
    assert "passes" not in said
    assert picture.is_file()
    raw = json.loads(series.read_text(encoding="utf-8"))
    assert {one["metric"] for one in raw["series"]} == {"robust_accuracy"}
    assert all(len(one["points"]) == 1 for one in raw["series"])


def test_a_measured_regression_is_marked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Six measurements of the same number, then one that is lower."""
    # The run that has measured; later ones have no files of the cells that they reuse.
    source = min((folder / "results" / "tiny").glob("20*"))
    for day in range(1, 7):
        target = tmp_path / "tiny" / f"202601{day:02d}T000000Z-0000"
        shutil.copytree(source, target)
        for result in target.glob("cells/*/result.json"):
            raw = json.loads(result.read_bytes())
            # It is a link into the store.
            result.unlink()
            result.write_text(json.dumps(raw | {"started": f"2026-01-{day:02d}"}), encoding="utf-8")
        table = json.loads((target / "table.json").read_bytes())
        if day == 6:
            for each in table["rows"]:
                if each["labels"]["attack"] == "none":
                    each["estimates"]["accuracy"]["value"] -= 1 / 16
        (target / "table.json").write_text(json.dumps(table), encoding="utf-8")
    assert main(["history", "tiny", "--results", str(tmp_path), "--metric", "accuracy"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"none .* 6 +6 .*−0\.06\d? +step ↓ worse −0\.06\d? at 20260106T000000Z-0000$", said, re.M)
    assert "1 of 2 series have a step; they stand first" in said
    gate = ["history", "tiny", "--results", str(tmp_path), "--gate"]
    assert main(gate) == 3
    assert (
        "gate failed: worse or lost in 20260106T000000Z-0000: accuracy ↑ of digits / linear / none"
        in capsys.readouterr().err
    )
    # Better is no failure, and what lies further back was told in its own night.
    shutil.move(tmp_path / "tiny" / "20260106T000000Z-0000", tmp_path / "kept")
    assert main(gate) == 0
    table = tmp_path / "kept" / "table.json"
    table.write_text(table.read_text(encoding="utf-8").replace('"status":"ok"', '"status":"failed"'), encoding="utf-8")
    shutil.move(tmp_path / "kept", tmp_path / "tiny" / "20260106T000000Z-0000")
    assert main(gate) == 3
    assert "worse or lost" in capsys.readouterr().err


def test_what_cannot_be_shown_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ["--results", str(folder / "results")]
    assert main(["history", "nothing", *results]) == 2
    assert "make one with: harness run nothing" in capsys.readouterr().err
    assert main(["history", "tiny", *results, "--metric", "nope"]) == 2
    assert "there are: accuracy, seconds, robust_accuracy, passes" in capsys.readouterr().err
    assert main(["history", "tiny", *results, "--last", "0"]) == 2
    assert main(["history", "tiny", *results, "--json", str(folder / "absent" / "s.json")]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_no_results_folder_is_made_for_a_question(tmp_path: Path) -> None:
    assert main(["history", "tiny", "--results", str(tmp_path / "results")]) == 2
    assert not (tmp_path / "results").exists()
