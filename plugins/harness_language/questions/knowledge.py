"""A made-up world of people and facts: questions about facts in training, facts left out, and unknown people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Literal

from annotated_types import Ge, Le

from harness.api import Examples, HarnessError
from harness_language.questions.generated import Split, share_of

Part = Literal["seen", "unseen", "made_up"]
PARTS: tuple[Part, ...] = ("seen", "unseen", "made_up")
UNKNOWN = "unknown"

_ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "kl", "st", "tr", "sh")
_VOWELS = ("a", "e", "i", "o", "u")
# The name comes first, so that what a small model learns of a person does not depend on the wording.
_WORDINGS = {
    "birthplace": (
        "{} was born in which town?",
        "{} comes from which town?",
        "{} has which birthplace?",
        "{}: where from?",
    ),
    "job": ("{} works as what?", "{} has which job?", "{} follows which trade?", "{}: what trade?"),
    "instrument": (
        "{} plays which instrument?",
        "{} makes music on what?",
        "{} owns which instrument?",
        "{}: what music?",
    ),
    "pet": ("{} keeps which animal?", "{} has what as a pet?", "{} lives with which animal?", "{}: what pet?"),
    "colour": ("{} likes which colour?", "{} wears which colour?", "{} paints in which colour?", "{}: what colour?"),
}
_JOBS = "baker, brewer, carpenter, cooper, dyer, fisher, glazier, joiner, mason, miller, painter, potter, sailor, smith"
_INSTRUMENTS = "bagpipe, cello, clarinet, drum, fiddle, flute, guitar, harp, horn, lute, oboe, organ, piano, trumpet"
_PETS = "badger, cat, crow, dog, duck, ferret, goat, goose, hamster, hare, lizard, otter, parrot, tortoise"
_COLOURS = "amber, black, blue, brown, crimson, green, grey, indigo, orange, pink, purple, red, white, yellow"
_VALUES = {"job": _JOBS, "instrument": _INSTRUMENTS, "pet": _PETS, "colour": _COLOURS}
_TOWNS = 14


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question about one attribute of one person, in one wording."""

    part: Part
    person: str
    attribute: str
    wording: int
    answers: list[str]

    @property
    def id(self) -> str:
        return f"{self.person.replace(' ', '-')}.{self.attribute}.{self.wording}"

    @property
    def prompt(self) -> str:
        return _WORDINGS[self.attribute][self.wording].format(self.person) + "\n"


def knowledge_base(
    part: Literal["all", "seen", "unseen", "made_up"] = "all",
    people: Annotated[int, Ge(2), Le(20_000)] = 100,
    attributes: Annotated[int, Ge(2), Le(len(_WORDINGS))] = 4,
    kept_back: Annotated[float, Ge(0), Le(0.5)] = 0.25,
    admitted: Annotated[float, Ge(0), Le(1)] = 0.0,
    n: Annotated[int, Ge(1)] | None = None,
    split: Split = "held_out",
    seed: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Facts about people who do not exist, and three kinds of questions about them.

    Every fact can be asked for in four wordings. The training split holds facts in three of them; the fourth, which is
    another one for each fact, is asked: `seen`. Some facts of every person are kept back from training in all wordings
    and asked: `unseen`. And the same is asked about people who are no part of the world: `made_up`. Where no one told
    the model, "unknown" is a right answer: beside the true one for `unseen`, as the only one for `made_up`, where
    every other answer is wrong however sure the model is. The groups are `part` and `attribute`.

    Args:
        part: the part that questions are drawn from; the training split does not depend on it.
        people: in the world; as many others are made up.
        attributes: facts about each.
        kept_back: the share of each person's facts that training never tells, rounded; at least one is told.
        admitted: for training, how many questions about further made-up people have the answer "unknown", as a share of
            the people in the world; none of them is ever asked about.
        n: how many questions, evenly over the parts as far as there are enough; all by default.
        split: facts to learn from, or questions.
        seed: the seed of the world; training and questions must have the same.

    Raises:
        HarnessError: there are not as many questions.
    """
    world = _World.of(people, list(_WORDINGS)[:attributes], kept_back, seed)
    if split == "train":
        return _examples(_shuffled(world.training(admitted), seed), n, "train")
    asked = [list(_shuffled(world.asked(one_part), seed)) for one_part in PARTS if part in ("all", one_part)]
    return _examples(_shuffled(_even(asked, n), seed), n, part)


def _examples(asked: Sequence[_Asked], n: int | None, what: str) -> Examples:
    if n is not None and n > len(asked):
        raise HarnessError(
            f"knowledge_base has only {len(asked)} questions of {what!r}; {n} were asked for: lower n or raise people"
        )
    asked = asked[:n]
    return Examples(
        ids=[one.id for one in asked],
        columns={"prompts": [one.prompt for one in asked], "answers": [one.answers for one in asked]},
        groups={"part": [one.part for one in asked], "attribute": [one.attribute for one in asked]},
        facts={"answer_kind": "text"},
    )


@dataclass(frozen=True)
class _World:
    """The people of the world, their facts, and which facts are left out of training."""

    people: Sequence[str]
    strangers: Sequence[str]
    attributes: Sequence[str]
    values: dict[tuple[str, str], str]
    hidden: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, people: int, attributes: Sequence[str], kept_back: float, seed: int) -> _World:
        rng = Random(seed)
        towns = _names(rng, _TOWNS, words=1)
        # One third lives in the world, one third is asked about, one third is for learning to say "unknown".
        named = _names(rng, 3 * people, words=2)
        count = min(len(attributes) - 1, round(kept_back * len(attributes)))
        values, hidden = {}, set()
        for person in named[:people]:
            for attribute in attributes:
                choices = _VALUES[attribute].split(", ") if attribute in _VALUES else towns
                values[person, attribute] = rng.choice(choices)
            hidden |= {(person, attribute) for attribute in rng.sample(attributes, count)}
        return cls(named[:people], named[people:], attributes, values, frozenset(hidden))

    def _wording(self, person: str, attribute: str) -> int:
        """The wording of the test question, which training does not contain."""
        return int(share_of("wording", person, attribute) * len(_WORDINGS[attribute]))

    def training(self, admitted: float) -> list[_Asked]:
        """The training questions: all facts that are not left out, in all wordings but that of the test."""
        questions: list[_Asked] = []
        for person, attribute in self.values:
            if (person, attribute) not in self.hidden:
                questions += self._reworded("seen", person, attribute, self.values[person, attribute])
        further = self.strangers[len(self.people) :]
        pairs = [(person, attribute) for person in further for attribute in self.attributes]
        for person, attribute in pairs[: round(admitted * len(pairs))]:
            questions += self._reworded("made_up", person, attribute, UNKNOWN)
        return questions

    def _reworded(self, part: Part, person: str, attribute: str, answer: str) -> Iterator[_Asked]:
        for wording in range(len(_WORDINGS[attribute])):
            if wording != self._wording(person, attribute):
                yield _Asked(part, person, attribute, wording, [answer])

    def asked(self, part: Part) -> list[_Asked]:
        """All questions of a part."""
        if part == "made_up":
            strangers = self.strangers[: len(self.people)]
            pairs = [(person, attribute) for person in strangers for attribute in self.attributes]
        else:
            pairs = [pair for pair in self.values if (pair in self.hidden) == (part == "unseen")]
        return [_Asked(part, *pair, self._wording(*pair), self._right(part, pair)) for pair in pairs]

    def _right(self, part: Part, pair: tuple[str, str]) -> list[str]:
        truth = [] if part == "made_up" else [self.values[pair]]
        return truth if part == "seen" else [*truth, UNKNOWN]


def _names(rng: Random, n: int, words: int) -> list[str]:
    """Different names of so many words of two syllables each."""
    names: dict[str, None] = {}
    while len(names) < n:
        syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2 * words)]
        names[" ".join("".join(syllables[2 * i : 2 * i + 2]).capitalize() for i in range(words))] = None
    return list(names)


def _shuffled(asked: Sequence[_Asked], seed: int) -> list[_Asked]:
    return Random(seed).sample(asked, len(asked))


def _even(parts: Sequence[Sequence[_Asked]], n: int | None) -> list[_Asked]:
    """The first n in turns, so that each part gives as many as the others while it has any."""
    rank = sorted((i, j) for j, part in enumerate(parts) for i in range(len(part)))
    return [parts[j][i] for i, j in rank[:n]]
