"""A leaderboard of attacks: rows, budgets of passes, several models."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import MeasuredCell, Records, Row, Status
from harness_adversarial.comparisons.optimality import ALL_MODELS, Optimality

MINIMAL = {"norm": "l2", "eps": None, "targeted": False, "minimal": True}


def cell(attack: str, distances: list[float], model: str = "m", passes: float = 10.0, **how: Any) -> MeasuredCell:
    """Five examples, the first wrong without attack; a distance of 0 elsewhere is an attack that found nothing."""
    fooled = [None, *(each > 0 for each in distances)]
    columns = {
        "id": how.pop("ids", list("abcde")),
        "label": [0] * 5,
        "correct": [False, True, True, True, True],
        "success": fooled,
        "adversarial_prediction": [1, *(int(bool(each)) for each in fooled[1:])],
        "target": [None] * 5,
        "l2": [0.0, *distances],
    }
    table = Records.of(columns, threat=how.pop("threat", MINIMAL))
    row = Row("e", {"model": model, "attack": attack}, 0, how.pop("status", Status.OK), n=5, cell=attack,
              comparability={"protocol": table.protocol}, cost={"passes": passes}, **how)  # fmt: skip
    return MeasuredCell(row, "", lambda: table)


ONE, TWO = [0.1, 0.2, 0.4, 0.0], [0.2, 0.2, 0.2, 0.5]
# The best is .1 .2 .2 .5, so that .4 .3 .3 and 0 of the budgets up to .5 can be won.


def values(rows: Any) -> dict[tuple[str, str], float | None]:
    return {(row.labels["model"], row.labels["attack"]): row.estimates["optimality"].value for row in rows}


def test_rows_of_one_model_are_ranked() -> None:
    rows = list(
        Optimality().rows([cell("one", ONE), cell("two", TWO), cell("none", ONE, threat={"norm": "l2", "eps": 0.1})])
    )
    assert values(rows) == {
        ("m", "optimality: two"): pytest.approx((0.3 + 0.3 + 0.3) / 1.0),
        ("m", "optimality: one"): pytest.approx((0.4 + 0.3 + 0.1) / 1.0),
    }
    assert [row.labels["attack"] for row in rows] == ["optimality: two", "optimality: one"]
    assert rows[0].comparability["protocol"] == {"threat": MINIMAL, "attacks": ["one", "two"]}


def test_the_budget_of_passes_refuses_an_attack_and_keeps_what_it_found() -> None:
    rows = list(Optimality(passes=100).rows([cell("one", ONE), cell("two", TWO, passes=2000)]))
    assert values(rows) == {("m", "optimality: one"): pytest.approx(0.8), ("m", "optimality: two"): None}
    assert rows[1].estimates["optimality"].reason == "took 2,000 passes per example, and 100 are allowed"


def test_a_limit_ends_the_curve() -> None:
    rows = Optimality(limit=0.25).rows([cell("one", ONE), cell("two", TWO)])
    assert values(rows)["m", "optimality: one"] == pytest.approx((0.15 + 0.05) / (0.15 + 0.05 + 0.05))


def test_models_are_averaged_on_the_same_examples_only() -> None:
    cells = [cell(attack, found, model) for model in ("m", "k") for attack, found in (("one", ONE), ("two", TWO))]
    found = values(Optimality().rows(cells))
    assert found[ALL_MODELS, "optimality: one"] == pytest.approx(0.8)
    assert len(found) == 6
    others = [cell(attack, ONE, "k", ids=list("vwxyz")) for attack in ("one", "two")]
    assert (ALL_MODELS, "optimality: one") not in values(Optimality().rows([*cells[:2], *others]))
    assert (ALL_MODELS, "optimality: one") not in values(Optimality().rows([*cells[:2], cell("one", ONE, "k")]))


def test_doubts_and_failures_of_an_attack() -> None:
    doubted = cell("one", ONE, status=Status.SUSPECT, reason="zero gradients: 3")
    broken = cell("three", ONE, status=Status.FAILED)
    rows = {row.labels["attack"]: row for row in Optimality().rows([doubted, cell("two", TWO), broken])}
    assert set(rows) == {"optimality: one", "optimality: two"}
    assert (rows["optimality: one"].status, rows["optimality: one"].reason) == (Status.SUSPECT, "zero gradients: 3")
    assert rows["optimality: two"].status is Status.OK


def test_nothing_fooled_is_undefined() -> None:
    (row,) = Optimality().rows([cell("one", [0.0] * 4)])
    assert row.estimates["optimality"].reason == "no attack has fooled the model"
