"""The table of what models took: one line for a model, several trainings as their mean, nothing made up."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contract.cost_block import CostBlock
from harness.contract.rows import Row, Status
from harness.results.cost_table import cost_notes, cost_texts, model_costs, short
from harness.results.report.tables import make_cost_table
from harness.results.table import csv_text

NET = {"parameters": 650, "flops": 110_592, "flops_call": "forward of [1, 3]", "energy_source": "no source"}
TREES = {"flops_reason": "not counted: Tree: aten.sort", "energy_source": "no source"}


def row(
    model: str, cost: dict[str, Any], *, seed: int = 0, attack: str = "none", weights: str = "", **other: Any
) -> Row:
    facts = {"cost": cost, "weights": {"digest": weights, "trained_here": True}}
    labels = {"model": model, "data": "digits", "attack": attack}
    return Row(**{"experiment": "e", "labels": labels, "seed": seed, "status": Status.OK, "facts": facts, **other})


ROWS = [
    row("net", {**NET, "training_seconds": 2.0}, weights="a"),
    row("net", {**NET, "training_seconds": 2.0}, weights="a", attack="pgd"),
    row("net", {**NET, "training_seconds": 3.0}, weights="b", seed=1),
    row("trees", TREES),
    row("net (mean)", {}, derived="over_seeds", facts={}),
]


def test_a_model_is_a_line_and_its_trainings_a_mean() -> None:
    headings, body = cost_texts(model_costs(ROWS))
    assert headings == ["model", "parameters", "FLOPs per example", "training s"]
    assert body == [["net", "650", "110.6 k", "2.5"], ["trees", "–", "–", "–"]]


def test_a_mean_with_a_part_that_is_not_known_is_not_known() -> None:
    rows = [row("net", {**NET, "training_seconds": 2.0}), row("net", {**NET, "training_joules": 9.0}, seed=1)]
    headings, body = cost_texts(model_costs(rows))
    assert headings == ["model", "parameters", "FLOPs per example"]
    assert body == [["net", "650", "110.6 k"]]


def test_labels_that_differ_have_a_column() -> None:
    other = row("net", NET, experiment="f", labels={"model": "net", "data": "mnist"})
    assert cost_texts(model_costs([ROWS[0], other]))[0][:3] == ["experiment", "data", "model"]


def test_notes_say_what_is_counted_and_what_is_not() -> None:
    assert cost_notes(model_costs(ROWS)) == [
        "a multiply-add is 2 FLOPs, counted in forward of [1, 3]",
        "FLOPs of trees: not counted: Tree: aten.sort",
        "energy: no source",
    ]
    assert cost_notes([]) == []


def test_the_page_shows_the_same() -> None:
    table = make_cost_table(model_costs(ROWS))
    assert table is not None
    assert [column.heading for column in table.columns] == cost_texts(model_costs(ROWS))[0]
    assert [field.value for field in table.lines[0].fields] == [None, 650, 110_592, 2.5]
    assert make_cost_table(model_costs([ROWS[3]])) is None
    assert make_cost_table([]) is None


def test_files_hold_the_block() -> None:
    head, first = csv_text(ROWS[:1]).splitlines()
    cells = dict(zip(head.split(","), first.replace('"forward of [1, 3]"', "call").split(","), strict=True))
    assert {name: value for name, value in cells.items() if name.startswith("cost_")} == {
        "cost_parameters": "650",
        "cost_flops": "110592",
        "cost_flops_call": "call",
        "cost_training_seconds": "2.0",
        "cost_energy_source": "no source",
    }
    assert "cost_" not in csv_text([ROWS[4]])
    assert Row.from_json(ROWS[0].to_json()).cost_block == CostBlock(**NET, training_seconds=2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (999, "999"), (1000, "1 k"), (110_592, "110.6 k"), (4.1e9, "4.1 G"), (2e19, "2e+04 P")],
)
def test_thousands_have_prefixes(value: float, text: str) -> None:
    assert short(value) == text
