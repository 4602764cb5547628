"""Questions of logic and order, by difficulty: parity, sorting, truth of propositions."""

from __future__ import annotations

from random import Random
from typing import Annotated

from annotated_types import Ge, Le

from harness.api import Examples
from harness_language.questions.generated import Question, Split, examples

_YES_OR_NO = ("yes", "no")
_TRUE_OR_FALSE = ("true", "false")
_VARIABLES = "pqrstuvw"
_LINKS = ("and", "or")


def parity(
    length: Annotated[int, Ge(1)] | list[int] = 16,
    n: Annotated[int, Ge(1)] = 500,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Is the number of ones in a string of bits odd? Half of the answers are yes; the group `length` counts the bits.

    Args:
        length: bits: every number up to this one, or a list of numbers.
        n: how many questions, evenly over the lengths as far as there are enough short ones.
        split: one in five strings is held out, whatever n and the seed are.
        seed: another one draws other strings of the same split.
    """

    def draw(rng: Random, level: int) -> Question:
        text = f"{rng.getrandbits(level):0{level}b}"
        answer = "yes" if text.count("1") % 2 else "no"
        return Question(f"Is the number of ones in {text} odd?\n", answer, text, answer)

    return examples(
        draw, "parity", "length", length, n=n, split=split, seed=seed, answer_kind="boolean", kinds=_YES_OR_NO
    )


def sorting(
    length: Annotated[int, Ge(1)] | list[int] = 6,
    n: Annotated[int, Ge(1)] = 500,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Digits to be put in rising order, such as `sort 52815=` with the answer 12558; the group `length` counts them.

    Args:
        length: digits: every number up to this one, or a list of numbers.
        n: how many questions, evenly over the lengths as far as there are enough short ones.
        split: one in five strings of digits is held out, whatever n and the seed are.
        seed: another one draws other strings of the same split.
    """

    def draw(rng: Random, level: int) -> Question:
        digits = rng.choices("0123456789", k=level)
        return Question(f"sort {''.join(digits)}=", "".join(sorted(digits)), "".join(digits))

    return examples(draw, "sorting", "length", length, n=n, split=split, seed=seed, answer_kind="text")


def propositions(
    depth: Annotated[int, Ge(1)] | list[int] = 3,
    variables: Annotated[int, Ge(1), Le(len(_VARIABLES))] = 4,
    n: Annotated[int, Ge(1)] = 500,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Is a formula true if its variables are? Half of the answers are true; the group `depth` is that of the formula.

    Questions look like `p is true, q is false: ((not p) or q)`, the longest chain of operators being the depth. All
    questions about a formula are in the same split.

    Args:
        depth: operators inside one another: every number up to this one, or a list of numbers.
        variables: the number of different variables in a formula.
        n: how many questions, evenly over the depths as far as there are enough shallow ones.
        split: one in five formulas is held out, whatever n and the seed are.
        seed: another one draws other questions of the same split.
    """
    names = _VARIABLES[:variables]

    def draw(rng: Random, level: int) -> Question:
        world = {name: rng.random() < 0.5 for name in names}
        formula, truth = _formula(rng, level, world)
        used = set(formula.replace("(", " ").replace(")", " ").split())
        told = ", ".join(f"{name} is {_word(value)}" for name, value in world.items() if name in used)
        return Question(f"{told}: {formula}\n", _word(truth), formula, _word(truth))

    return examples(
        draw, "propositions", "depth", depth, n=n, split=split, seed=seed, answer_kind="boolean", kinds=_TRUE_OR_FALSE
    )


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def _formula(rng: Random, depth: int, world: dict[str, bool]) -> tuple[str, bool]:
    """A formula of exactly this depth, and whether it is true in the world."""
    if depth == 0:
        name = rng.choice(list(world))
        return name, world[name]
    if rng.randrange(3) == 0:
        inner, truth = _formula(rng, depth - 1, world)
        return f"(not {inner})", not truth
    # One side has the whole depth, the other any; which one is drawn.
    sides = [_formula(rng, depth - 1, world), _formula(rng, rng.randrange(depth), world)]
    (left, a), (right, b) = sides if rng.random() < 0.5 else reversed(sides)
    link = rng.choice(_LINKS)
    return f"({left} {link} {right})", (a and b) if link == "and" else (a or b)
