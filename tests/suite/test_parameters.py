"""Values of parameters as components receive them: fractions as numbers, wherever they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.signatures import Parameter
from harness.suite.parameters import BadValue, check_value

NUMBER = {"type": "number", "minimum": 0}
LIST = {"type": "array", "items": NUMBER}
MAYBE_LIST = {"anyOf": [LIST, {"type": "null"}]}
LISTS = {"type": "array", "items": LIST}


def checked(value: Any, schema: dict[str, Any]) -> Any:
    return check_value(Parameter("p", schema), value, Path())


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("8/255", NUMBER, 8 / 255),
        (["8/255", 1, 0.5], LIST, [8 / 255, 1.0, 0.5]),
        (["125.3/255", "123/255"], MAYBE_LIST, [125.3 / 255, 123 / 255]),
        ([["1/4"], []], LISTS, [[0.25], []]),
        (None, MAYBE_LIST, None),
        (["1/2"], {"type": "array", "items": {"type": "string"}}, ["1/2"]),
        ("1/2", {"anyOf": [NUMBER, {"type": "string"}]}, "1/2"),
        (["1/2"], {"type": "array"}, ["1/2"]),
    ],
)
def test_fractions(value: Any, schema: dict[str, Any], expected: Any) -> None:
    assert checked(value, schema) == expected


def test_whole_numbers_are_floats_in_a_list_too() -> None:
    assert list(map(type, checked([1, 0], MAYBE_LIST))) == [float, float]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([0.5, "a"], "must be a list of numbers ≥ 0 or null; number 2 of them is 'a'"),
        ([0.5, "1/0"], "number 2 of them is '1/0'"),
        (["-1/2"], "number 1 of them is -0.5"),
        ("a", "must be a list of numbers ≥ 0 or null, not 'a'"),
    ],
)
def test_what_is_wrong_in_a_list_is_named(value: Any, told: str) -> None:
    with pytest.raises(BadValue) as error:
        checked(value, MAYBE_LIST)
    assert told in error.value.message
