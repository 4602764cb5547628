"""Objects that an image must show, with number, colour and position, and the questions that find out (GenEval)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.api import InvalidOutput

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {**{word: number for number, word in enumerate(_NUMBERS)}, "no": 0, "none": 0, "nothing": 0, "a": 1, "an": 1}
_ODD_PLURALS = {"person": "people", "mouse": "mice", "sheep": "sheep", "scissors": "scissors", "knife": "knives"}
_POSITIONS = {"left of": "to the left of", "right of": "to the right of", "above": "above", "below": "below"}
_HISSED = ("s", "x", "z", "ch", "sh")


class Position(NamedTuple):
    """Where an object must be.

    Attributes:
        relation: "left of", "right of", "above" or "below".
        other: the name of the object that it must be so to.
    """

    relation: str
    other: str


class Verdict(NamedTuple):
    """Whether all numbers, colours and positions are right; None where no colour or position is wanted."""

    counts: bool
    colours: bool | None
    positions: bool | None

    @property
    def all(self) -> bool:
        """Whether nothing is wrong."""
        return False not in self


@dataclass(frozen=True)
class ExpectedObject:
    """An object that an image must show.

    Attributes:
        name: of its class, such as "cat".
        least: how many there must be at least.
        below: how many there must be fewer than; None for any number.
        colour: its colour; None for any.
        plural: the name of several.
        position: where it must be; None for anywhere.
    """

    name: str
    least: int
    below: int | None
    colour: str | None
    plural: str
    position: Position | None = None

    @property
    def how_many(self) -> str:
        """The question for their number."""
        return f"How many {self.plural} are there?"

    @property
    def which_colour(self) -> str:
        """The question for their colour."""
        return f"What color is the {self.name}?"

    @property
    def where(self) -> str:
        """The question for their position."""
        assert self.position is not None  # it is asked of those that have one
        return f"Is the {self.name} {_POSITIONS[self.position.relation]} the {self.position.other}?"

    def is_number_right(self, answer: str) -> bool:
        """Whether an answer names a number that is wanted; what names no number is wrong."""
        number = number_in(answer)
        return number is not None and number >= self.least and (self.below is None or number < self.below)

    def is_colour_right(self, answer: str) -> bool:
        """Whether an answer names the colour."""
        return self.colour is not None and self.colour.casefold() in re.findall(r"\w+", answer.casefold())


def is_yes(answer: str) -> bool:
    """Whether an answer says yes before it says no."""
    return next((word == "yes" for word in re.findall(r"\w+", answer.casefold()) if word in ("yes", "no")), False)


@dataclass(frozen=True)
class Expected:
    """The objects that one image must show."""

    objects: Sequence[ExpectedObject]

    @classmethod
    def of(cls, written: Mapping[str, Any] | str) -> Expected:
        """As GenEval writes them: `include` a list of `class` and `count`, `exclude` one of counts too many.

        Perhaps with `color`, and with `position` such as ["left of", 0], which is left of the first object. A `plural`
        beside a class names several of it.

        Raises:
            InvalidOutput: they are written otherwise.
        """
        about: Mapping[str, Any] = json.loads(written) if isinstance(written, str) else written
        include, exclude = (_objects(about.get(name) or [], name) for name in ("include", "exclude"))
        if not include:
            raise InvalidOutput("`include` names no object; write such as [{class: cat, count: 2}]")
        too_many = {each["class"]: int(each["count"]) for each in exclude}
        return cls(
            [
                ExpectedObject(
                    each["class"],
                    int(each["count"]),
                    too_many.get(each["class"]),
                    each.get("color") or each.get("colour"),
                    each.get("plural") or plural_of(each["class"]),
                    _position(each.get("position"), include),
                )
                for each in include
            ]
        )

    @property
    def questions(self) -> list[str]:
        """The questions for the number of each object, then for the colours and positions that are wanted."""
        numbers, colours = [each.how_many for each in self.objects], [each.which_colour for each in self._coloured]
        return numbers + colours + [each.where for each in self._placed]

    @property
    def _coloured(self) -> list[ExpectedObject]:
        return [each for each in self.objects if each.colour]

    @property
    def _placed(self) -> list[ExpectedObject]:
        return [each for each in self.objects if each.position]

    def judged(self, answers: Sequence[str]) -> Verdict:
        """What is right by the answers to the questions."""
        left = iter(answers)
        counts = [each.is_number_right(next(left)) for each in self.objects]
        colours = [each.is_colour_right(next(left)) for each in self._coloured]
        positions = [is_yes(next(left)) for _ in self._placed]
        return Verdict(all(counts), all(colours) if colours else None, all(positions) if positions else None)


def number_in(answer: str) -> int | None:
    """The first number that an answer names, in digits or words up to twelve; None if it names none."""
    for word in re.findall(r"\d+|[a-z]+", answer.casefold()):
        if word.isdigit():
            return int(word)
        if word in _WORDS:
            return _WORDS[word]
    return None


def plural_of(name: str) -> str:
    """The plural of an English noun by rule."""
    *before, last = name.split(" ")
    if last in _ODD_PLURALS:
        last = _ODD_PLURALS[last]
    elif last.endswith(_HISSED):
        last += "es"
    elif re.search(r"[^aeiou]y$", last):
        last = f"{last[:-1]}ies"
    else:
        last += "s"
    return " ".join([*before, last])


def _position(written: Any, include: Sequence[Mapping[str, Any]]) -> Position | None:
    """A position such as ["left of", 0]. Raises InvalidOutput."""
    if written is None:
        return None
    relation, number = written if isinstance(written, list | tuple) and len(written) == 2 else (None, -1)
    if relation not in _POSITIONS or type(number) is not int or not 0 <= number < len(include):
        raise InvalidOutput(
            f"`position` is {str(written)[:60]!r}; it is such as [left of, 0] for left of the first object, and one of "
            f"{', '.join(_POSITIONS)}"
        )
    return Position(relation, include[number]["class"])


def _objects(written: Any, name: str) -> list[Mapping[str, Any]]:
    # A column of Parquet or JSON has the keys of all rows in each; those without a value are None.
    if not isinstance(written, list | tuple) or not all(isinstance(each, Mapping) for each in written):
        raise InvalidOutput(f"`{name}` is {str(written)[:60]!r}; it is a list such as [{{class: cat, count: 2}}]")
    for each in written:
        count = each.get("count")
        if not isinstance(each.get("class"), str) or not isinstance(count, int) or isinstance(count, bool):
            raise InvalidOutput(f"`{name}` holds {str(dict(each))[:80]}; each has a `class` and a whole number `count`")
    return list(written)
