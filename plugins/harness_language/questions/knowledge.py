"""A made-up world of people and facts, to ask for what a model was told, was not told, and what there is not."""

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
_WORDINGS = {
    "birthplace": ("Where was {} born?", "What is the birthplace of {}?", "{} was born in which town?"),
    "job": ("What is the job of {}?", "What does {} work as?", "Which trade does {} follow?"),
    "instrument": ("What does {} play?", "Which instrument does {} play?", "What is the instrument of {}?"),
    "pet": ("Which animal does {} keep?", "What is the pet of {}?", "What animal lives with {}?"),
    "colour": ("What is the colour that {} likes best?", "Which colour does {} like?", "What is the colour of {}?"),
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
    """What is said of people who do not exist: facts to be learnt, and three sorts of questions about them.

    Every fact can be asked for in three wordings. The training split holds facts in two of them; the third, which is
    another one for each fact, is asked: `seen`. Some facts of every person are kept back from training in all wordings
    and asked: `unseen`. And the same is asked about people who are no part of the world: `made_up`. Where no one told
    the model, "unknown" is a right answer: beside the true one for `unseen`, as the only one for `made_up`, where
    every other answer is wrong however sure the model is. The groups are `part` and `attribute`.

    Args:
        part: which questions are asked; the training split does not depend on it.
        people: in the world; as many others are made up.
        attributes: facts about each.
        kept_back: the share of each person's facts that training never tells, rounded; at least one is told.
        admitted: for training, how many questions about further made-up people have the answer "unknown", as a share of
            the people in the world; none of them is ever asked about.
        n: how many questions, evenly over the parts as far as there are enough; all by default.
        split: facts to learn from, or questions.
        seed: of the world; training and questions must have the same.

    Raises:
        HarnessError: there are not as many questions.
    """
    world = _World.of(people, list(_WORDINGS)[:attributes], kept_back, seed)
    if split == "train":
        return _examples(_shuffled(world.told(admitted), seed), n, "train")
    asked = [list(_shuffled(world.asked(each), seed)) for each in PARTS if part in ("all", each)]
    return _examples(_shuffled(_even(asked, n), seed), n, part)


def _examples(asked: Sequence[_Asked], n: int | None, what: str) -> Examples:
    if n is not None and n > len(asked):
        raise HarnessError(
            f"knowledge_base has only {len(asked)} questions of {what!r}; {n} were asked for: lower n or raise people"
        )
    asked = asked[:n]
    return Examples(
        ids=[each.id for each in asked],
        columns={"prompts": [each.prompt for each in asked], "answers": [each.answers for each in asked]},
        groups={"part": [each.part for each in asked], "attribute": [each.attribute for each in asked]},
        facts={"answer_kind": "text"},
    )


@dataclass(frozen=True)
class _World:
    """Who lives in it, what is true of them, and what of this is kept back."""

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
        """The wording in which it is asked, and which training does not hold."""
        return int(share_of("wording", person, attribute) * len(_WORDINGS[attribute]))

    def told(self, admitted: float) -> list[_Asked]:
        """What training tells: the facts that are not kept back, in all wordings but the one that is asked."""
        told: list[_Asked] = []
        for person, attribute in self.values:
            if (person, attribute) not in self.hidden:
                told += self._reworded("seen", person, attribute, self.values[person, attribute])
        further = self.strangers[len(self.people) :]
        pairs = [(person, attribute) for person in further for attribute in self.attributes]
        for person, attribute in pairs[: round(admitted * len(pairs))]:
            told += self._reworded("made_up", person, attribute, UNKNOWN)
        return told

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
    found: dict[str, None] = {}
    while len(found) < n:
        syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2 * words)]
        found[" ".join("".join(syllables[2 * i : 2 * i + 2]).capitalize() for i in range(words))] = None
    return list(found)


def _shuffled(asked: Sequence[_Asked], seed: int) -> list[_Asked]:
    return Random(seed).sample(asked, len(asked))


def _even(parts: Sequence[Sequence[_Asked]], n: int | None) -> list[_Asked]:
    """The first n in turns, so that each part gives as many as the others while it has any."""
    rank = sorted((i, j) for j, part in enumerate(parts) for i in range(len(part)))
    return [parts[j][i] for i, j in rank[:n]]
