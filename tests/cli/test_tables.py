"""Tables and expectations on the terminal."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cli.conftest import Say
from harness.cli import tables
from harness.cli.tables import print_expectations
from harness.results.expectations import ExpectationResult


def judged(verdict: str) -> ExpectationResult:
    made = object.__new__(ExpectationResult)
    object.__setattr__(made, "verdict", verdict)
    return made


def test_expectations_stand_in_the_order_of_their_weight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ExpectationResult, "__str__", lambda self: f"{self.verdict}: of heads")
    print_expectations([judged("failed"), judged("passed"), judged("unresolved"), judged("passed")])
    assert click.unstyle(capsys.readouterr().out).splitlines() == [
        "",
        "passed: of heads",
        "passed: of heads",
        "unresolved: of heads",
        "failed: of heads",
    ]
    print_expectations([])
    assert capsys.readouterr().out == ""


def test_a_narrow_terminal_gets_less_and_says_where_the_rest_is(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = (tmp_path / "coins.yaml").read_text().replace("[heads]", "[heads, {use: heads, as: heads_again}]")
    (tmp_path / "s.yaml").write_text(two)
    wide = say("run", "s.yaml", "--device", "cpu", "--isolation", "inline", "--full").out
    monkeypatch.setattr(tables, "terminal_width", lambda: 50)
    narrow = say("table", "coins").out
    assert max(len(line) for line in wide.splitlines() if line.startswith("fair")) > 50
    assert max(len(line) for line in narrow.splitlines() if line.startswith("fair")) <= 50
    assert "(too narrow for heads again ↑" in narrow
    assert "key; see table.md)" in " ".join(narrow.split())
    assert "too narrow" not in wide


def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tables.status_styled("ok") == "ok"
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    tables.echo(tables.status_styled("failed"))
    said = capsys.readouterr().out
    assert click.unstyle(said) == "failed\n" != said


def test_several_experiments_have_tables_and_titles_of_their_own(say: Say, tmp_path: Path) -> None:
    text = (tmp_path / "coins.yaml").read_text()
    (tmp_path / "s.yaml").write_text(
        text
        + "experiments:\n  - {name: few, about: Three throws., data: {use: throws, with: {n: 3}}}\n  - {name: many}\n"
    )
    said = say("run", "s.yaml", "--device", "cpu", "--isolation", "inline", "--full")
    assert "\ncoins: few — Three throws.\n" in said.out
    assert "\ncoins: many — How often heads?\n" in said.out
    # 3 of 3 against 6 of 10.
    few, _, many = said.out.partition("coins: many")
    assert "1.000 [0.439, 1.000]" in few
    assert "0.600 [0.313, 0.832]" in many
