"""The possible contents of a digit canvas, and the words that describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLURALS = ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines")
DIGITS = range(len(NAMES))

_ONE = ("{a}", "a single {name}", "the digit {name}", "just {a}")
_ALIKE = ("two {names}", "two {names} side by side", "a pair of {names}", "{a} and another {name}")
# The last two name the right digit first, so that a bag of words or their order alone does not give the meaning.
_DIFFERENT = ("{a} and {b}", "{a} left of {b}", "{a} followed by {b}", "{b} right of {a}", "{b} preceded by {a}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One digit in the middle, or two beside each other.

    Attributes:
        left: the digit, or the left one of two.
        right: the right one of two; None if there is one digit only.
    """

    left: int
    right: int | None = None

    @property
    def count(self) -> int:
        """The number of digits."""
        return 1 if self.right is None else 2

    @property
    def last(self) -> int:
        """The rightmost digit, which is also the leftmost if there is one only."""
        return self.left if self.right is None else self.right

    @property
    def kind(self) -> str:
        """One digit, two alike, or two different ones."""
        return "one" if self.right is None else "alike" if self.left == self.right else "different"

    @property
    def digits(self) -> str:
        """The digits in increasing order, whatever their positions: "7", "3 3", "3 5"."""
        return " ".join(str(d) for d in sorted([self.left] if self.right is None else [self.left, self.right]))

    def __str__(self) -> str:
        return self.prompts()[0]

    def prompts(self) -> Sequence[str]:
        """All wordings of this meaning; the first is its name."""
        wordings = {"one": _ONE, "alike": _ALIKE, "different": _DIFFERENT}[self.kind]
        a, b = _with_article(self.left), _with_article(self.last)
        return [text.format(a=a, b=b, name=NAMES[self.left], names=PLURALS[self.left]) for text in wordings]


def _with_article(digit: int) -> str:
    return f"{'an' if NAMES[digit].startswith('e') else 'a'} {NAMES[digit]}"


MEANINGS = (*(Meaning(d) for d in DIGITS), *(Meaning(left, right) for left in DIGITS for right in DIGITS))
"""The classes in their order: ten single digits, then the pairs, the left digit changing slowest."""

PLACES = {meaning: index for index, meaning in enumerate(MEANINGS)}


def unseen_pairs(count: int) -> frozenset[Meaning]:
    """The first `count` pairs of different digits, in the order in which they are left out of training.

    (d, d + 3), then (d, d + 6), (d, d + 9), ... modulo 10: of ten pairs each digit is left once and right once, so
    that no digit is seldom seen in either place. Up to 45, the same two digits in the other order are never kept out;
    at 45, every two different digits are seen in one order only, so that nothing in training says what order means.
    """
    ordered = [Meaning(d, (d + 3 * k) % len(DIGITS)) for k in range(1, len(DIGITS)) for d in DIGITS]
    return frozenset(ordered[:count])
