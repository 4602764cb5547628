"""Questions for objects, and what answers to them are worth."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import InvalidOutput
from harness_generative.judges.objects import Expected, is_yes, number_in, plural_of


@pytest.mark.parametrize(
    ("answer", "number"),
    [("2", 2), ("Two.", 2), ("there are 12 of them", 12), ("none", 0), ("a cat", 1), ("many", None), ("", None)],
)
def test_numbers_in_digits_and_words(answer: str, number: int | None) -> None:
    assert number_in(answer) == number


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("cat", "cats"),
        ("bus", "buses"),
        ("bench", "benches"),
        ("teddy bear", "teddy bears"),
        ("person", "people"),
        ("puppy", "puppies"),
        ("toy", "toys"),
        ("sheep", "sheep"),
    ],
)
def test_plurals(one: str, several: str) -> None:
    assert plural_of(one) == several


def expected(*include: dict[str, Any], **more: Any) -> Expected:
    return Expected.of({"include": list(include), **more})


def test_exactly_two_cats() -> None:
    wanted = expected({"class": "cat", "count": 2}, exclude=[{"class": "cat", "count": 3}])
    assert wanted.questions == ["How many cats are there?"]
    verdicts = [wanted.judged([answer])[0] for answer in ("1", "2", "two cats", "3", "lots")]
    assert verdicts == [False, True, True, False, False]


def test_at_least_one_of_each_and_a_colour() -> None:
    wanted = expected({"class": "ox", "plural": "oxen", "count": 1}, {"class": "cup", "count": 1, "color": "red"})
    assert wanted.questions == ["How many oxen are there?", "How many cups are there?", "What color is the cup?"]
    assert wanted.judged(["3", "1", "dark red"]) == (True, True, None)
    assert wanted.judged(["3", "0", "covered"]) == (False, False, None)
    assert expected({"class": "cat", "count": 1}).judged(["1"]) == (True, None, None)


def test_positions_as_geneval_has_them() -> None:
    """Of evaluation_metadata.jsonl: "a photo of a dog right of a teddy bear"."""
    wanted = expected(
        {"class": "teddy bear", "count": 1}, {"class": "dog", "count": 1, "position": ["right of", 0], "color": "red"}
    )
    assert wanted.questions[2:] == ["What color is the dog?", "Is the dog to the right of the teddy bear?"]
    assert wanted.judged(["1", "1", "red", "Yes, it is."]) == (True, True, True)
    wrong = wanted.judged(["1", "1", "red", "no"])
    assert (wrong, wrong.all) == ((True, True, False), False)
    assert wanted.judged(["1", "2", "red", "yes"]).all


@pytest.mark.parametrize(
    ("answer", "yes"), [("yes", True), ("Yes.", True), ("no, yes", False), ("eyes", False), ("", False)]
)
def test_answers_to_whether(answer: str, yes: bool) -> None:
    assert is_yes(answer) is yes


@pytest.mark.parametrize("written", [["beside", 0], ["above", 2], ["above", -1], ["above", True], "above", ["above"]])
def test_what_is_no_position(written: Any) -> None:
    with pytest.raises(InvalidOutput, match=r"`position` is .*such as \[left of, 0\].*above, below"):
        expected({"class": "cat", "count": 1}, {"class": "dog", "count": 1, "position": written})


def test_what_is_no_list_of_objects() -> None:
    for written in ({"include": []}, {"include": [{"class": "cat", "count": True}]}, {"include": [1]}):
        with pytest.raises(InvalidOutput, match="include"):
            Expected.of(written)
