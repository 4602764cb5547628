"""`harness run` as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.conftest import Say
from harness.contract.errors import Exit

INLINE = ("--device", "cpu", "--isolation", "inline")


def test_the_count_the_folder_and_the_headline_last(say: Say, tmp_path: Path) -> None:
    said = say("run", "coins.yaml", *INLINE)
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert ["bent", "none", "0.900", "[0.596,", "0.982]"] in [line[:5] for line in lines]
    (run,) = (tmp_path / "results" / "coins").iterdir()
    assert said.out.startswith(f"\n4 of 4 cells run. Results: results/coins/{run.name}\n")
    assert said.out.splitlines()[-1] == "Not resolved: bent against fair; bent against fair (wind)."
    assert said.err.splitlines()[0] == "4 cells, 0 finished before"
    assert [line.rpartition(" ok ")[0] for line in said.err.splitlines()[1:]] == [
        "[1/4] fair / none:",
        "[2/4] fair / wind:",
        "[3/4] bent / none:",
        "[4/4] bent / wind:",
    ]


def test_the_whole_table_is_printed_if_asked(say: Say) -> None:
    said = say("run", "coins.yaml", *INLINE, "--full")
    whole, _, headline = said.out.partition("cells run. Results: ")
    assert ["bent", "none", "0.900", "[0.596,", "0.982]"] in [line.split()[:5] for line in whole.splitlines()]
    assert "Not resolved" in headline
    chosen = say("run", "coins.yaml", *INLINE, "--columns", "status, passes")
    assert chosen.code == 0
    (head,) = (line for line in chosen.out.partition("cells")[0].splitlines() if line.startswith("model"))
    assert head.split() == ["model", "attack"]  # both are the same in every row, and stand above
    wrong = say("run", "coins.yaml", *INLINE, "--columns", "hedas")
    assert wrong.code == 2
    assert "--columns 'hedas': no table has such a column; did you mean 'heads'?" in wrong.err


def test_one_cell_is_one_cell(say: Say) -> None:
    said = say("run", "coins.yaml", *INLINE, "--only", "model=fair", "--only", "attack=none")
    assert "\n1 of 1 cell run, 3 deselected." in said.out
    assert (
        "nothing to do: the cell was finished before"
        in say("run", "coins.yaml", *INLINE, "--only", "model=fair", "--only", "attack=none").out
    )


def test_what_is_finished_is_not_run_again(say: Say, tmp_path: Path) -> None:
    say("run", "coins.yaml", *INLINE)
    again = say("run", "coins.yaml", *INLINE)
    assert again.code == 0
    assert "\nnothing to do: all 4 cells were finished before. Results: results/coins/" in again.out
    assert again.err == "4 cells, 4 finished before\n"
    (tmp_path / "coins.yaml").write_text((tmp_path / "coins.yaml").read_text().replace("heads: 9", "heads: 8"))
    assert "\n2 of 4 cells run, 2 reused. Results: " in say("run", "coins.yaml", *INLINE).out
    (tmp_path / "coins.yaml").write_text(
        (tmp_path / "coins.yaml").read_text().replace("heads: 8", "heads: 7")
        + "exclude: [{model: fair, attack: wind}]\n"
    )
    assert "\n2 of 3 cells run, 1 reused, 1 deselected. Results: " in say("run", "coins.yaml", *INLINE).out


def test_a_cell_that_fails_is_a_row_and_costs_the_exit_code(say: Say) -> None:
    said = say("run", "mixed.yaml", *INLINE)
    assert said.code == Exit.CELL_NOT_OK
    assert "failed: ValueError: the coin is [gone] (fair / storm; bent / storm)" in said.out
    assert "suspect: still air, 2 rows: no coin moved (fair / calm, bent / calm)" in said.out
    assert re.search(r"^\[\d/6\] bent / storm: failed: ValueError: the coin is \[gone\]$", said.err, re.M)
    assert re.search(r"^\[\d/6\] bent / calm: suspect: still air \d\.\d\d s$", said.err, re.M)


@pytest.mark.parametrize(("least", "code"), [(0.3, Exit.OK), (0.7, Exit.OK), (0.9, Exit.GATE_FAILED)])
def test_an_expectation_that_surely_fails_costs_the_exit_code(
    say: Say, tmp_path: Path, least: float, code: Exit
) -> None:
    """6 of 10 is .6 [.313, .832]."""
    with (tmp_path / "coins.yaml").open("a") as file:
        file.write(f"expect: [{{metric: heads, where: {{model: fair, attack: none}}, at_least: {least}}}]\n")
    assert say("run", "coins.yaml", *INLINE).code == code


def test_how_it_ran_is_written_down(say: Say, tmp_path: Path) -> None:
    say("run", "coins.yaml", *INLINE, "--batch-size", "7", "--threads", "2", "--results", "elsewhere")
    (run,) = (tmp_path / "elsewhere" / "coins").iterdir()
    facts = json.loads((run / "run.json").read_text())["provenance"]
    assert (facts["batch_size"], facts["threads"], facts["device"]) == (7, 2, "cpu")
    assert not (tmp_path / "results").exists()


def test_an_exception_of_a_plugin_comes_through_in_debugging(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[object] = []
    monkeypatch.setattr("pdb.post_mortem", stopped.append)
    monkeypatch.setattr("sys.argv", ["harness"])
    said = say("run", "mixed.yaml", "--device", "cpu", "--pdb")
    assert said.code == Exit.CELL_NOT_OK
    assert "ValueError: the coin is [gone]" in said.err
    assert len(stopped) == 1


def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.execution.inline import InlineExecutor

    original, calls = InlineExecutor.next, []

    def once(self: InlineExecutor, timeout: float | None = None) -> object:
        calls.append(timeout)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, timeout)

    monkeypatch.setattr(InlineExecutor, "next", once)
    monkeypatch.setattr("sys.argv", ["harness", "run", "coins and more.yaml"])
    said = say("run", "coins.yaml", *INLINE)
    assert said.code == Exit.INTERRUPTED
    assert said.err.endswith("Interrupted. Finished cells are kept; to continue: harness run 'coins and more.yaml'\n")
    assert "1 of 4 cells run" in said.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--timeout", "0"], "0.0 is not in the range x>0"),
        (["--threads", "many"], "'many' is not a valid integer"),
        (["--isolation", "none"], "'none' is not one of 'inline', 'process', 'cell'"),
        (["--workers", "2", *INLINE], "inline isolation has one worker, not 2"),
        (["--device", "abacus"], "unknown device 'abacus'"),
    ],
)
def test_usage_errors(say: Say, tmp_path: Path, options: list[str], told: str) -> None:
    said = say("run", "coins.yaml", *options)
    assert said.code == 2
    assert told in said.err
    assert not (tmp_path / "results" / "coins").exists()


def test_cells_are_measured_anew_if_asked(say: Say, tmp_path: Path) -> None:
    say("run", "coins.yaml", *INLINE)
    anew = say("run", "coins.yaml", *INLINE, "--force", "--only", "model=fair")
    assert anew.err.splitlines()[0] == "2 cells, 0 finished before"
    assert "\n2 of 2 cells run, 2 deselected. Results: " in anew.out
    again = say("run", "coins.yaml", *INLINE)
    assert "nothing to do: all 4 cells were finished before" in again.out
    latest = max((tmp_path / "results" / "coins").iterdir())
    reused = [json.loads(line) for line in (latest / "reused.jsonl").read_text().splitlines()]
    runs = {each["run"] for each in reused if each["cell"].startswith("fair")}
    assert len(runs) == 1
    assert runs != {json.loads(path.read_text())["run"] for path in latest.glob("cells/bent*/result.json")}


def test_changes_of_the_suite_are_written_down(say: Say, tmp_path: Path) -> None:
    said = say("run", "coins.yaml", *INLINE, "--set", "fair.with.heads=2", "--seeds", "3", "--skip", "attack=wind")
    assert said.code == 0
    (run,) = (tmp_path / "results" / "coins").iterdir()
    told = ["--set fair.with.heads=2", "--seeds 3", "--skip attack=wind"]
    assert json.loads((run / "plan.json").read_text())["changes"] == told
    assert json.loads((run / "run.json").read_text())["provenance"]["changes"] == told
    rows = json.loads((run / "table.json").read_text())["rows"]
    assert [(row["labels"]["model"], row["seed"], row["estimates"]["heads"]["value"]) for row in rows] == [
        ("fair", 3, 0.2),
        ("bent", 3, 0.9),
    ]
