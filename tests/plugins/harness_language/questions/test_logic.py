"""Parity, sorting and propositions have the answers that Python gives, and half of them are yes."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from harness_language.questions.logic import parity, propositions, sorting


def depth_of(formula: str) -> int:
    """The nesting of brackets, each of which holds one operator."""
    depth = deepest = 0
    for character in formula:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def test_parity() -> None:
    data = parity(length=[6, 12], n=40)
    for prompt, answer, length in zip(*data.columns.values(), data.groups["length"], strict=True):
        (bits,) = re.findall(r"[01]+", prompt)
        assert len(bits) == length
        assert answer == ("yes" if bits.count("1") % 2 == 1 else "no")


def test_sorting() -> None:
    data = sorting(length=[5], n=40)
    for prompt, answer in zip(*data.columns.values(), strict=True):
        assert answer == "".join(sorted(prompt.removeprefix("sort ").removesuffix("=")))
    # As numbers 0012 and 12 are the same; as digits in order they are not.
    assert data.facts["answer_kind"] == "text"


def test_propositions_against_python() -> None:
    data = propositions(depth=[1, 3, 5], variables=3, n=200)
    for prompt, answer, depth in zip(*data.columns.values(), data.groups["depth"], strict=True):
        told, formula = prompt.rstrip("\n").split(": ")
        world = dict(re.findall(r"(\w) is (\w+)", told))
        assert set(re.findall(r"\b[p-r]\b", formula)) == set(world)
        assert eval(formula, {name: value == "true" for name, value in world.items()}) == (answer == "true")
        assert depth_of(formula) == depth


@pytest.mark.parametrize("data", [parity(length=[9, 10], n=100), propositions(depth=[2, 3], n=100)])
def test_half_are_yes_at_every_level(data) -> None:  # type: ignore[no-untyped-def]
    ((_, levels),) = data.groups.items()
    counts = Counter(zip(levels, data.columns["answers"], strict=True))
    assert set(counts.values()) == {25}
    assert data.facts["answer_kind"] == "boolean"
