"""The table of an experiment on the terminal."""

from __future__ import annotations

from dataclasses import replace

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.table import TableView
from harness.results.terminal_table import column_names, constants, terminal


def row(model: str, attack: str, **changes: object) -> Row:
    estimates = {name: Estimate(0.5, 0.4, 0.6, 0.95, "w", 9) for name in ("accuracy", "robust", "distance")}
    fields = {
        "experiment": "e",
        "labels": {"model": model, "data": "digits", "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "estimates": estimates,
        "n": 9,
        "cost": {"passes": 2.0},
        "seconds": 1.234,
        "comparability": {"task": attack},
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


VIEW = TableView(
    [row("a", "none"), row("a", "pgd"), row("b", "none", seconds=2.5), row("b", "pgd")],
    {"accuracy": "accuracy ↑", "robust": "robust ↑", "distance": "distance"},
    {"accuracy": "fraction", "robust": "fraction", "distance": "fraction"},
)


def test_what_is_the_same_in_every_row_stands_above() -> None:
    told = constants(VIEW)
    assert told.startswith("data digits, seed 0, ")
    assert "n 9, status ok, passes 2.0" in told
    head = terminal(VIEW, 200).splitlines()[0].split()
    assert head == ["model", "attack", "s", "key"]
    assert "accuracy ↑ 0.500 [0.400, 0.600]" in told


def varied() -> TableView:
    """With metrics that differ from row to row."""
    rows = [
        replace(each, estimates={n: Estimate(i / 8, 0, 1, 0.95, "w", 9) for n in each.estimates})
        for i, each in enumerate(VIEW.rows)
    ]
    return TableView(rows, VIEW.headings, VIEW.units)


def test_the_metric_of_the_headline_is_never_left_out() -> None:
    wide = terminal(varied(), 200)
    assert "too narrow" not in wide
    narrow = terminal(varied(), 60, kept=["distance"])
    assert max(map(len, narrow.splitlines()[:-1])) <= 60
    assert narrow.splitlines()[0].split()[:3] == ["model", "attack", "accuracy"]
    assert "distance" in narrow.splitlines()[0]
    assert narrow.splitlines()[-1] == "(too narrow for robust ↑, s, key; see table.md)"


def test_columns_may_be_chosen() -> None:
    asked = terminal(varied(), 200, only=["robust", "s"]).splitlines()[0].split()
    assert asked == ["model", "attack", "robust", "↑", "s"]
    assert {"robust", "robust ↑", "s", "key", "passes", "status"} <= set(column_names(VIEW))


def test_a_single_row_keeps_its_numbers() -> None:
    text = terminal(TableView(VIEW.rows[:1], VIEW.headings, VIEW.units), 200)
    assert "0.500 [0.400, 0.600]" in text


def test_a_metric_of_the_headline_is_a_column_even_if_it_is_the_same() -> None:
    assert "accuracy ↑" in terminal(VIEW, 200, kept=["accuracy"]).splitlines()[0]
    assert "accuracy" not in constants(VIEW, kept=["accuracy"])


def test_statuses_and_doubts_have_a_colour() -> None:
    rows = [row("a", "none"), row("a", "pgd", status=Status.SUSPECT, reason="zero gradients: 3 of 9")]
    styles = {"status": lambda text: f"<{text}>", "": lambda text: f"!{text}" if text.endswith("?") else text}
    text = terminal(TableView(rows, {}, {}), 200, styles=styles)
    assert "<suspect>" in text
    assert "!0.5 [0.4, 0.6] ?" in text
