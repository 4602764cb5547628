"""`harness export` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

RUN = str(Path(__file__).resolve().parents[2] / "results" / "reference" / "fairness.json")


def test_a_table_is_printed_and_what_has_no_place_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", RUN, "--format", "bmf"]) == 0
    said = capsys.readouterr()
    assert all(name.startswith("fairness / ") for name in json.loads(said.out))
    assert said.err.count("left out: ") == 5
    assert "more without a place in bmf" in said.err


def test_one_file_for_each_model_goes_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", RUN, "--format", "every-eval-ever"]) == 2
    assert "give a folder: --output FOLDER" in capsys.readouterr().err
    assert main(["export", RUN, "--format", "every-eval-ever", "--output", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*.json"))) > 1
    assert main(["export", RUN, "--format", "every-eval-ever", "--output", str(tmp_path / "one.json")]) == 2


def test_one_file_is_written_where_it_is_named(tmp_path: Path) -> None:
    assert main(["export", RUN, "--format", "latex", "--output", str(tmp_path / "t.tex")]) == 0
    assert r"\begin{tabular}" in (tmp_path / "t.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--format", "hf-eval-results"), "no row has data that are claimed to be a benchmark"),
        (("--benchmark", "org/name=123456789abc"), "no row has data with this digest; there are: "),
    ],
)
def test_a_benchmark_must_be_claimed_for_data_that_are_there(
    options: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", RUN, *options]) == 2
    assert told in capsys.readouterr().err


def test_there_must_be_such_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "nothing", "--results", str(tmp_path)]) == 2
    assert "there is no run 'nothing'" in capsys.readouterr().err
