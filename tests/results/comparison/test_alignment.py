"""Rows find their counterparts by what they are called, then by what they are."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contract.errors import UsageError
from harness.contract.rows import Row, Status
from harness.results.comparison.alignment import Pair, align, parse_renaming


def row(model: str = "m", attack: str = "none", cell: str = "", **more: Any) -> Row:
    name, _, value = attack.partition(" eps=")
    used = None if attack == "none" else {"name": f"p/{name}", "version": 1, "parameters": {"eps": value}}
    fields = {
        "experiment": "e",
        "labels": {"model": model, "data": "d", "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "components": {"attack": used},
        "cell": cell or f"{model}/{attack}",
    }
    return Row(**{**fields, **more})


def cells(pairs: list[Pair]) -> list[tuple[str | None, str | None]]:
    return [(pair.a and pair.a.cell, pair.b and pair.b.cell) for pair in pairs]


def aligned(a: list[Row], b: list[Row], only_renamed: bool = False, **renamed: str) -> list[tuple[str | None, ...]]:
    return [*cells(align(a, b, renamed, only_renamed=only_renamed))]


def test_rows_pair_up_by_labels_whatever_their_order() -> None:
    a = [row("x"), row("x", "pgd eps=1"), row("y")]
    b = [row("y", cell="1"), row("x", "pgd eps=1", "2"), row("x", cell="3")]
    assert aligned(a, b) == [("x/none", "3"), ("x/pgd eps=1", "2"), ("y/none", "1")]


def test_seeds_and_experiments_are_told_apart() -> None:
    a = [row(seed=seed, cell=str(seed)) for seed in (0, 1)]
    assert aligned(a, a[::-1]) == [("0", "0"), ("1", "1")]
    assert aligned(a[:1], a[1:]) == [("0", None), (None, "1")]
    several = [row(experiment=name, cell=name) for name in ("one", "two")]
    assert aligned(several, several[1:]) == [("one", None), ("two", "two")]
    # The only experiment of a suite may be called like the suite.
    assert aligned(several[:1], several[1:]) == [("one", "two")]


def test_what_is_left_pairs_up_by_component_in_order() -> None:
    a = [row(attack=f"pgd eps={eps}") for eps in (1, 2, 3)] + [row(attack="fgsm eps=1")]
    b = [row(attack=f"pgd eps={eps}") for eps in (2, 4, 5, 6)]
    assert aligned(a, b) == [
        ("m/pgd eps=1", "m/pgd eps=4"),
        ("m/pgd eps=2", "m/pgd eps=2"),
        ("m/pgd eps=3", "m/pgd eps=5"),
        ("m/fgsm eps=1", None),
        (None, "m/pgd eps=6"),
    ]


def test_another_model_or_another_entry_of_the_component_is_no_counterpart() -> None:
    assert aligned([row("x", "pgd eps=1")], [row("y", "pgd eps=2")])[0][1] is None
    long = row(attack="pgd-long eps=2", components={"attack": {"name": "p/pgd", "parameters": {"eps": 2}}})
    assert aligned([row(attack="pgd eps=1")], [long])[0][1] is None


def test_rows_of_equal_labels_pair_up_by_how_little_they_differ() -> None:
    def worst(eps: float, attacks: list[str]) -> Row:
        return row(
            attack="worst case",
            cell=f"{eps:g}",
            derived="worst_case",
            comparability={"protocol": {"threat": {"norm": "linf", "eps": eps}, "attacks": attacks}},
            components={"attack": attacks},
        )

    a = [worst(1, ["x1"]), worst(2, ["x1", "x2"])]
    b = [worst(2, ["x2"]), worst(3, ["x2", "x3"])]
    assert aligned(a, b) == [("1", "3"), ("2", "2")]
    assert aligned(a, a) == [("1", "1"), ("2", "2")]


def test_a_renamed_label_finds_the_row_it_stands_for() -> None:
    rows = [row("old"), row("new"), row("third")]
    assert aligned(rows, rows, old="new") == [
        ("old/none", "new/none"),
        ("third/none", "third/none"),
        (None, "old/none"),
    ]
    assert aligned(rows, rows, only_renamed=True, old="new") == [("old/none", "new/none")]


@pytest.mark.parametrize(
    ("text", "renamed"),
    [("x=y", {"x": "y"}), ("pgd eps=1=pgd eps=2", {"pgd eps=1": "pgd eps=2"}), ("x=pgd eps=2", {"x": "pgd eps=2"})],
)
def test_labels_may_hold_an_equals_sign(text: str, renamed: dict[str, str]) -> None:
    assert parse_renaming([text], [row("x", "pgd eps=1")], [row("y", "pgd eps=2")]) == renamed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "write OLD=NEW"),
        ("z=y", "no row of A is labelled 'z'; labels: x, d, none"),
        ("x=z", "no row of B is labelled 'z'; labels: y, d, none"),
    ],
)
def test_a_label_that_nobody_has_is_an_error(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_renaming([text], [row("x")], [row("y")])


def test_the_rows_that_are_left_are_found_without_a_set_of_all_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    members = 0

    def counting(values: Any) -> set[Any]:
        nonlocal members
        made = set(values)
        members += len(made)
        return made

    monkeypatch.setattr("harness.results.comparison.alignment.set", counting, raising=False)
    rows = [row(f"m{i}") for i in range(100)]
    assert len(align(rows, rows, {}, only_renamed=False)) == 100
    assert members < 100 * 10
