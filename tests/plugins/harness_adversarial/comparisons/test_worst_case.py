"""The worst case over attacks: an example counts only if it survives all attacks of the threat model."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import MeasuredCell, Records, Row, Status
from harness_adversarial.comparisons.worst_case import WorstCase

LABELS = [0, 0, 0, 0]


def cell(
    attack: str,
    prediction: list[int],
    distance: list[float],
    eps: float | None = 0.1,
    *,
    norm: str | None = "linf",
    model: str = "m",
    seed: int = 0,
    status: Status = Status.OK,
    ids: str = "abcd",
    minimal: bool = False,
) -> MeasuredCell:
    threat = {"norm": norm, "eps": eps, "targeted": False, "minimal": minimal}
    columns: dict[str, Any] = {
        "id": list(ids),
        "label": LABELS,
        "correct": [True, True, True, False],
        "adversarial_prediction": prediction,
        **{name: distance if name == norm else [9.0] * 4 for name in ("linf", "l2", "l1", "l0")},
    }
    row = Row(
        experiment="e",
        labels={"model": model, "data": "d", "attack": attack},
        seed=seed,
        status=status,
        n=4,
        comparability={"protocol": {"threat": threat}} if status.is_measured else {},
        cost={"passes": 3.0},
        seconds=1.0,
        components={"attack": {"name": attack}},
    )
    return MeasuredCell(row, attack, lambda: Records.of(columns, threat=threat))


def none(model: str = "m") -> MeasuredCell:
    row = Row(
        "e", {"model": model, "data": "d", "attack": "none"}, 0, Status.OK, comparability={"protocol": {"threat": None}}
    )
    return MeasuredCell(row, "", lambda: Records.of({"id": ["a"]}))


def worst(*cells: MeasuredCell) -> dict[tuple[str, float], float | None]:
    rows = list(WorstCase().rows(cells))
    return {
        (row.protocol["threat"]["norm"], row.protocol["threat"]["eps"]): row.estimates["robust_accuracy"].value
        for row in rows
    }


def test_an_example_must_survive_every_attack() -> None:
    one = cell("one", [1, 0, 0, 0], [0.1] * 4)
    two = cell("two", [0, 1, 0, 0], [0.1] * 4)
    # The first two are fooled by one attack each, the last is wrong from the start.
    assert worst(none(), one, two) == {("linf", 0.1): 0.25}
    assert worst(one) == {("linf", 0.1): 0.5}


def test_a_larger_budget_includes_what_a_smaller_one_found() -> None:
    small = cell("small", [1, 0, 0, 0], [0.1] * 4, 0.1)
    large = cell("large", [0, 1, 0, 0], [0.2] * 4, 0.2)
    assert worst(small, large) == {("linf", 0.1): 0.5, ("linf", 0.2): 0.25}


def test_minimum_norm_attacks_take_part_with_the_distances_they_found() -> None:
    fixed = cell("fixed", [0, 0, 0, 0], [1.0] * 4, 1.0, norm="l2")
    larger = cell("larger", [0, 0, 0, 0], [2.0] * 4, 2.0, norm="l2")
    minimal = cell("minimal", [1, 1, 1, 1], [0.5, 1.5, 9.0, 0.0], None, norm="l2", minimal=True)
    assert worst(fixed, larger, minimal) == {("l2", 1.0): 0.5, ("l2", 2.0): 0.25}


def test_norms_models_and_seeds_are_kept_apart() -> None:
    rows = list(
        WorstCase().rows(
            [
                cell("a", [1, 0, 0, 0], [0.1] * 4),
                cell("b", [1, 1, 0, 0], [0.1] * 4, norm="l2"),
                cell("a", [1, 1, 1, 0], [0.1] * 4, model="other"),
                cell("a", [0, 0, 0, 0], [0.1] * 4, seed=1),
            ]
        )
    )
    found = [
        (r.labels["model"], r.seed, r.protocol["threat"]["norm"], r.estimates["robust_accuracy"].value) for r in rows
    ]
    assert found == [("m", 0, "l2", 0.25), ("m", 0, "linf", 0.5), ("other", 0, "linf", 0.0), ("m", 1, "linf", 0.75)]
    assert all(row.labels["attack"] == "worst case" for row in rows)


@pytest.mark.parametrize("status", [Status.FAILED, Status.INVALID, Status.OOM])
def test_a_missing_attack_withholds_the_number(status: Status) -> None:
    """A worst case over fewer attacks would look like a more robust model."""
    (row,) = WorstCase().rows([cell("one", [1, 0, 0, 0], [0.1] * 4), cell("two", [0] * 4, [0.1] * 4, status=status)])
    assert row.status is Status.INVALID
    assert row.estimates["robust_accuracy"].value is None
    assert row.reason == "1 of 2 attacks gave no result: two"


def test_the_row_is_suspect_if_the_strongest_attack_is() -> None:
    weak = cell("weak", [1, 0, 0, 0], [0.1] * 4, status=Status.SUSPECT)
    strong = cell("strong", [1, 1, 0, 0], [0.1] * 4)
    (row,) = WorstCase().rows([weak, strong])
    assert (row.status, row.estimates["robust_accuracy"].value) == (Status.OK, 0.25)
    (row,) = WorstCase().rows([weak, cell("noise", [0, 0, 0, 0], [0.1] * 4)])
    assert (row.status, row.estimates["robust_accuracy"].value) == (Status.SUSPECT, 0.5)
    assert "weak" in row.reason


def test_a_skipped_attack_is_no_attack() -> None:
    assert worst(cell("one", [1, 0, 0, 0], [0.1] * 4), cell("two", [0] * 4, [0.1] * 4, status=Status.SKIPPED)) == {
        ("linf", 0.1): 0.5
    }


def test_attacks_without_norm_have_no_threat_model_in_common() -> None:
    assert worst(cell("blur", [1, 1, 1, 1], [0.1] * 4, None, norm=None)) == {}


def test_different_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="different examples"):
        worst(cell("one", [0] * 4, [0.1] * 4), cell("two", [0] * 4, [0.1] * 4, ids="abcx"))


def test_cost_and_attacks_are_told() -> None:
    (row,) = WorstCase().rows([cell("one", [0] * 4, [0.1] * 4), cell("two", [0] * 4, [0.1] * 4)])
    assert row.cost == {"passes": 6.0}
    assert len(row.protocol["attacks"]) == 2
