"""The task `minimal_pairs`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from harness.api import Context, Examples, InvalidOutput, NotApplicable
from harness_language.models.uniform import Uniform
from harness_language.tasks.minimal_pairs import MinimalPairs
from scripted_models import Scripted

PIECES = ["a", "b", "c", "d"]
MODEL = Scripted(PIECES, lambda read: {0: 0.5, 1: 0.25, 2: 0.25})


def pairs(choices: list[Any], labels: list[Any]) -> Examples:
    return Examples([f"p{i}" for i in range(len(choices))], {"choices": choices, "labels": labels}, {"part": labels})


def test_records_in_closed_form() -> None:
    outcome = MinimalPairs().run(MODEL, pairs([["ab", "bb"], ["bb", "ac"], ["b", "c"]], [0, 0, 0]), Context())
    nll = {text: -sum(math.log({"a": 0.5}.get(c, 0.25)) for c in text) for text in ("ab", "bb", "ac", "b", "c")}
    records = outcome.records
    expected = [nll["ab"], nll["bb"], nll["bb"], nll["ac"], nll["b"], nll["c"]]
    assert [value for row in records["choice_nll"] for value in row] == pytest.approx(expected)
    assert records["margin"] == pytest.approx([math.log(2), -math.log(2), 0.0])
    assert (records["credit"], records["correct"]) == ([1.0, 0.0, 0.5], [True, False, False])
    assert records["bytes"] == [[2, 2], [2, 2], [1, 1]]
    assert records["group.part"] == [0, 0, 0]
    assert outcome.protocol == {"bos": "start", "precision": "full"}


def test_swapping_the_options_changes_nothing() -> None:
    choices = [["ab", "bb"], ["bc", "cb"], ["aaa", "a"], ["dd", "d"], ["ca", "ab"]]
    one = MinimalPairs().run(MODEL, pairs(choices, [0] * 5), Context(batch_size=1)).records
    other = MinimalPairs().run(MODEL, pairs([each[::-1] for each in choices], [1] * 5), Context(batch_size=1)).records
    for name in ("credit", "correct", "margin"):
        assert one[name] == other[name]
    assert one["choice_nll"] == [each[::-1] for each in other["choice_nll"]]
    assert one["credit"][1] == 0.5


def test_the_uniform_model_prefers_what_is_shorter_and_ties_otherwise() -> None:
    data = pairs([["the cat sits", "the cat sit"], ["the dog", "the cat"]], [0, 0])
    records = MinimalPairs().run(Uniform(), data, Context()).records
    assert records["credit"] == [0.0, 0.5]
    assert records["choice_nll"][1] == pytest.approx([7 * math.log(256)] * 2)


def test_without_a_start_token_the_first_token_is_not_scored() -> None:
    bare = Scripted(PIECES, lambda read: {0: 0.5, 1: 0.25, 2: 0.25}, bos=False)
    with pytest.raises(NotApplicable, match="`bos: none`"):
        MinimalPairs().run(bare, pairs([["ab", "cb"]], [0]), Context())
    records = MinimalPairs(bos="none").run(bare, pairs([["ab", "cb"]], [0]), Context()).records
    assert records["choice_nll"][0] == pytest.approx([-math.log(0.25)] * 2)
    assert records["credit"] == [0.5]


def test_a_sentence_with_a_token_that_the_model_lacks_is_refused() -> None:
    class Wide(Uniform):
        def encode(self, text: str) -> Sequence[int]:
            return [300, *super().encode(text)]

    with pytest.raises(InvalidOutput, match=r"a sentence of 'p0' cannot be read: the text holds token 300, .*\(it has"):
        MinimalPairs().run(Wide(), pairs([["a", "b"]], [0]), Context())


def test_likelihoods_that_are_not_finite_are_a_problem() -> None:
    impossible = Scripted(PIECES, lambda read: {0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0})
    outcome = MinimalPairs().run(impossible, pairs([["aa", "ab"], ["aa", "a"]], [0, 0]), Context())
    assert outcome.problems == ("1 of 2 likelihoods are not finite, first for 'p0'",)
    assert outcome.records["credit"] == [None, 0.5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"choices": [["a", "b"]]}, "lacks the column 'labels'"),
        ({"choices": [["a", "b"]], "labels": [2]}, "a position from 0 to 1, not 2"),
        ({"choices": [["a", ""]], "labels": [0]}, "not empty"),
    ],
)
def test_columns_that_are_not_what_they_should_be(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOutput, match=message):
        MinimalPairs().run(MODEL, Examples(["p0"], columns), Context())
