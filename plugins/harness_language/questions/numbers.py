"""Questions about numbers, by difficulty: sums by digits, expressions by steps."""

from __future__ import annotations

from random import Random
from typing import Annotated, Literal

from annotated_types import Ge, Le

from harness.api import Examples
from harness_language.questions.generated import Question, Split, examples

Operation = Literal["add", "subtract", "multiply"]
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*"}


def arithmetic(
    operation: Operation = "add",
    digits: Annotated[int, Ge(1)] | list[int] = 3,
    n: Annotated[int, Ge(1)] = 500,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Two numbers to be added, subtracted or multiplied, such as `27+38=`; the group `digits` says how long they are.

    Both numbers have the same number of digits. The larger one comes first in a subtraction, so that no answer is
    negative. A sum is in the same split as the one with its numbers swapped. To go beyond what a model was trained on,
    ask for more digits than its training data have.

    Args:
        operation: what is done with the two numbers.
        digits: the digits of each number: every length up to this one, or a list of lengths.
        n: how many questions, evenly over the lengths as far as there are enough short ones.
        split: one in five questions is held out, whatever n and the seed are.
        seed: another one draws other questions of the same split.
    """

    def draw(rng: Random, level: int) -> Question:
        least = 0 if level == 1 else 10 ** (level - 1)
        a, b = rng.randrange(least, 10**level), rng.randrange(least, 10**level)
        if operation == "subtract":
            a, b = max(a, b), min(a, b)
        result = a + b if operation == "add" else a - b if operation == "subtract" else a * b
        sign = _SIGNS[operation]
        return Question(f"{a}{sign}{b}=", str(result), f"{min(a, b)}{sign}{max(a, b)}")

    return examples(draw, "arithmetic", "digits", digits, n=n, split=split, seed=seed, answer_kind="number")


def expressions(
    steps: Annotated[int, Ge(1)] | list[int] = 3,
    operations: list[Operation] | None = None,
    largest: Annotated[int, Ge(1)] = 9,
    most: Annotated[int, Ge(1), Le(10**12)] = 999,
    n: Annotated[int, Ge(1)] = 500,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Expressions with brackets around every step, such as `((3+4)*2)=`; the group `steps` counts the operations.

    Args:
        steps: operations in an expression: every number up to this one, or a list of numbers.
        operations: those that may occur; all three by default.
        largest: numbers are drawn from 0 to this one.
        most: no intermediate result is larger than this in size.
        n: how many expressions, evenly over the steps as far as there are enough short ones.
        split: one in five expressions is held out, whatever n and the seed are.
        seed: another one draws other expressions of the same split.
    """
    signs = [_SIGNS[operation] for operation in dict.fromkeys(operations or _SIGNS)]

    def draw(rng: Random, level: int) -> Question | None:
        text, value, reached = _expression(rng, level, signs, largest)
        return Question(f"{text}=", str(value), text) if reached <= most else None

    return examples(draw, "expressions", "steps", steps, n=n, split=split, seed=seed, answer_kind="number")


def _expression(rng: Random, steps: int, signs: list[str], largest: int) -> tuple[str, int, int]:
    """An expression, its value, and the largest size of any value inside it."""
    if steps == 0:
        value = rng.randrange(largest + 1)
        return str(value), value, value
    left_steps = rng.randrange(steps)
    left, a, high_a = _expression(rng, left_steps, signs, largest)
    right, b, high_b = _expression(rng, steps - 1 - left_steps, signs, largest)
    sign = rng.choice(signs)
    value = a + b if sign == "+" else a - b if sign == "-" else a * b
    return f"({left}{sign}{right})", value, max(high_a, high_b, abs(value))
