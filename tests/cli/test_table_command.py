"""`harness table` as a user meets it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import Finished, Say

FAIR = ["fair", "none", "0.600", "[0.313,", "0.832]", "10", "ok", "1.0"]


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the mixed run without its tables."""
    shutil.copytree(finished.results, tmp_path / "results")  # The records of reused cells lie in the store alone.
    copy = tmp_path / "results" / "mixed" / finished.mixed.name
    for path in copy.glob("table.*"):
        path.unlink()
    return copy


def test_the_table_is_made_again_from_the_records(say: Say, finished: Finished, run: Path) -> None:
    """Wilson's intervals of 6 and 9 of 10."""
    said = say("table", "mixed")
    assert (said.code, said.err) == (0, "")
    assert "\nmixed — How often heads?\n" in said.out
    lines = [line.split() for line in said.out.splitlines()]
    assert FAIR in [line[:8] for line in lines if line[:1] == ["fair"]]
    assert ["storm", "failed"] in lines
    assert ["calm", "0.900", "[0.596,", "0.982]", "?", "10", "suspect", "1.0"] in [line[:8] for line in lines]
    assert "failed: ValueError: the coin is [gone] (fair / storm; bent / storm)" in said.out
    for name in ("table.md", "table.csv", "table.json"):
        assert (run / name).read_bytes() == (finished.mixed / name).read_bytes()
    assert say("table", run).out == said.out


def test_files_hold_what_is_printed(say: Say, run: Path) -> None:
    say("table", run)
    with (run / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["attack"], row["status"]) for row in rows] == [
        (coin, wind, status)
        for coin in ("fair", "bent")
        for wind, status in (("none", "ok"), ("storm", "failed"), ("calm", "suspect"))
    ]
    assert [row["heads"] for row in rows] == ["0.6", "", "0.6", "0.9", "", "0.9"]
    assert len(json.loads((run / "table.json").read_text(encoding="utf-8"))["rows"]) == 6


def test_expectations_are_judged_again(say: Say, tmp_path: Path) -> None:
    text = (tmp_path / "coins.yaml").read_text()
    (tmp_path / "s.yaml").write_text(
        text + "expect:\n  - {metric: heads, where: {model: fair, attack: none}, at_least: 0.3}\n"
        "  - {metric: heads, where: {model: fair, attack: none}, at_least: 0.7}\n"
        "  - {metric: heads, where: {model: fair, attack: none}, at_least: 0.9}\n"
    )
    ran = say("run", "s.yaml", "--device", "cpu", "--isolation", "inline")
    # .6 [.313, .832]: above .3, perhaps above .7, below .9.
    lines = say("table", "coins").out.splitlines()
    told = [line.split()[0] for line in lines if line.partition(":")[0] in ("passed", "unresolved", "failed")]
    assert told == ["passed:", "unresolved:", "failed:"]
    assert lines[-2].startswith(
        "1 of 3 expectations failed: heads ≥ 0.9 where model fair, attack none at fair / none, "
    )
    assert ran.code == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "there is no run 'nothing'; give its folder, or the name of a suite that was run into 'results'"),
        ([], "Missing argument 'RUN'"),
    ],
)
def test_usage_errors(say: Say, arguments: list[str], told: str) -> None:
    said = say("table", *arguments)
    assert said.code == 2
    assert told in said.err


def test_a_run_of_another_version_says_so(say: Say, run: Path) -> None:
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "schema": 1}))
    said = say("table", run)
    assert said.code == 2
    assert "another version of harness: its schema is 1, and this version reads 2" in said.err


def test_costs_of_models_are_printed_when_asked_for(say: Say, run: Path) -> None:
    assert "costs of the models" not in say("table", run).out
    said = say("table", run, "--costs").out
    assert "costs of the models" in said
    assert "FLOPs of fair, bent: not counted: no call of a torch module was seen" in said


def test_shards_that_are_put_together_end_as_the_run_of_the_whole(say: Say, tmp_path: Path) -> None:
    """run.json has the exit code, the statuses and the expectations; the command ends with that code."""
    (tmp_path / "gated.yaml").write_text(
        (tmp_path / "coins.yaml").read_text()
        + "expect: [{metric: heads, at_least: 0.95, where: {model: fair, attack: wind}}]\n"
    )
    for suite, code in (("coins", 0), ("mixed", 1), ("gated", 3)):
        how = ("--device", "cpu", "--isolation", "inline")
        whole = say("run", f"{suite}.yaml", *how, "--results", f"whole-{suite}")
        for number in (1, 2):
            say("run", f"{suite}.yaml", *how, "--shard", f"{number}/2", "--results", f"{suite}-{number}")
        runs = [next((tmp_path / f"{suite}-{number}").glob("[!s]*/*Z-*")) for number in (1, 2)]
        joined = say("table", *runs, "--results", f"joined-{suite}")
        assert (whole.code, joined.code) == (code, code), joined.err
        about = [
            json.loads(next((tmp_path / folder).glob("*/*Z-*/run.json")).read_text())
            for folder in (f"whole-{suite}", f"joined-{suite}")
        ]
        for key in ("status", "statuses", "expectations", "exit_code"):
            assert about[0][key] == about[1][key]
        assert about[1]["exit_code"] == code
