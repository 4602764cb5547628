"""Combinations of what varies, and their labels."""

from __future__ import annotations

from harness.suite.variants import Variant, choices, labelled, product_of, short


def test_a_sweep_is_combined_with_every_draw() -> None:
    made = list(choices({"a": 0}, {"b": [1, 2]}, [{"c": 5}, {"c": 6}]))
    assert [choice.given for choice in made] == [
        {"a": 0, "b": 1, "c": 5},
        {"a": 0, "b": 1, "c": 6},
        {"a": 0, "b": 2, "c": 5},
        {"a": 0, "b": 2, "c": 6},
    ]
    assert [choice.words(choice.given, "") for choice in made][:2] == [{"b": "1", "draw": "0"}, {"b": "1", "draw": "1"}]
    assert [made[0].place(name) for name in "abc"] == [("with", "a"), ("sweep", "b"), ("draws", "from", "c")]


def test_parts_multiply_and_are_told_apart() -> None:
    options = {"width": [Variant(8)], "data": [Variant("x", {"n": "1"}).under("data"), Variant("y", {"n": "2"})]}
    assert [(variant.value, variant.words) for variant in product_of(options)] == [
        ({"width": 8, "data": "x"}, {"data.n": "1"}),
        ({"width": 8, "data": "y"}, {"n": "2"}),
    ]


def test_a_part_is_called_by_its_path_only_where_it_must_be() -> None:
    assert labelled("mlp", {"width": "8", "trained_on.n": "10"}) == "mlp width=8 n=10"
    assert labelled("mlp", {"draw": "3", "trained_on.draw": "0"}) == "mlp draw=3 trained_on.draw=0"
    assert labelled("mlp", {}) == "mlp"


def test_short_values() -> None:
    assert [short(value) for value in (1.0, 8 / 255, 100000, "a", True)] == ["1", "0.03137", "100000", "a", "True"]
