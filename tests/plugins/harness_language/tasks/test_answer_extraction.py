"""What is read out of an answer: value, place and rule."""

from __future__ import annotations

import pytest

from harness_language.tasks.answer_extraction import Extraction, Rule, as_number, extract, same_value


@pytest.mark.parametrize(
    ("answer", "value", "raw"),
    [
        ("The total is 18.", "18", "18"),
        ("first 3, then 4 apples", "4", "4"),
        ("It costs $1,234.50.", "1234.50", "$1,234.50"),
        ("x = -4", "-4", "-4"),
        ("5-3", "3", "3"),  # a difference, not minus three
        ("12 - 5", "5", "5"),
        ("−7 degrees", "-7", "−7"),
        ("owes -$5", "-5", "-$5"),
        ("10,11,12", "12", "12"),  # a list, not a number of six digits
        ("3.0 bolts", "3.0", "3.0"),
        ("about .5", "0.5", ".5"),
        ("It sold 7,500, all told", "7500", "7,500"),
        ("pays $2,345,678,", "2345678", "$2,345,678"),
        ("7,500.25, rounded", "7500.25", "7,500.25"),
        ("(7,500), 7,500; and -7,500,", "-7500", "-7,500"),
        ("7,500,\n", "7500", "7,500"),
        ("1,2,3", "3", "3"),
        ("1,2,3,", "3", "3"),
        ("1,234,5", "5", "5"),
        ("10,110,12", "12", "12"),
        ("1,234,5678", "5678", "5678"),
        ("12,3456", "3456", "3456"),
        ("1e3 metres", "1000", "1e3"),
    ],
)
def test_the_last_number(answer: str, value: str, raw: str) -> None:
    found = extract(answer, "last_number")
    assert (found.value, found.method) == (value, "last_number")
    assert answer[found.start : found.end] == raw


@pytest.mark.parametrize("answer", ["", "none at all", "see a4 and v1.2.3"])
def test_no_number_is_a_failure(answer: str) -> None:
    assert extract(answer, "last_number") == Extraction(None, None, None, "last_number")


@pytest.mark.parametrize(
    ("answer", "value", "method"),
    [
        ("3 + 4 = 7\n#### 7", "7", "marker"),
        ("3 + 4 = 7\nA: 1,007", "1007", "marker"),
        ("The answer is 12 (of 30).", "12", "marker"),
        ("so the final answer: -2, not 5", "-2", "marker"),
        (r"hence \boxed{42}, which is below 50", "42", "marker"),
        ("#### 3\nWait.\n#### 4", "4", "marker"),  # the last one counts
        ("#### none\n5 apples", "5", "last_number"),  # no number on the marker's line
        ("7 apples", "7", "last_number"),
        ("The answer is $7,500, since 3 of 4 agree", "7500", "marker"),
        ("#### 1,2,3", "1", "marker"),
    ],
)
def test_a_number_is_looked_for_at_a_marker_then_anywhere(answer: str, value: str, method: str) -> None:
    found = extract(answer, "auto", "number")
    assert (found.value, found.method) == (value, method)


@pytest.mark.parametrize(
    ("answer", "rule", "value", "span"),
    [
        ("  \n Paris. \nLyon", "line", "Paris.", (4, 10)),
        ("  a\nb ", "text", "a\nb", (2, 5)),
        ("Well, YES: no doubt", "boolean", "true", (6, 9)),
        ("It is false", "boolean", "false", (6, 11)),
        ("know nothing", "boolean", None, (None, None)),
        (" \n ", "line", None, (None, None)),
        (" \n ", "text", None, (None, None)),
    ],
)
def test_lines_texts_and_truth_values(
    answer: str, rule: Rule, value: str | None, span: tuple[int | None, int | None]
) -> None:
    found = extract(answer, rule)
    assert (found.value, (found.start, found.end), found.method) == (value, span, rule)


def test_auto_goes_by_the_kind() -> None:
    answer = "yes, 7\nsure"
    kinds = {kind: extract(answer, "auto", kind) for kind in ("number", "boolean", "text", "refusal")}
    assert {kind: found.value for kind, found in kinds.items()} == {
        "number": "7",
        "boolean": "true",
        "text": "yes, 7",
        "refusal": "yes, 7",
    }


@pytest.mark.parametrize(
    ("one", "other", "kind", "same"),
    [
        ("18", "18.0", "number", True),
        ("1000", "1,000", "number", True),
        ("7500", "7,500,", "number", True),
        ("7500.5", "$7,500.50", "number", True),
        ("123", "1,2,3", "number", False),
        ("35", "3,5", "number", False),
        ("3,5", "3,5", "number", True),
        ("5", "5.000,50", "number", False),
        ("5.0005", "5.000,50", "number", False),
        ("7500.5", "7,500.5,000", "number", False),
        ("18", "18.01", "number", False),
        ("18", "18.0", "text", False),
        ("Paris.", "paris", "text", True),
        ("New  York", "new york", "text", True),
        ("New York", "York", "text", False),
        ("!", "?", "text", False),
        ("!", " ! ", "text", True),
        ("cafe\u0301", "caf\u00e9", "text", True),
        ("true", "Yes", "boolean", True),
        ("true", "no", "boolean", False),
    ],
)
def test_when_two_values_are_the_same(one: str, other: str, kind: str, same: bool) -> None:
    assert same_value(one, other, kind) is same
    assert same_value(other, one, kind) is same


def test_a_number_of_absurd_size_is_none() -> None:
    assert as_number("1e999999999") is None
    assert as_number("nan") is None
