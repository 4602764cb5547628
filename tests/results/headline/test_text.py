"""The headline on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Side
from harness.results.fitted import width_of
from harness.results.headline.headline import Headline
from harness.results.headline.make import make_headline
from harness.results.headline.text import markdown_headline, terminal_headline
from harness.suite.plan import HeadlineRequest, Plan

MakeRow, MakeHeadline = Callable[..., Row], Callable[..., Headline]


@pytest.fixture
def headline(side: Callable[..., Side], plan: Callable[..., Plan]) -> MakeHeadline:
    def make(rows: Sequence[Row], *names: str, **asked: object) -> Headline:
        return make_headline(plan(HeadlineRequest(**asked), *names), rows, side(rows))  # type: ignore[arg-type]

    return make


def test_rows_then_sentences(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 160, "pgd"), row("b", 180, "pgd")])
    assert terminal_headline(made, 80).splitlines() == [
        "data digits, attack pgd, seed 0; intervals at 95 %",
        "",
        "model  accuracy ↑            against",
        "-----  --------------------  --------------------",
        "b      0.900 [0.851, 0.934]  a: +0.100, p < 0.001",
        "a      0.800 [0.739, 0.850]",
        "",
        "b has accuracy 0.900 [0.851, 0.934], a 0.800: +0.100 [+0.058, +0.147],",
        "  p < 0.001.",
    ]


def test_it_is_a_section_of_markdown(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a|b", 160), row("b", 180)])
    lines = markdown_headline(made).splitlines()
    assert lines[0] == "## Headline"
    assert lines[2].startswith("- b has accuracy 0.900")
    assert lines[4] == "data digits, seed 0; intervals at 95 %."
    assert lines[-1].startswith(r"| a\|b ")


def test_a_metric_is_a_line_where_experiments_differ_in_metrics(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 100), row("b", 20, experiment="f", name="error")], "e", "f")
    lines = terminal_headline(made, 80).splitlines()
    assert lines[2].split() == ["experiment", "model", "metric", "value"]
    assert lines[4].split()[:4] == ["e", "a", "accuracy", "↑"]
    assert lines[5].split()[:4] == ["f", "b", "error", "↓"]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("label", ["x" * 200, "שלום עולם " * 20, "🦊" * 100, "two\nlines"])
def test_nothing_is_wider_than_the_terminal(row: MakeRow, headline: MakeHeadline, width: int, label: str) -> None:
    names = ("accuracy", "error", "robust")
    numbers = {name: row("a", 90).estimates["accuracy"] for name in names}
    rows = [row(f"{label}{i}", 0, attack, estimates=numbers) for i in range(3) for attack in ("pgd" * 40, "fgsm")]
    made = headline(rows, metrics=names)
    lines = terminal_headline(made, width).splitlines()
    assert max(width_of(line) for line in lines) <= width
    text = terminal_headline(made, width)
    assert text.count("0.450 [0.383, 0.519]") >= 18


def test_metrics_are_columns_where_there_is_room(row: MakeRow, headline: MakeHeadline) -> None:
    numbers = {name: row("a", 90).estimates["accuracy"] for name in ("accuracy", "error", "robust")}
    made = headline([row("a", 0, estimates=numbers), row("b", 0, estimates=numbers)], metrics=tuple(numbers))
    wide = terminal_headline(made, 120).splitlines()
    assert [word for word in wide[2].split() if word not in "↑↓"] == ["model", *numbers]


def test_what_chance_gives_is_left_out_where_numbers_would_not_fit(row: MakeRow, headline: MakeHeadline) -> None:
    number = replace(row("a", 90).estimates["accuracy"], null=0.5, p=0.0005)
    rows = [row(f"m{i}", 0, attack, estimates={"accuracy": number}) for i in range(2) for attack in ("pgd", "fgsm")]
    made = headline(rows, metrics=("accuracy",))
    assert " null 0.500 p 0.0005" in terminal_headline(made, 80)
    narrow = terminal_headline(made, 50)
    assert "null" not in narrow.partition("\n\n")[2].partition("\n\n")[0]
    assert max(map(width_of, narrow.splitlines())) <= 50


def test_doubts_and_statuses_are_shown(row: MakeRow, headline: MakeHeadline) -> None:
    doubt = {"status": Status.SUSPECT, "reason": "zero gradients: 9 of 10"}
    text = terminal_headline(headline([row("a", 160, **doubt), row("b", 180)]), 80, lambda status: f"<{status}>")
    assert "0.800 [0.739, 0.850] ?  <suspect>" in text


def test_what_is_left_out_and_what_was_changed_is_said(row: MakeRow, side: Callable[..., Side]) -> None:
    rows = [row(f"m{i}", 100 + i) for i in range(14)]
    from harness.suite.plan import PlannedExperiment

    plan = Plan("s", "", "s.yaml", {"e": PlannedExperiment("e", "", (), (), ())}, (), changes=("--limit 200",))
    text = terminal_headline(make_headline(plan, rows, side(rows)), 80)
    assert "\n2 more rows left out\n" in text
    assert "\nchanged for this run: --limit 200\n" in text


def test_rows_that_a_low_terminal_has_no_room_for_are_left_out(row: MakeRow, headline: MakeHeadline) -> None:
    names = ("e", "f", "g")
    rows = [row(f"m{j}", 120 + j, experiment=name) for name in names for j in range(4)]
    made = headline(rows, *names, against="m1")
    whole, low = (terminal_headline(made, 80, most_lines=n).splitlines() for n in (None, 16))
    assert len(whole) > len(low) == 16
    n = sum(line.startswith((*names, " ")) and "[" in line for line in low)
    assert f"{12 - n} more rows left out" in low
    assert low[-2:] == whole[-2:]
    # Sentences stay, and the best of each experiment.
    least = terminal_headline(made, 80, most_lines=1)
    assert "9 more rows left out" in least
    assert [line.split()[0] for line in least.splitlines()[4:7]] == list(names)
    assert "model m3" in least.splitlines()[0]


def test_nothing_is_nothing() -> None:
    assert terminal_headline(Headline(), 80) == ""
    assert markdown_headline(Headline()) == ""
