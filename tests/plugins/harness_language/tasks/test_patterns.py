"""Patterns that users give."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.api import UsageError
from harness_language.tasks import patterns
from harness_language.tasks.answer_extraction import Extraction, check_rule, compared_as, extract

ANSWER = "First 3.\nANSWER: 12 apples\nANSWER:  13 pears"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"regex": r"ANSWER:\s*(\d+)"}, "12"),
        ({"regex": r"ANSWER:\s*(\d+)", "take": "last"}, "13"),
        ({"regex": r"^ANSWER: (\d+) (\w+)$", "group": 2}, "apples"),
        ({"regex": r"answer: (?P<n>\d+)", "group": "n", "ignore_case": True}, "12"),
        ({"regex": r"ANSWER:(.*)$", "take": "last"}, "13 pears"),
        ({"regex": r"\d+ apples"}, "12 apples"),
        ({"regex": r"(\d+,)*\d+ pears"}, None),
        ({"regex": r"none (\d)"}, None),
    ],
)
def test_the_value_is_a_group_of_a_match(rule: dict[str, Any], value: str | None) -> None:
    found = extract(ANSWER, rule, "text")
    assert (found.value, found.method) == (value, "regex")
    if value is not None:
        assert ANSWER[found.start : found.end] == value


def test_a_group_without_part_is_a_failure() -> None:
    assert extract("b", {"regex": "(a)?b"}) == Extraction.failure("regex")


def test_what_is_found_compares_as_the_data_declare() -> None:
    assert compared_as({"regex": r"(\d+)"}, "number") == "number"
    assert compared_as({"rule": "last_number", "decimal": "comma"}, "text") == "number"


def test_commas_may_be_declared_decimal() -> None:
    assert extract("x = 3,5", {"rule": "last_number", "decimal": "comma"}).value == "3.5"
    assert extract("#### 1.234,5", {"decimal": "comma"}, "number").value == "1234.5"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"regex": "(a"}, "'(a' is no regular expression: missing ), unterminated subpattern at character 1"),
        ({"regex": "a", "group": 1}, "has no group 1"),
        ({"regex": "a", "group": "x"}, "has no group 'x'"),
        ({"regex": "a", "take": "all"}, "`take: first` or `take: last`, not 'all'"),
        ({"regex": "a", "pick": 1}, "has no key 'pick'; it takes regex, group, take, ignore_case"),
        ({"regex": 5}, "needs a text as `regex`, not 5"),
        ({"regex": "(a+)+b"}, "a repeat in a repeat"),
        ({"regex": r"(\w+\s?)*$"}, "a repeat in a repeat"),
        ({"regex": "((x*)y?)*"}, "a repeat in a repeat"),
        ({"rule": "best"}, "it takes `regex`"),
        ({"decimal": "colon"}, "(point or comma)"),
        ({}, None),
    ],
)
def test_a_bad_rule_is_told_before_it_is_used(rule: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert check_rule(rule) == ("auto", "point")
        return
    with pytest.raises(UsageError, match=re.escape(message)):
        check_rule(rule)


def test_a_search_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice of the same thing in a repeat doubles the work with every character."""
    monkeypatch.setattr(patterns, "TIME_LIMIT", 0.05)
    with pytest.raises(UsageError, match=r"searched one answer for over 0\.05 s"):
        extract("ab" * 40 + "!", {"regex": "(?:ab|a[b])*$(?<=x)"})
