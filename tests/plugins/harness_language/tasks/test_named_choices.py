"""Choices that free answers name."""

from __future__ import annotations

import pytest

from harness_language.tasks.named_choices import named_choice

CITIES = [" Paris", " New York", " York", " Rome"]


@pytest.mark.parametrize(
    ("answer", "position", "method"),
    [
        ("The answer is (B).", 1, "letter"),
        ("The answer is Rome.", 3, "text"),
        ("Answer: **New York**", 1, "text"),
        ("rome", 3, "text"),
        ("Paris.\nIt is the capital.", 0, "text"),
        ("C) York", 2, "letter"),
        ("I would say Paris, the capital of France.", 0, "mention"),
        ("It has to be new\nyork, of course", 1, "mention"),
        ("Rome, or maybe Paris", None, "named choice"),
        ("The answer is (F).", None, "named choice"),
        ("Yorkshire", None, "named choice"),
        ("", None, "named choice"),
    ],
)
def test_the_choice_that_is_named(answer: str, position: int | None, method: str) -> None:
    named, found = named_choice(answer, CITIES)
    assert (named, found.method) == (position, method)
    if position is not None:
        assert found.start is not None
        assert found.end is not None
        assert found.value is not None
        assert found.value.strip().casefold() in " ".join(answer[found.start : found.end].casefold().split()) or (
            method == "letter"
        )


def test_numbers_as_choices_go_by_their_text() -> None:
    assert named_choice("The answer is 2.", [" 3", " 2", " 1"])[0] == 1
