"""Sums and expressions have the answers that Python gives."""

from __future__ import annotations

import ast
import re
from typing import Literal

import pytest

from harness.api import HarnessError
from harness_language.questions.numbers import arithmetic, expressions


def steps_in(text: str) -> int:
    return sum(isinstance(node, ast.BinOp) for node in ast.walk(ast.parse(text, mode="eval")))


@pytest.mark.parametrize(("operation", "sign"), [("add", "+"), ("subtract", "-"), ("multiply", "*")])
def test_answers(operation: Literal["add", "subtract", "multiply"], sign: str) -> None:
    data = arithmetic(operation, digits=[2, 4], n=200)
    assert data.facts == {"answer_kind": "number"}
    for prompt, answer, digits in zip(*data.columns.values(), data.groups["digits"], strict=True):
        match = re.fullmatch(r"(\d+)([-+*])(\d+)=", prompt)
        assert match is not None
        assert match[2] == sign
        assert len(match[1]) == len(match[3]) == digits
        assert eval(f"{int(match[1])}{sign}{int(match[3])}") == int(answer) >= 0
        assert str(int(answer)) == answer


def test_a_sum_and_its_reverse_are_in_one_split() -> None:
    train = set(arithmetic(digits=[1, 2], n=2500, split="train").columns["prompts"])
    for prompt in arithmetic(digits=[1, 2], n=800).columns["prompts"]:
        a, b = prompt.rstrip("=").split("+")
        assert f"{b}+{a}=" not in train


def test_one_digit_sums_hold_zeros_and_all_of_them_are_found() -> None:
    held_out = set(arithmetic(digits=1, n=20).columns["prompts"])
    train = set(arithmetic(digits=1, n=80, split="train").columns["prompts"])
    assert held_out | train == {f"{a}+{b}=" for a in range(10) for b in range(10)}


def test_long_numbers_are_exact() -> None:
    data = arithmetic("multiply", digits=[30], n=20)
    for prompt, answer in zip(*data.columns.values(), strict=True):
        a, b = prompt.rstrip("=").split("*")
        assert int(a) * int(b) == int(answer)
    with pytest.raises(HarnessError, match="digits must be from 1 to 64"):
        arithmetic(digits=[65])


def test_expressions() -> None:
    data = expressions(steps=[1, 3, 6], n=150, most=50)
    for prompt, answer, steps in zip(*data.columns.values(), data.groups["steps"], strict=True):
        text = prompt.removesuffix("=")
        assert eval(text) == int(answer)
        assert steps_in(text) == steps
        assert abs(int(answer)) <= 50


def test_expressions_of_chosen_operations() -> None:
    data = expressions(steps=[4], operations=["add"], largest=3, n=50)
    assert set("".join(data.columns["prompts"])) <= set("()+=0123")


def test_expressions_that_cannot_be_are_an_error() -> None:
    with pytest.raises(HarnessError, match="only 0 different questions"):
        expressions(steps=[60], operations=["add"], most=1)
